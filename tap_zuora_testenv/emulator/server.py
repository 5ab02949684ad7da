"""A server of the emulator in this process: loopback only, on a thread of its own, there as soon as it says so."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from typing import TYPE_CHECKING, Self

import uvicorn

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

from tap_zuora_testenv.emulator.app import create_app

if TYPE_CHECKING:
    from types import TracebackType

    from tap_zuora_testenv.emulator.zuora import Zuora

LOOPBACK = "127.0.0.1"
# Long enough that a pooled connection is not closed under a client that pauses.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
STOPPING_TAKES_AT_MOST_SECONDS = 5


class _Server(uvicorn.Server):
    """Uvicorn that says when it listens, and stops when told rather than at its next look at a flag."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()
        self._stop = asyncio.Event()

    def run_on(self, listener: socket.socket) -> None:
        """Serve a socket, and say so too when that came to nothing: nobody shall wait for ever."""
        try:
            self.run([listener])
        finally:
            self.settled.set()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.settled.set()

    @override
    async def main_loop(self) -> None:
        await self._stop.wait()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything at once: nobody waits for the answers of an emulator that is told to stop."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        # Broken off rather than ended: uvicorn would answer 500, and that would look like one of Zuora's.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Transports say goodbye in the loop's next round.
        await asyncio.sleep(0)
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)

    def stop(self) -> None:
        """Stop, asked from another thread."""
        self._loop.call_soon_threadsafe(self._stop.set)


class EmulatorServer:
    """Serves a Zuora on 127.0.0.1 while its context lasts.

    Args:
        zuora: Who answers.
        port: The port; 0 for any that is free.

    Raises:
        OSError: On entering, when the port is taken.
    """

    def __init__(self, zuora: Zuora, port: int = 0) -> None:
        self.zuora = zuora
        self.port = port

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; while the context lasts."""
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        listener = _listen(self.port)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(self.zuora),
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run_on, args=(listener,), name="zuora-testenv-emulator", daemon=True
        )
        self._thread.start()
        self._server.settled.wait()
        if not self._server.started:
            raise RuntimeError("The emulator did not start; the traceback of its thread says why.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join(STOPPING_TAKES_AT_MOST_SECONDS)


def _listen(port: int) -> socket.socket:
    """Bind here and not in uvicorn: the port is known, or refused, before anything runs.

    The protocol is named because asyncio turns Nagle's algorithm off only for sockets that say they are TCP; with it
    an answer, whose head and body are two writes, takes 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # There it would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
