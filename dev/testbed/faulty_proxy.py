"""A small TCP proxy in front of the emulator that breaks answers on the wire, as no HTTP server can."""

from __future__ import annotations

import contextlib
import fnmatch
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

END_OF_HEAD = b"\r\n\r\n"
BYTES_AT_ONCE = 65536
# A whole answer in drips takes far longer than the tests' time limit.
SECONDS_A_DRIP = 0.02


class WireFault:
    """What happens to an answer's bytes on their way to the client."""

    RESET_BEFORE_HEADERS = "reset before the headers"
    RESET_WITHIN_HEADERS = "reset within the headers"
    RESET_AFTER_HEADERS = "reset after the headers"
    CLOSED_BEFORE_HEADERS = "closed before the headers"
    TRUNCATED = "truncated body"
    LENGTH_TOO_LONG = "Content-Length too long"
    LENGTH_TOO_SHORT = "Content-Length too short"
    NO_HTTP = "no HTTP"
    BAD_GZIP = "bad gzip"
    STALLED_BEFORE_HEADERS = "stalled before the headers"
    STALLED_WITHIN_BODY = "stalled within the body"
    DRIPPED = "dripped"

    EARLY_HINTS = "103 before the answer"
    MALFORMED_HEADER = "malformed header"

    HARMLESS = (EARLY_HINTS, MALFORMED_HEADER)
    ALL = (
        RESET_BEFORE_HEADERS,
        RESET_WITHIN_HEADERS,
        RESET_AFTER_HEADERS,
        CLOSED_BEFORE_HEADERS,
        TRUNCATED,
        LENGTH_TOO_LONG,
        LENGTH_TOO_SHORT,
        NO_HTTP,
        BAD_GZIP,
        STALLED_BEFORE_HEADERS,
        STALLED_WITHIN_BODY,
        DRIPPED,
    )


@dataclass
class Rule:
    """Which answers are broken, and how."""

    fault: str
    path: str
    after: int = 0
    times: int | None = None
    matched: int = field(default=0, init=False)

    def applies(self, path: str) -> bool:
        """Whether the rule is for a request; it counts the requests that match."""
        if not fnmatch.fnmatchcase(path, self.path):
            return False
        self.matched += 1
        return self.after < self.matched <= self.after + (self.times if self.times is not None else self.matched)


class FaultyProxy:
    """Listens on loopback and passes each request on, one at a time per connection."""

    def __init__(self, port_behind: int, tls: ssl.SSLContext | None = None) -> None:
        self._behind = port_behind
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._tls = tls
        self.connections = 0
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            client = held.enter_context(self._tls.wrap_socket(client, server_side=True) if self._tls else client)
            behind = held.enter_context(socket.create_connection(("127.0.0.1", self._behind)))
            self._sockets.append(behind)
            while request := _read_message(client):
                path = request.split(b" ", 2)[1].decode()
                behind.sendall(request)
                answer = _read_message(behind)
                with self._lock:
                    fault = next((rule.fault for rule in self.rules if rule.applies(path)), None)
                if fault is None:
                    client.sendall(answer)
                elif fault == WireFault.EARLY_HINTS:
                    client.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload" + END_OF_HEAD + answer)
                elif fault == WireFault.MALFORMED_HEADER:
                    status, _, rest = answer.partition(b"\r\n")
                    client.sendall(status + b"\r\nX-Gateway : a\r\nno field\r\n" + rest)
                else:
                    self._break(client, fault, answer)
                    return

    def _break(self, client: socket.socket, fault: str, answer: bytes) -> None:
        head, _, body = answer.partition(END_OF_HEAD)
        head += END_OF_HEAD
        whole_head, half = head + body[: len(body) // 2], head[:20]
        damaged = {
            WireFault.RESET_WITHIN_HEADERS: half,
            WireFault.RESET_AFTER_HEADERS: whole_head,
            WireFault.TRUNCATED: whole_head,
            WireFault.LENGTH_TOO_LONG: _with_length(head, len(body) + 10) + body,
            WireFault.LENGTH_TOO_SHORT: _with_length(head, len(body) - 2) + body,
            WireFault.NO_HTTP: b"220 mail.example ESMTP\r\n",
            WireFault.BAD_GZIP: _with_length(head, 4)[:-2] + b"content-encoding: gzip" + END_OF_HEAD + b"\x1f\x8bxx",
            WireFault.STALLED_WITHIN_BODY: whole_head,
            WireFault.DRIPPED: answer,
        }.get(fault, b"")
        if fault == WireFault.DRIPPED:
            for byte in damaged:
                client.sendall(bytes([byte]))
                if self._ended.wait(SECONDS_A_DRIP):
                    return
        client.sendall(damaged)
        if fault.startswith("reset"):
            # With a linger time of 0, the connection is reset rather than closed.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault.startswith("stalled"):
            client.recv(1)


def _read_message(source: socket.socket) -> bytes:
    """Read a request or a response that has a Content-Length; return nothing if the other side is gone."""
    received = b""
    while END_OF_HEAD not in received:
        if not (more := source.recv(BYTES_AT_ONCE)):
            return b""
        received += more
    head, _, body = received.partition(END_OF_HEAD)
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0]) if lengths else 0
    while len(body) < wanted:
        body += source.recv(BYTES_AT_ONCE)
    return head + END_OF_HEAD + body


def _with_length(head: bytes, length: int) -> bytes:
    lines = [
        line
        for line in head.split(b"\r\n")
        if line and not line.lower().startswith((b"content-length", b"content-enc"))
    ]
    # The client would keep a connection whose answer looks whole for the next request, but the connection is closed.
    return b"\r\n".join([*lines, b"connection: close", b"content-length: %d" % length]) + END_OF_HEAD
