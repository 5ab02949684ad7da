"""How a request travels: one pool of connections, the environment's proxy and CA bundle, a time limit that holds."""

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

from tap_zuora_testenv.answers import Answer
from tap_zuora_testenv.errors import Asked, TlsRefused, Transient, Unusable, ZuoraError
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    import socket

    from typing_extensions import Buffer


def session(base_url: str, connections: int) -> requests.Session:
    """Make the session that all requests of a run share.

    Args:
        base_url: Where every request goes.
        connections: How many connections may be open at once.
    """
    shared = requests.Session()
    # What the environment says of proxies and certificates is read here, once: requests would read it again for each
    # request, and the credentials of a .netrc file with it, which would replace the Authorization header.
    environment = shared.merge_environment_settings(base_url, {}, stream=None, verify=None, cert=None)
    shared.proxies, shared.verify = dict(environment["proxies"]), environment["verify"]
    shared.trust_env = False
    passwords = [urlsplit(proxy).password for proxy in shared.proxies.values()]
    REDACTION.conceal([*passwords, *(unquote(password) for password in passwords if password)])
    shared.mount(base_url, DeadlineAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
    return shared


def send(shared: requests.Session, request: requests.PreparedRequest, timeout: float) -> requests.Response:
    """Send a request and take in its whole answer; redirects are not followed.

    Args:
        shared: The session of the run.
        request: The request, complete.
        timeout: Seconds, from the connection to the end of the answer.

    Raises:
        ZuoraError: No whole answer came.
    """
    # Through the adapter: what a session adds are redirects and cookies, neither of which is wanted here.
    adapter = shared.get_adapter(request.url or "")
    try:
        # The adapter takes urllib3's own limit, which counts the connecting too; its type does not say so.
        limit: Any = Timeout(total=timeout)
        response = adapter.send(request, timeout=limit, verify=shared.verify or True, proxies=shared.proxies)
        # Read here, while what breaks is still this request's.
        _ = response.content
    except requests.RequestException as cause:
        # Without the cause: its text and its request can hold secrets.
        raise broken(_asked(request), cause) from None
    return response


def answer(response: requests.Response) -> Answer:
    """Return what the pure modules need of a response."""
    asked = _asked(response.request)
    return Answer(asked, response.status_code, response.headers, response.content, datetime.now(UTC))


def _asked(request: requests.PreparedRequest) -> Asked:
    parts = urlsplit(request.url or "")
    return Asked(request.method or "", str(parts.path), str(parts.netloc))


def broken(asked: Asked, cause: requests.RequestException) -> ZuoraError:
    """Say what a request without an answer means.

    Args:
        asked: The request.
        cause: What `requests` raised; its text is not used, as it can hold the address of a proxy with its password.
    """
    match cause:
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            reason = "the host's certificate is not trusted; name the right CA bundle in REQUESTS_CA_BUNDLE"
            return TlsRefused(asked, reason)
        case requests.exceptions.ConnectTimeout():
            reason = "no connection within request_timeout; check the network, a proxy, a firewall"
        case requests.exceptions.ProxyError():
            reason = "the proxy did not let it through; check HTTPS_PROXY and NO_PROXY"
        case requests.exceptions.Timeout():
            reason = "no whole answer within request_timeout"
        case requests.exceptions.ContentDecodingError() | requests.exceptions.ChunkedEncodingError():
            reason = "the answer broke off or is damaged"
        case requests.exceptions.ConnectionError() if "Read timed out" in str(cause):
            # What requests makes of silence in the midst of a body.
            reason = "no whole answer within request_timeout"
        case requests.exceptions.ConnectionError() if "NameResolution" in str(cause):
            reason = "the name of the host is not found; check base_url and the network"
        case requests.exceptions.ConnectionError():
            reason = "the connection failed or broke; check the network and base_url"
        case _:
            return Unusable(asked, f"it could not be sent ({type(cause).__name__}); check base_url and the proxy")
    return Transient(asked, reason)


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose timeout is for the whole answer.

    The timeout of `requests` is for each read: a server that sends a byte a second holds a request for ever.
    """

    _pool: Any = None

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        # One host, one proxy, one bundle: the pool of the first request is that of all.
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a moment, however often something arrives."""

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
