"""How a request travels: one pool of connections, the environment's proxy and CA bundle, and a deadline that holds."""

from __future__ import annotations

import http.client
import io
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Timeout

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import Response
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, Transient, ZuoraError

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer


class Transport:
    """Sends requests to one host, from any number of threads at once."""

    def __init__(self, base_url: str, *, connections: int, timeout: float) -> None:
        """Read the environment's proxy and CA bundle.

        Args:
            base_url: The URL that the path of every request is appended to.
            connections: How many connections may be open at once.
            timeout: Seconds per request, from the connection to the end of the response.
        """
        self._timeout = timeout
        # The environment's proxy and CA bundle are read here, once. requests would read them again for each request,
        # and with them the credentials of a .netrc file, which would replace the Authorization header.
        with requests.Session() as session:
            environment = session.merge_environment_settings(base_url, {}, stream=None, verify=None, cert=None)
        self._proxies, self._verify = dict(environment["proxies"]), environment["verify"] or True
        passwords = [urlsplit(proxy).password for proxy in self._proxies.values()]
        REDACTION.conceal([*passwords, *(unquote(password) for password in passwords if password)])
        self._adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)

    def send(self, request: requests.PreparedRequest, exchange: Exchange) -> Response:
        """Send a request and read its whole response. Redirects are not followed.

        Args:
            request: The request.
            exchange: The same request, as errors and log lines describe it.

        Raises:
            ZuoraError: No whole response arrived.
        """
        # urllib3's own limit includes the time to connect; the adapter takes it, though its type does not say so.
        limit: Any = Timeout(total=self._timeout)
        try:
            # Not through a session, which would add redirects and cookies.
            response = self._adapter.send(request, timeout=limit, verify=self._verify, proxies=self._proxies)
            # Reading the body is part of the request: if it breaks, the request has failed.
            body = response.content
        except requests.RequestException as cause:
            # Without the cause: its text and its request can contain secrets.
            raise broken(exchange, cause) from None
        return Response(exchange, response.status_code, response.headers, body, datetime.now(UTC))

    def close(self) -> None:
        """Close the connections that no request is using."""
        self._adapter.close()


def broken(exchange: Exchange, cause: requests.RequestException) -> ZuoraError:
    """Classify a request that brought no whole response.

    Args:
        exchange: The request.
        cause: What `requests` raised. Its text is never shown: it can contain the URL of a proxy with its password.
    """
    match cause:
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            reason = "the host's certificate is not trusted; name the right CA bundle in REQUESTS_CA_BUNDLE"
            return Fatal(exchange, reason)
        case requests.exceptions.ConnectTimeout():
            reason = "no connection within request_timeout; check the network, a proxy, a firewall"
        case requests.exceptions.ProxyError():
            reason = "the proxy did not let it through; check HTTPS_PROXY and NO_PROXY"
        case requests.exceptions.Timeout():
            reason = "no whole answer within request_timeout"
        case requests.exceptions.ContentDecodingError() | requests.exceptions.ChunkedEncodingError():
            reason = "the answer broke off or is damaged"
        case requests.exceptions.ConnectionError() if "Read timed out" in str(cause):
            # This is what requests raises for silence within a body.
            reason = "no whole answer within request_timeout"
        case requests.exceptions.ConnectionError() if "NameResolution" in str(cause):
            reason = "the name of the host is not found; check base_url and the network"
        case requests.exceptions.ConnectionError():
            reason = "the connection failed or broke; check the network and base_url"
        case _:
            reason = f"it could not be sent ({type(cause).__name__}); check base_url and the proxy"
            return ZuoraError(exchange, reason)
    return Transient(exchange, reason)


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose timeout is for the whole response.

    The timeout of `requests` is per read: a server that sends one byte per second would hold a request forever.
    """

    _pool: Any = None

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        # One host, one proxy, one bundle: the pool of the first request is the pool of all.
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline, however often something arrives."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock
        timeout = sock.gettimeout()
        self._deadline = None if timeout is None else time.monotonic() + timeout

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _DeadlineConnection(HTTPConnection):
    response_class = _DeadlineResponse


class _DeadlineTlsConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _DeadlineTlsPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineTlsConnection


_POOLS = {"http": _DeadlinePool, "https": _DeadlineTlsPool}
