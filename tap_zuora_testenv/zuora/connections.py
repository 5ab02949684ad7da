"""The connections of `transport`: how urllib3's are opened, how long they wait, and what they accept as a response."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, NameResolutionError, NewConnectionError
from urllib3.util import Timeout
from urllib3.util.connection import allowed_gai_family, create_connection
from urllib3.util.ssltransport import SSLTransport

if TYPE_CHECKING:
    from typing_extensions import Buffer

# A header field as it should be sent, and with the white space before its colon that some gateways send.
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*(:.*)", re.DOTALL)
_SWITCHING_PROTOCOLS, _FIRST_FINAL_STATUS = 101, 200
# urllib3 types the connections of a pool by protocols that lack what `_Connection` has.
_AnyConnection: TypeAlias = Any
# A time that is over, for the functions to which 0 means "do not wait".
_HARDLY_ANY_TIME = 0.001


class Adapter(HTTPAdapter):
    """An adapter for one host: one pool of connections, one TLS context, and a timeout for the whole response.

    The timeout of `requests` is per read: a server that sends one byte per second would hold a request forever.
    """

    def __init__(self, base_url: str, *, proxy: str | None, tls: ssl.SSLContext | None, connections: int) -> None:
        """Create the pool.

        Args:
            base_url: The URL of the host.
            proxy: The URL of the proxy, None for none.
            tls: The context of every TLS connection, None if none will be opened.
            connections: How many connections may be open at once.

        Raises:
            requests.RequestException: There can be no pool for such a proxy.
        """
        self._tls = tls
        super().__init__(pool_connections=1, pool_maxsize=connections, pool_block=True)
        manager = self.poolmanager if proxy is None else self.proxy_manager_for(proxy)
        self._pool: Any = manager.connection_from_url(base_url)

    @override
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_socks = proxy.lower().startswith("socks")
        # urllib3 leaves Nagle's algorithm on behind a proxy, and a request would wait there for an acknowledgement.
        kwargs |= {"ssl_context": self._tls, "socket_options": HTTPConnection.default_socket_options}
        kwargs |= {} if is_socks else {"proxy_ssl_context": self._tls}
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _socks_pools() if is_socks else _POOLS
        return manager

    @override
    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return self._pool

    @override
    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: the context verifies. The stock method has urllib3 read the CA bundle for each connection."""

    @override
    def close(self) -> None:
        # The stock method only forgets the pool.
        super().close()
        self._pool.close()

    def open_early(self, count: int, timeout: float) -> None:
        """Open connections in threads, for the requests to come. If one cannot be opened, its request tries again.

        Args:
            count: How many.
            timeout: Seconds to open one.
        """
        self._pool.open_early(count, timeout)


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline, however often something arrives."""

    has_begun = False

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
        size = self._raw.readinto(buffer)
        self.has_begun = self.has_begun or bool(size)
        return size

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _Head:
    """Reads the head of a response: a malformed header field is repaired or skipped, and costs no other field.

    Without this, the standard library would treat the field as the end of the head, and urllib3 would log a traceback.
    White space before a colon is removed, as a proxy has to (RFC 9112, 5.1).
    """

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader
        self._expects_status = True
        self._continues = False

    def readline(self, limit: int) -> bytes:
        """Return the next line that is well-formed."""
        while True:
            line = self._reader.readline(limit)
            if self._expects_status or line in {b"", b"\n", b"\r\n"}:
                # After the end of the head of an interim response comes the next status.
                self._expects_status, self._continues = not self._expects_status, False
                return line
            line = line.rstrip(b"\r\n").replace(b"\r", b" ") + b"\r\n"
            if field := _FIELD.fullmatch(line):
                self._continues = True
                return field[1] + field[2]
            self._continues = self._continues and line.startswith((b" ", b"\t"))
            if self._continues:
                return line

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()


class _Response(http.client.HTTPResponse):
    """A response that arrives before a deadline; what comes before the final status is skipped."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as http.client's
        super().__init__(sock, *args, **kwargs)
        self._reader = _DeadlineReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._reader)

    @property
    def has_begun(self) -> bool:
        """Whether a byte of it has arrived."""
        return self._reader.has_begun

    @override
    def begin(self) -> None:
        reader: Any = self.fp
        head: Any = _Head(reader)
        self.fp = head
        try:
            super().begin()
            # The standard library skips 100 only, but 103 (Early Hints) is not final either.
            while _SWITCHING_PROTOCOLS < self.status < _FIRST_FINAL_STATUS:
                self.headers: Any = None
                super().begin()
        finally:
            # After a malformed status, the reader is closed and gone.
            restored: Any = reader if self.fp is head else None
            self.fp = restored


