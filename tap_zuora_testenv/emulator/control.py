"""The control endpoints under `/emulator/`: clock, request log and faults; without authentication, never Zuora's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from tap_zuora_testenv.emulator.clock import parse_instant
from tap_zuora_testenv.emulator.faults import Fault

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

CLOCK_KEYS = {"now", "advance_seconds", "speed"}


class Control:
    """The control endpoints of one Zuora.

    Args:
        zuora: What is controlled.
    """

    def __init__(self, zuora: Zuora) -> None:
        self._zuora = zuora

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route("/emulator/clock", self.read_clock),
            Route("/emulator/clock", self.set_clock, methods=["PUT"]),
            Route("/emulator/requests", self.read_requests),
            Route("/emulator/requests", self.clear_requests, methods=["DELETE"]),
            Route("/emulator/faults", self.read_faults),
            Route("/emulator/faults", self.add_faults, methods=["POST"]),
            Route("/emulator/faults", self.clear_faults, methods=["DELETE"]),
        ]

    async def read_clock(self, _request: Request) -> JSONResponse:
        """Tell the time and the speed."""
        now = self._zuora.clock.now().isoformat().replace("+00:00", "Z")
        return JSONResponse({"now": now, "speed": self._zuora.clock.speed})

    async def set_clock(self, request: Request) -> JSONResponse:
        """Set the time, then advance it, then change the speed: whatever of it is asked."""
        try:
            body = json.loads(await request.body())
            if not isinstance(body, dict) or not body or body.keys() - CLOCK_KEYS:
                raise ValueError(f"The clock takes an object with any of {', '.join(sorted(CLOCK_KEYS))}.")  # noqa: TRY301
            now = parse_instant(body["now"]) if "now" in body else self._zuora.clock.now()
            now += timedelta(seconds=float(body.get("advance_seconds", 0)))
            self._zuora.clock.set(now, speed=float(body["speed"]) if "speed" in body else None)
        except (TypeError, ValueError, OverflowError) as error:
            return _not_understood(error)
        return await self.read_clock(request)

    async def read_requests(self, _request: Request) -> JSONResponse:
        """Give the request log."""
        return JSONResponse(self._zuora.requests.as_json())

    async def clear_requests(self, request: Request) -> JSONResponse:
        """Clear the request log."""
        self._zuora.requests.clear()
        return await self.read_requests(request)

    async def read_faults(self, _request: Request) -> JSONResponse:
        """Give the faults."""
        return JSONResponse({"faults": self._zuora.faults.as_json()})

    async def add_faults(self, request: Request) -> JSONResponse:
        """Add a fault, or a list of them."""
        try:
            body = json.loads(await request.body())
            faults = [Fault.from_json(rule) for rule in (body if isinstance(body, list) else [body])]
        except (AttributeError, TypeError, ValueError) as error:
            return _not_understood(error)
        for fault in faults:
            self._zuora.faults.add(fault)
        return await self.read_faults(request)

    async def clear_faults(self, request: Request) -> JSONResponse:
        """Take all faults away."""
        self._zuora.faults.clear()
        return await self.read_faults(request)


def _not_understood(error: Exception) -> JSONResponse:
    return JSONResponse({"message": str(error)}, 400)
