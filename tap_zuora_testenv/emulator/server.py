"""Run the emulator on loopback in a background thread; it is ready as soon as the context is entered."""

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
# Long enough for a client that pauses to keep its pooled connections.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048
STOPPING_TAKES_AT_MOST_SECONDS = 5


class _Server(uvicorn.Server):
    """A uvicorn server that reports when it is listening, and stops at once rather than at its next look at a flag."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()
        self._stop = asyncio.Event()

    def run_on(self, listener: socket.socket) -> None:
        """Serve a socket; a failure to start is reported as well, so that nobody waits forever."""
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
        """Close everything at once: nobody waits for the responses of an emulator that is stopped."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        # Otherwise uvicorn would respond with 500, as if Zuora did.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Transports close in the next iteration of the event loop.
        await asyncio.sleep(0)
        for task in self.server_state.tasks:
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)

    def stop(self) -> None:
        """Stop; called from another thread."""
        self._loop.call_soon_threadsafe(self._stop.set)


class EmulatorServer:
    """A context in which a Zuora is served on 127.0.0.1.

    Args:
        zuora: The Zuora.
        port: The port; 0 for any free one.

    Raises:
        OSError: On entering, if the port is taken.
    """

    def __init__(self, zuora: Zuora, port: int = 0) -> None:
        self.zuora = zuora
        self.port = port

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; valid inside the context."""
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
            raise RuntimeError("The emulator did not start; see the traceback of its thread.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join(STOPPING_TAKES_AT_MOST_SECONDS)


def _listen(port: int) -> socket.socket:
    """Bind the port here rather than in uvicorn: the port is then known, or taken, before anything runs.

    The protocol is named because asyncio turns Nagle's algorithm off only for sockets created with the protocol TCP;
    with Nagle's algorithm, a response, whose head and body are two writes, takes 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # On Windows this option would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
