"""How a request travels: through the environment's proxy, trusting its CA bundle, within a time and a size."""

from __future__ import annotations

import os
import re
import ssl
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util import Timeout, parse_url
from urllib3.util.ssl_ import create_urllib3_context

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.values import is_loopback_host
from tap_zuora_testenv.zuora.answers import Response, described
from tap_zuora_testenv.zuora.connections import Adapter
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, Transient, ZuoraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST_BODY = 256_000_000
"""Bytes of a decoded response. A larger one is not read to its end."""
_PIECE = 1_000_000

_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What OpenSSL looks for in a folder of certificates.
_HASHED_CERTIFICATE = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_PROXY_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})

_LATE = "no whole answer within request_timeout"
# Of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _ANOTHER_HOSTS = 9, 10, frozenset({62, 64})
_TUNNEL_FAILED = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_PROXY_AUTHENTICATION = 407
# The statuses of a proxy that may let the next request through.
_PASSING_PROXY_STATUS = re.compile("408|429|5..")


class Transport:
    """Sends requests to one host, from any number of threads at once."""

    def __init__(self, base_url: str, *, connections: int, timeout: float) -> None:
        """Read the environment's proxy and CA bundle, and create the pool of connections.

        If a request cannot be sent because of the environment, `send` reports it.

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
        # A proxy cannot reach this machine's own addresses for us, and would see the secret in clear.
        is_loopback = is_loopback_host(urlsplit(base_url).hostname or "")
        self._proxies = {} if is_loopback else dict(environment["proxies"])
        REDACTION.conceal(password for proxy in self._proxies.values() for password in _passwords(proxy))
        self._adapter: Adapter | None = None
        self._problem = ""
        try:
            proxy = _proxy(select_proxy(base_url, self._proxies))
            needs_tls = base_url.startswith("https:") or (proxy is not None and proxy.startswith("https:"))
            bundle = environment["verify"] if isinstance(environment["verify"], str) else DEFAULT_CA_BUNDLE_PATH
            tls = _tls_context(bundle) if needs_tls else None
            self._adapter = Adapter(base_url=base_url, proxy=proxy, tls=tls, connections=connections)
        except _EnvironmentRefused as refused:
            self._problem = str(refused)
        except requests.exceptions.InvalidSchema:
            self._problem = "HTTPS_PROXY or ALL_PROXY names a SOCKS proxy, for which the tap needs the package PySocks"

    def open_early(self, count: int) -> None:
        """Open connections in threads, for requests to come; a failure is that of the request, if it fails as well.

        Args:
            count: How many.
        """
        if self._adapter is not None:
            self._adapter.open_early(count, self._timeout)

    def send(self, request: requests.PreparedRequest, exchange: Exchange) -> Response:
        """Send a request and read its whole response. Redirects are not followed.

        Args:
            request: The request.
            exchange: The same request, as errors and log lines describe it.

        Raises:
            ZuoraError: No whole response arrived.
        """
        if self._adapter is None:
            raise Fatal(None, self._problem, misconfigured=True)
        deadline = time.monotonic() + self._timeout
        # urllib3's own limit includes the time to connect; the adapter takes it, though its type does not say so.
        limit: Any = Timeout(total=self._timeout)
        try:
            # Not through a session, which would add redirects and cookies.
            with closing(self._adapter.send(request, timeout=limit, proxies=self._proxies)) as response:
                # Reading the body is part of the request: if it breaks, the request has failed.
                answered = Response(exchange, response.status_code, response.headers, b"", datetime.now(UTC), deadline)
                return answered._replace(body=_body(response, answered))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as cause:
            # Without the cause: its text and its request can contain secrets.
            raise broken(exchange, cause, is_proxied=bool(self._proxies)) from None

    def close(self) -> None:
        """Close the connections that no request is using."""
        if self._adapter is not None:
            self._adapter.close()


class _EnvironmentRefused(Exception):
    """The environment names a proxy or a CA bundle that cannot be used."""


def _passwords(proxy: str) -> list[str]:
    """Return the password in the URL of a proxy, as it is and unquoted, if there is one."""
    # Not by a parser: a malformed URL may contain a password too.
    user, _, _ = proxy.partition("://")[2].rpartition("@")
    password = user.partition(":")[2]
    return [password, unquote(password)] if password else []


def _proxy(named: str | None) -> str | None:
    if not named:
        return None
    try:
        proxy = named if "://" in named else f"http://{named}"
        parts = parse_url(proxy)
    except ValueError:
        raise _EnvironmentRefused("HTTPS_PROXY or ALL_PROXY is not the URL of a proxy") from None
    if parts.scheme not in _PROXY_SCHEMES or not parts.host:
        raise _EnvironmentRefused(
            "HTTPS_PROXY or ALL_PROXY is not the URL of a proxy, such as http://proxy.example:3128"
        )
    return proxy


def _tls_context(path: str) -> ssl.SSLContext:
    """Return the context of all TLS connections, which trusts the certificates of a file or a folder."""
    context, bundle = create_urllib3_context(), Path(path)
    variable = next((each for each in _BUNDLE_VARIABLES if os.environ.get(each)), "certifi")
    what = f"{variable} names {REDACTION.show(str(bundle))},"
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
            is_empty = not any(_HASHED_CERTIFICATE.fullmatch(each.name) for each in bundle.iterdir())
        else:
            context.load_verify_locations(cafile=bundle)
            is_empty = not context.cert_store_stats()["x509"]
    except ssl.SSLError:
        is_empty = True
    except OSError as error:
        raise _EnvironmentRefused(f"{what} which cannot be read: {error.strerror}") from None
    if is_empty:
        hint = "; a folder needs the links that `openssl rehash` makes" if bundle.is_dir() else ""
        raise _EnvironmentRefused(f"{what} in which there is no certificate{hint}")
    return context


def _body(response: requests.Response, answered: Response) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > LARGEST_BODY:
            reason = f"the answer is larger than {LARGEST_BODY // 1_000_000} MB, and was not read to its end"
            raise ZuoraError(described(answered), reason)
        if time.monotonic() > answered.deadline:
            raise late(answered)
        pieces.append(piece)
    return b"".join(pieces)


def late(response: Response) -> Transient:
    """Return the error of a response that took longer than the time of its request."""
    return Transient(described(response), _LATE)


def broken(exchange: Exchange, cause: Exception, *, is_proxied: bool = False) -> ZuoraError:
    """Classify a request that brought no whole response.

    Args:
        exchange: The request.
        cause: What `requests` or urllib3 raised. Its text is never shown: it can contain the URL of a proxy with its
            password.
        is_proxied: Whether the request went through a proxy.
    """
    causes = list(_causes(cause))
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _untrusted(exchange, each, of_proxy=isinstance(cause, requests.exceptions.ProxyError))
    match cause:
        case requests.exceptions.ConnectTimeout():
            reason = "no connection within request_timeout; check the network, a proxy, a firewall"
        case requests.exceptions.ProxyError():
            return _refused_by_proxy(exchange, " ".join(map(str, causes)))
        case requests.exceptions.Timeout():
            reason = _LATE
        case requests.exceptions.ContentDecodingError() | requests.exceptions.ChunkedEncodingError():
            reason = "the answer broke off or is damaged"
        case requests.exceptions.ConnectionError():
            reason = _lost_connection(cause, causes, is_proxied=is_proxied)
        case _:
            reason = f"it could not be sent ({type(cause).__name__}); check base_url and the proxy"
            return ZuoraError(exchange, reason)
    return Transient(exchange, reason)


def _lost_connection(cause: Exception, causes: Iterable[BaseException], *, is_proxied: bool) -> str:
    if "Read timed out" in str(cause):
        # This is what requests raises for silence within a body.
        return _LATE
    if "NameResolution" in str(cause):
        return "the name of the host is not found; check base_url and the network"
    for each in causes:
        # The end of a connection has its own class.
        if isinstance(each, ssl.SSLError) and not isinstance(each, ssl.SSLEOFError):
            # OpenSSL's word, such as WRONG_VERSION_NUMBER for plain http.
            code = f" ({each.reason})" if each.reason else ""
            return f"no TLS connection{code}; check the port of base_url, and that the host speaks https there"
    if is_proxied:
        return "the connection through the proxy failed or broke; check HTTPS_PROXY, NO_PROXY and base_url"
    return "the connection failed or broke; check the network and base_url"


def _causes(error: object) -> Iterator[BaseException]:
    """Yield an error, and those that it wraps in the ways of requests and urllib3."""
    if isinstance(error, BaseException):
        yield error
        for each in (*error.args, getattr(error, "reason", None)):
            yield from _causes(each)


def _untrusted(exchange: Exchange, cause: ssl.SSLCertVerificationError, *, of_proxy: bool) -> Fatal:
    whose, setting = ("proxy", "HTTPS_PROXY") if of_proxy else ("host", "base_url")
    certificate = f"the certificate of the {whose}"
    if cause.verify_code == _NOT_YET_VALID:
        return Fatal(exchange, f"{certificate} is not valid yet; check the clock of this machine")
    if cause.verify_code == _EXPIRED:
        return Fatal(
            exchange, f"{certificate} has expired; check the clock of this machine, or wait for a new certificate"
        )
    if cause.verify_code in _ANOTHER_HOSTS:
        return Fatal(exchange, f"{certificate} is for another host; check {setting}", misconfigured=True)
    # OpenSSL's words, such as "unable to get local issuer certificate".
    reason = f"{certificate} is not trusted ({cause.verify_message}); name the right CA bundle in REQUESTS_CA_BUNDLE"
    return Fatal(exchange, reason, misconfigured=True)


def _refused_by_proxy(exchange: Exchange, text: str) -> ZuoraError:
    answered = _TUNNEL_FAILED.search(text)
    status = answered[1] if answered else ""
    if status == str(_PROXY_AUTHENTICATION):
        reason = "the proxy requires a user and a password that it accepts (407); put them in HTTPS_PROXY"
        return Fatal(exchange, reason, misconfigured=True)
    if status and not _PASSING_PROXY_STATUS.fullmatch(status):
        reason = (
            f"the proxy does not let it through ({status}); check HTTPS_PROXY and NO_PROXY, or ask who runs the proxy"
        )
        return Fatal(exchange, reason, misconfigured=True)
    if "appears to only use HTTP" in text:
        reason = "the proxy speaks plain http; its URL in HTTPS_PROXY must begin with http://"
        return Fatal(exchange, reason, misconfigured=True)
    if status:
        return Transient(exchange, f"the proxy has not reached the host ({status}); run again later, or check NO_PROXY")
    return Transient(exchange, "no connection through the proxy; check HTTPS_PROXY and NO_PROXY")
