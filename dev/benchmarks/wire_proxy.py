"""A wire in front of a loopback server: data arrive half a round trip later, the first data one more round trip.

Loopback opens a connection at once; on a real wire that takes a round trip.
"""

from __future__ import annotations

import argparse
import asyncio
import selectors
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable

_READ_AT_ONCE = 65536
# Two chunks that arrive at the same time keep their order.
_TICK = 1e-6


class Wire:
    """Passes on the data of each connection with a delay."""

    def __init__(self, port_behind: int, round_trip: float, *, is_proxy: bool) -> None:
        """Set up.

        Args:
            port_behind: The port of the server.
            round_trip: Seconds.
            is_proxy: Whether a connection begins with CONNECT; whatever host it names, the server answers.
        """
        self._behind, self._round_trip, self._is_proxy = port_behind, round_trip, is_proxy

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        there, back = await asyncio.open_connection("127.0.0.1", self._behind)
        handshake = self._round_trip
        if self._is_proxy:
            await reader.readuntil(b"\r\n\r\n")
            # There and back, after the handshake.
            await asyncio.sleep(handshake + self._round_trip)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            handshake = 0.0
        ways: list[Awaitable[None]] = [self._carry(reader, back, handshake), self._carry(there, writer, 0.0)]
        await asyncio.gather(*ways)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handshake: float) -> None:
        loop, arrival = asyncio.get_running_loop(), 0.0
        while True:
            try:
                data = await reader.read(_READ_AT_ONCE)
            except OSError:
                data = b""
            arrival = max(loop.time() + self._round_trip / 2 + handshake, arrival + _TICK)
            handshake = 0.0
            if not data:
                loop.call_at(arrival, writer.close)
                return
            loop.call_at(arrival, writer.write, data)


async def serve(wire: Wire) -> None:
    """Serve until the process is ended; the first line of the output is the port."""
    # If the protocol is named, asyncio sets TCP_NODELAY on its connections.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(wire.connected, sock=listening, backlog=128)
    print(listening.getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-behind", type=int, required=True)
    parser.add_argument("--round-trip", type=float, required=True)
    parser.add_argument("--proxy", action="store_true")
    given = parser.parse_args()
    wire = Wire(given.port_behind, given.round_trip, is_proxy=given.proxy)
    # epoll, asyncio's own choice, waits in whole milliseconds; select keeps the delay exact.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(wire))


if __name__ == "__main__":
    main()