class _Connection(HTTPConnection):
    """A connection with a time limit for the whole response.

    Attributes:
        is_fresh: Whether it was opened for the request that it is used for.
        opened: Set unless another thread is opening it.
        reached: The address that the last connection of the pool reached, if any.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as urllib3's
        super().__init__(*args, **kwargs)
        self.response_class: Any = self._new_response
        self._response: _Response | None = None
        self.is_fresh = True
        self.opened = threading.Event()
        self.opened.set()
        self.reached: list[str] = []

    def _new_response(self, *args: Any, **kwargs: Any) -> _Response:  # noqa: ANN401 - as http.client's
        self._response = _Response(*args, **kwargs)
        return self._response

    @property
    def is_stale(self) -> bool:
        """Whether a failure may only mean that the server closed the connection while it was idle."""
        return not self.is_fresh and not (self._response is not None and self._response.has_begun)

    @property
    @override
    def is_connected(self) -> bool:
        # A connection that another thread is opening is judged when it is open.
        self.opened.wait()
        return super().is_connected or self._has_only_tickets()

    def _has_only_tickets(self) -> bool:
        """Return whether what has arrived is only TLS 1.3's session tickets, which nobody has read yet."""
        if not isinstance(self.sock, ssl.SSLSocket | SSLTransport):
            return False
        # The request sets its own timeout.
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            pass
        return False

    @override
    def connect(self) -> None:
        self.is_fresh = True
        super().connect()

    @override
    def request(self, *args: Any, **kwargs: Any) -> None:
        self._response = None
        super().request(*args, **kwargs)

    @override
    def getresponse(self) -> Any:
        response = super().getresponse()
        self.is_fresh = False
        return response


class _DirectConnection(_Connection):
    """A connection on which each address of a host has its share of the time."""

    @override
    def _new_conn(self) -> socket.socket:
        # urllib3 gives each address the whole time, which may leave none for the response.
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        try:
            found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        # The one that was reached before comes first.
        hosts = sorted(
            dict.fromkeys(str(address[0]) for *_, address in found), key=lambda host: host not in self.reached
        )
        failure: OSError | None = None
        for index, host in enumerate(hosts):
            left = None if deadline is None else max(deadline - time.monotonic(), _HARDLY_ANY_TIME)
            share = None if left is None else left / (len(hosts) - index)
            try:
                sock = create_connection((host, self.port), share, self.source_address, self.socket_options)
            except OSError as error:
                failure = error
                continue
            self.reached[:] = [host]
            if deadline is not None:
                sock.settimeout(max(deadline - time.monotonic(), _HARDLY_ANY_TIME))
            sys.audit("http.client.connect", self, self.host, self.port)
            return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from failure
        raise NewConnectionError(self, f"Failed to establish a new connection: {failure}") from failure


class _Pool(HTTPConnectionPool):
    """A pool that can open its connections early, and that does not treat a stale one as a fault."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as urllib3's
        super().__init__(*args, **kwargs)
        self._reached: list[str] = []

    @override
    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.reached = self._reached
        return connection

    @override
    def _make_request(self, conn: Any, *args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        try:
            return super()._make_request(conn, *args, **kwargs)
        except OSError as error:
            # The server closed an idle connection, perhaps while the request was on its way to it. After a timeout,
            # no time is left.
            if not conn.is_stale or isinstance(error, TimeoutError):
                raise
        limit, spent = kwargs["timeout"], time.monotonic() - began
        limit = Timeout(total=limit.total and max(limit.total - spent, _HARDLY_ANY_TIME))
        conn.close()
        conn.timeout = limit.connect_timeout
        self._open(conn)
        return super()._make_request(conn, *args, **kwargs | {"timeout": limit})

    def _open(self, connection: _AnyConnection) -> None:
        if self.proxy is not None and self.scheme == "https":
            self._prepare_proxy(connection)
        else:
            connection.connect()

    def open_early(self, count: int, timeout: float) -> None:
        """Open connections in threads; see `Adapter.open_early`."""
        connections: list[_AnyConnection] = []
        with suppress(EmptyPoolError):
            connections += (self._get_conn(timeout=0) for _ in range(count))
        for connection in connections:
            if connection.is_closed:
                connection.timeout = timeout
                connection.opened.clear()
        # A request may take a connection that is still being opened: no more are opened than requests need.
        for connection in connections:
            self._put_conn(connection)
        # The pool gives the last one first.
        for connection in reversed(connections):
            if not connection.opened.is_set():
                thread = threading.Thread(target=self._open_early, args=[connection], name="connect", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    # No thread could be started, so the request opens it.
                    connection.opened.set()

    def _open_early(self, connection: _AnyConnection) -> None:
        try:
            self._open(connection)
        except Exception:  # noqa: BLE001 - the request that needs the connection opens it, and reports what is wrong
            connection.close()
        connection.is_fresh = False
        connection.opened.set()
        if self.pool is None:
            # Closed meanwhile.
            connection.close()


class _TlsConnection(_DirectConnection, HTTPSConnection):
    pass


class _PlainPool(_Pool):
    ConnectionCls = _DirectConnection


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


def _socks_pools() -> dict[str, type[HTTPConnectionPool]]:
    # urllib3 refuses to import this without the package PySocks.
    from urllib3.contrib import socks  # noqa: PLC0415

    class SocksConnection(_Connection, socks.SOCKSConnection):
        pass

    class SocksTlsConnection(_Connection, socks.SOCKSHTTPSConnection):
        pass

    class SocksPool(_Pool):
        ConnectionCls = SocksConnection

    class SocksTlsPool(_Pool, HTTPSConnectionPool):
        ConnectionCls = SocksTlsConnection

    return {"http": SocksPool, "https": SocksTlsPool}
