from __future__ import annotations

import itertools
import logging
import socket
import ssl
import struct
import threading
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override
from urllib3.util.connection import create_connection

from tap_zuora_testenv.zuora import connections
from tap_zuora_testenv.zuora.errors import Transient
from tap_zuora_testenv.zuora.transport import Transport
from tests.unit.zuora.raw_server import (
    JOB,
    LONG,
    OK,
    SOON,
    WHOLE,
    Server,
    answers,
    ask,
    failure,
    resets_after,
    resolving,
    send,
    sends,
    server_context,
    stalls_after,
    write_certificate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Behave = Callable[[Server, socket.socket], None]

FAILED = "the connection failed or broke"
LATE = "no whole answer within request_timeout"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> ssl.SSLContext:
    """The context of a server whose certificate is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    return server_context(certificate)


def in_turns(*behaviours: Behave) -> Behave:
    """Treat each connection in a different way, and all further ones in the last way."""
    numbers = itertools.count()

    def behave(server: Server, connection: socket.socket) -> None:
        behaviours[min(next(numbers), len(behaviours) - 1)](server, connection)

    return behave


# A host with several addresses.


@pytest.fixture
def swallowing() -> Iterator[Callable[[int], str]]:
    """Return a function that keeps connections to a port of this machine from being accepted or refused."""
    with ExitStack() as held:

        def swallow(port: int) -> str:
            listening = held.enter_context(socket.create_server(("127.0.0.2", port), backlog=0))
            # The kernel drops packets while its queue is full.
            for _ in range(2):
                waiting = held.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listening.getsockname())
            return "127.0.0.2"

        yield swallow


@pytest.mark.parametrize("count", [1, 3])
def test_an_address_that_swallows_connections_leaves_the_others_their_time(
    monkeypatch: pytest.MonkeyPatch, swallowing: Callable[[int], str], count: int
) -> None:
    with Server(answers(*[WHOLE] * 2)) as server:
        silent = swallowing(server.port)
        monkeypatch.setattr(socket, "getaddrinfo", resolving(silent, "127.0.0.1"))
        url = f"http://zuora.example:{server.port}"
        with closing(Transport(url, connections=count, timeout=4.0)) as shared:
            began = time.monotonic()
            for _ in range(count):
                assert send(shared, url).body == JOB
            # The address that was reached is tried first from then on.
            assert time.monotonic() - began < 4.0


def test_when_every_address_swallows_connections_the_time_is_over_once(
    monkeypatch: pytest.MonkeyPatch, swallowing: Callable[[int], str]
) -> None:
    with Server(sends(WHOLE)) as server:
        silent = swallowing(server.port)
        monkeypatch.setattr(socket, "getaddrinfo", resolving(silent))
        began = time.monotonic()
        with pytest.raises(Transient, match="no connection within request_timeout"):
            ask(f"http://zuora.example:{server.port}", 0.5)
    assert 0.4 < time.monotonic() - began < LONG / 2


@pytest.mark.parametrize("addresses", [("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")])
def test_an_address_that_refuses_connections_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving(*addresses))
    with Server(sends(WHOLE)) as server:
        assert ask(f"http://zuora.example:{server.port}").body == JOB


def test_an_address_that_can_no_longer_be_reached_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", resolving("127.0.0.2", "127.0.0.1"))
        url = f"http://zuora.example:{server.port}"
        with closing(Transport(url, connections=1, timeout=LONG)) as shared:
            send(shared, url)
            monkeypatch.setattr(socket, "getaddrinfo", resolving("127.0.0.3"))
            with pytest.raises(Transient, match=FAILED):
                send(shared, url)


def test_an_impossible_name_is_not_found() -> None:
    with pytest.raises(Transient, match="the name of the host is not found"):
        ask(f"https://{'a' * 64}.example")


# A connection that the server has closed meanwhile.


@pytest.mark.parametrize("breaks", [sends(b""), resets_after(b"")], ids=["closed", "reset"])
@pytest.mark.parametrize("requests", [1, 2, 5])
def test_a_kept_connection_that_is_closed_before_an_answer_is_replaced_at_once(breaks: Behave, requests: int) -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(WHOLE)
        if server.read_request(connection):
            breaks(server, connection)

    with Server(behave) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        for _ in range(requests):
            assert send(shared, server.url).body == JOB
    assert server.connections == requests


def test_a_kept_tls_connection_that_is_closed_before_an_answer_is_replaced_at_once(tls: ssl.SSLContext) -> None:
    with Server(answers(WHOLE), tls) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        for _ in range(3):
            assert send(shared, server.url).body == JOB
    assert server.connections == 3


def test_a_request_is_sent_again_only_once() -> None:
    with (
        Server(in_turns(answers(WHOLE), sends(b""))) as server,
        closing(Transport(server.url, connections=1, timeout=LONG)) as shared,
    ):
        send(shared, server.url)
        with pytest.raises(Transient, match=FAILED):
            send(shared, server.url)
    assert server.connections == 2


def test_a_fresh_connection_that_is_closed_before_an_answer_is_a_fault() -> None:
    with Server(sends(b"")) as server, pytest.raises(Transient, match=FAILED):
        ask(server.url)
    assert server.connections == 1


@pytest.mark.parametrize("started", [b"H", OK, b"garbage"])
def test_an_answer_that_has_started_on_a_kept_connection_is_not_requested_again(started: bytes) -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(WHOLE)
        if server.read_request(connection):
            resets_after(started)(server, connection)

    with Server(behave) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        send(shared, server.url)
        with suppress(Transient):
            send(shared, server.url)
    assert server.connections == 1


def test_silence_on_a_kept_connection_takes_the_time_of_one_request() -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(WHOLE)
        if server.read_request(connection):
            stalls_after(b"")(server, connection)

    with Server(behave) as server, closing(Transport(server.url, connections=1, timeout=SOON)) as shared:
        send(shared, server.url)
        with pytest.raises(Transient, match=LATE):
            send(shared, server.url)
    assert server.connections == 1


def test_a_request_that_is_sent_again_has_only_the_rest_of_its_time() -> None:
    def closes_late(server: Server, connection: socket.socket) -> None:
        connection.sendall(WHOLE)
        if server.read_request(connection):
            server.is_over.wait(0.6)

    with (
        Server(in_turns(closes_late, stalls_after(b""))) as server,
        closing(Transport(server.url, connections=1, timeout=1.0)) as shared,
    ):
        send(shared, server.url)
        began = time.monotonic()
        with pytest.raises(Transient, match=LATE):
            send(shared, server.url)
    assert server.connections == 2
    assert time.monotonic() - began < 1.5


def test_a_tunnel_that_is_closed_before_an_answer_is_opened_again(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    def tunnel(server: Server, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inside:
            server.read_request(inside)
            answers(WHOLE)(server, inside)

    with Server(tunnel) as proxy:
        # The host of the certificate, by a name that only the proxy knows.
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setattr("tap_zuora_testenv.zuora.transport.is_loopback_host", lambda _: False)
        url = "https://127.0.0.1:1"
        with closing(Transport(url, connections=1, timeout=LONG)) as shared:
            for _ in range(3):
                assert send(shared, url).body == JOB
    assert proxy.connections == 3


# Interim responses, and a malformed head.


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nX-Gateway : a\r\nContent-Length: 5\r\n\r\n" * 3,
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n",
    ],
)
def test_what_comes_before_the_final_status_is_skipped(interim: bytes) -> None:
    with (
        Server(answers(interim + WHOLE, WHOLE)) as server,
        closing(Transport(server.url, connections=1, timeout=LONG)) as shared,
    ):
        response = send(shared, server.url)
        assert (response.status, response.body, response.headers["zuora-request-id"]) == (200, JOB, "R1")
        assert "link" not in response.headers
        assert send(shared, server.url).body == JOB
    assert server.connections == 1


def test_early_hints_without_an_answer_are_not_an_answer() -> None:
    error = failure(stalls_after(b"HTTP/1.1 103 Early Hints\r\n\r\n"), SOON)
    assert error.reason == LATE
    assert failure(sends(b"HTTP/1.1 103 Early Hints\r\n\r\n")).reason.startswith(FAILED)


def test_endless_early_hints_do_not_restart_the_timeout() -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        while not server.is_over.wait(SOON / 10):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    assert failure(behave, SOON).reason == LATE


MALFORMED = [
    b"X-Gateway : a\r\n",
    b"X-Gateway\t: a\r\n",
    b"X-Gateway \r\n",
    b"no field\r\n",
    b": no name\r\n",
    b"two words: a\r\n",
    b" folded without a beginning\r\n",
    b"no field\r\n folded\r\n",
    b"X-Gateway: a\rb: c\r\n",
    b"X-Gateway: a\r\r\n",
    b"X-Gateway: a\n",
    b"\xff\xfe: a\r\n",
    b"X-Gateway: \xff\xfe\r\n",
    b"X-Gateway: \x00\x1c\x85\r\n",
    b"From nobody\r\n",
]


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_header_field_costs_no_other_field_and_no_line_of_the_log(
    caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    caplog.set_level(logging.INFO)
    head = OK + line + b"Zuora-Request-Id: R1\r\nContent-Length: 11\r\n\r\n"
    with (
        Server(answers(head + JOB, head + JOB)) as server,
        closing(Transport(server.url, connections=1, timeout=LONG)) as shared,
    ):
        for _ in range(2):
            response = send(shared, server.url)
            assert (response.body, response.headers["zuora-request-id"]) == (JOB, "R1")
    assert server.connections == 1
    assert caplog.messages == []


def test_a_field_with_white_space_before_its_colon_is_read() -> None:
    with Server(sends(OK + b"Retry-After : 7\r\nContent-Length \t: 11\r\n\r\n" + JOB + b"more")) as server:
        response = ask(server.url)
    assert (response.headers["retry-after"], response.body) == ("7", JOB)


def test_a_folded_field_is_one_field() -> None:
    with Server(sends(OK + b"X-Gateway: a\r\n  b\r\n\tc\r\nContent-Length: 11\r\n\r\n" + JOB)) as server:
        assert ask(server.url).headers["x-gateway"].split() == ["a", "b", "c"]


# Connections that are opened before the first request.


class Opened:
    """Counts the connections that were opened early, and waits for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ended = threading.Semaphore(0)
        open_early = connections._Pool._open_early  # noqa: SLF001 - from outside, nobody knows when it is done

        def counted(pool: Any, connection: Any) -> None:
            open_early(pool, connection)
            self._ended.release()

        monkeypatch.setattr(connections._Pool, "_open_early", counted)  # noqa: SLF001 - as above

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._ended.acquire(timeout=LONG)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


def send_together(shared: Transport, url: str, count: int) -> list[bytes]:
    """Send requests from this many threads at once."""
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(send(shared, url).body)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    return bodies


def together(count: int) -> Behave:
    """Answer when this many requests have arrived on as many connections, and then each at once."""
    barrier = threading.Barrier(count)

    def behave(server: Server, connection: socket.socket) -> None:
        barrier.wait(LONG)
        answers(*[WHOLE] * 3)(server, connection)

    return behave


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("waits", [True, False], ids=["when they are open", "while they are being opened"])
def test_no_connection_is_opened_twice(
    tls: ssl.SSLContext, opened: Opened, version: ssl.TLSVersion, *, waits: bool
) -> None:
    tls.minimum_version = tls.maximum_version = version
    with Server(together(5), tls) as server, closing(Transport(server.url, connections=6, timeout=LONG)) as shared:
        shared.open_early(5)
        if waits:
            opened.wait_for(5)
        assert send_together(shared, server.url, 5) == [JOB] * 5
        assert send(shared, server.url).body == JOB
    assert server.connections == 5


def test_a_connection_that_was_opened_early_over_plain_http_is_used() -> None:
    with Server(together(3)) as server, closing(Transport(server.url, connections=4, timeout=LONG)) as shared:
        shared.open_early(3)
        assert send_together(shared, server.url, 3) == [JOB] * 3
    assert server.connections == 3


def test_no_more_connections_are_opened_than_may_be_open(opened: Opened) -> None:
    with Server(answers(WHOLE)) as server, closing(Transport(server.url, connections=3, timeout=LONG)) as shared:
        shared.open_early(10)
        opened.wait_for(3)
        shared.open_early(10)
        assert send(shared, server.url).body == JOB
    assert server.connections == 3


def test_a_connection_that_cannot_be_opened_early_does_not_fail_a_request(opened: Opened, tls: ssl.SSLContext) -> None:
    # The first two connections end within the handshake.
    failing = [2]

    class Context:
        def wrap_socket(self, connection: socket.socket, **options: Any) -> ssl.SSLSocket:
            if failing[0]:
                failing[0] -= 1
                connection.close()
                raise OSError
            return tls.wrap_socket(connection, **options)

    behave = answers(WHOLE, WHOLE)
    with Server(behave, Context()) as server, closing(Transport(server.url, connections=3, timeout=LONG)) as shared:  # type: ignore[arg-type]
        shared.open_early(2)
        opened.wait_for(2)
        assert send(shared, server.url).body == JOB
        assert send(shared, server.url).body == JOB
    assert server.connections == 3


def test_a_connection_that_was_opened_early_and_closed_meanwhile_does_not_fail_a_request(opened: Opened) -> None:
    with (
        Server(in_turns(sends(b""), sends(WHOLE))) as server,
        closing(Transport(server.url, connections=1, timeout=LONG)) as shared,
    ):
        shared.open_early(1)
        opened.wait_for(1)
        assert send(shared, server.url).body == JOB
    assert server.connections == 2


def test_a_connection_that_was_opened_early_and_reset_meanwhile_does_not_fail_a_request(
    opened: Opened, tls: ssl.SSLContext
) -> None:
    is_reset = threading.Event()

    class Context:
        def wrap_socket(self, connection: socket.socket, **options: Any) -> ssl.SSLSocket:
            talking = tls.wrap_socket(connection, **options)
            if not is_reset.is_set():
                talking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                talking.close()
                is_reset.set()
            return talking

    context: Any = Context()
    with (
        Server(answers(WHOLE), context) as server,
        closing(Transport(server.url, connections=1, timeout=LONG)) as shared,
    ):
        shared.open_early(1)
        opened.wait_for(1)
        assert is_reset.wait(LONG)
        assert send(shared, server.url).body == JOB
    assert server.connections == 2


def test_a_server_that_requires_a_client_certificate_is_reported_by_the_request(
    opened: Opened, tls: ssl.SSLContext
) -> None:
    # In TLS 1.3 the server refuses after the handshake is over for the client.
    tls.minimum_version, tls.verify_mode = ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED
    refused = threading.Semaphore(0)

    class Context:
        def wrap_socket(self, connection: socket.socket, **options: Any) -> ssl.SSLSocket:
            try:
                return tls.wrap_socket(connection, **options)
            finally:
                refused.release()

    context: Any = Context()
    with Server(sends(WHOLE), context) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        shared.open_early(1)
        opened.wait_for(1)
        assert refused.acquire(timeout=LONG)
        # The alert of the server may overtake the request or not.
        with pytest.raises(Transient, match=r"no TLS connection|the connection failed"):
            send(shared, server.url)
    assert server.requests == []


def test_without_a_thread_the_requests_open_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread(threading.Thread):
        @override
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with Server(answers(WHOLE)) as server, closing(Transport(server.url, connections=2, timeout=LONG)) as shared:
        with monkeypatch.context() as limited:
            limited.setattr("tap_zuora_testenv.zuora.connections.threading.Thread", NoThread)
            shared.open_early(2)
        assert send(shared, server.url).body == JOB
    assert server.connections == 1


def test_a_connection_that_is_open_only_after_the_end_is_closed(
    monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> None:
    is_closed, made = threading.Event(), list[socket.socket]()

    def late(*arguments: Any) -> socket.socket:
        assert is_closed.wait(LONG)
        made.append(create_connection(*arguments))
        return made[0]

    monkeypatch.setattr(connections, "create_connection", late)
    with Server(sends(WHOLE)) as server:
        shared = Transport(server.url, connections=1, timeout=LONG)
        shared.open_early(1)
        shared.close()
        is_closed.set()
        opened.wait_for(1)
        assert made[0].fileno() == -1


def test_nothing_is_opened_early_where_nothing_can_be_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    with closing(Transport("https://zuora.example", connections=1, timeout=LONG)) as shared:
        shared.open_early(1)


def test_tunnels_are_opened_early(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, opened: Opened) -> None:
    barrier = threading.Barrier(2)

    def tunnel(server: Server, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(connection, server_side=True) as inside:
            server.read_request(inside)
            barrier.wait(LONG)
            inside.sendall(WHOLE)

    with Server(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setattr("tap_zuora_testenv.zuora.transport.is_loopback_host", lambda _: False)
        url = "https://127.0.0.1:1"
        with closing(Transport(url, connections=3, timeout=LONG)) as shared:
            shared.open_early(2)
            opened.wait_for(2)
            # Nagle's algorithm would let requests wait for an acknowledgement.
            pool = shared._adapter._pool  # type: ignore[union-attr]  # noqa: SLF001 - the option of a socket
            for connection in [each for each in pool.pool.queue if each is not None]:
                assert connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert send_together(shared, url, 2) == [JOB, JOB]
    assert proxy.connections == 2


# A SOCKS proxy.


def test_a_socks_proxy_is_used_and_the_time_limit_holds_behind_it(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    hosts: list[str] = []

    def relay(server: Server, connection: socket.socket) -> None:
        # RFC 1928: no authentication, and a connection to an address.
        connection.sendall(b"\x05\x00")
        request = connection.recv(1000)
        hosts.append(socket.inet_ntoa(request[4:8]))
        connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
        with tls.wrap_socket(connection, server_side=True) as inside:
            server.read_request(inside)
            answers(WHOLE)(server, inside)
            server.is_over.wait(LONG)

    class SocksServer(Server):
        @override
        def read_request(self, connection: socket.socket) -> bool:
            if isinstance(connection, ssl.SSLSocket):
                return super().read_request(connection)
            return bool(connection.recv(1000))

    monkeypatch.setattr("tap_zuora_testenv.zuora.transport.is_loopback_host", lambda _: False)
    with SocksServer(relay) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"socks5h://127.0.0.1:{proxy.port}")
        url = "https://127.0.0.1:1"
        with closing(Transport(url, connections=2, timeout=1.0)) as shared:
            shared.open_early(1)
            assert send(shared, url).body == JOB
            with pytest.raises(Transient, match=LATE):
                send(shared, url)
    assert (hosts, proxy.connections) == (["127.0.0.1"], 1)
