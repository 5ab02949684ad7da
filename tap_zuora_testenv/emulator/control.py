"""The emulator's own endpoints: its description, its clock, its request log and its faults; they need no token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from tap_zuora_testenv.emulator.bodies import read_json
from tap_zuora_testenv.emulator.clock import parse_instant
from tap_zuora_testenv.emulator.description import describe
from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.emulator.refusals import Refusal
from tap_zuora_testenv.emulator.stored_environment import json_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

CLOCK_KEYS = {"now", "advance_seconds", "speed"}


class Control:
    """The endpoints that control a Zuora."""

    def __init__(self, zuora: Zuora) -> None:
        self._zuora = zuora

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/openapi.json", self.read_description),
            Route("/emulator/clock", self.read_clock),
            Route("/emulator/clock", self.set_clock, methods=["PUT"]),
            Route("/emulator/requests", self.read_requests),
            Route("/emulator/requests", self.clear_requests, methods=["DELETE"]),
            Route("/emulator/faults", self.read_faults),
            Route("/emulator/faults", self.add_faults, methods=["POST"]),
            Route("/emulator/faults", self.clear_faults, methods=["DELETE"]),
        ]

    async def read_description(self, request: Request) -> Response:
        """Return the OpenAPI description of Zuora's operations."""
        return _json(describe(str(request.base_url).rstrip("/")))

    async def read_clock(self, _request: Request) -> Response:
        """Return the time and the speed."""
        now = self._zuora.clock.now().isoformat().replace("+00:00", "Z")
        return _json({"now": now, "speed": self._zuora.clock.speed})

    async def set_clock(self, request: Request) -> Response:
        """Set the time, then advance it, then change the speed, as far as requested."""
        try:
            body = await read_json(request)
            if not isinstance(body, dict) or not body or body.keys() - CLOCK_KEYS:
                raise ValueError(f"The body must be an object with any of {', '.join(sorted(CLOCK_KEYS))}.")  # noqa: TRY301
            now = parse_instant(body["now"]) if "now" in body else self._zuora.clock.now()
            now += timedelta(seconds=float(body.get("advance_seconds", 0)))
            self._zuora.clock.set(now, speed=float(body["speed"]) if "speed" in body else None)
        except (Refusal, TypeError, ValueError, OverflowError) as error:
            return _bad_request(error)
        return await self.read_clock(request)

    async def read_requests(self, _request: Request) -> Response:
        """Return the request log."""
        return _json(self._zuora.requests.as_json())

    async def clear_requests(self, request: Request) -> Response:
        """Clear the request log."""
        self._zuora.requests.clear()
        return await self.read_requests(request)

    async def read_faults(self, _request: Request) -> Response:
        """Return the faults."""
        return _json({"faults": self._zuora.faults.as_json()})

    async def add_faults(self, request: Request) -> Response:
        """Add a fault, or a list of faults."""
        try:
            body = await read_json(request)
            faults = [Fault.from_json(rule) for rule in (body if isinstance(body, list) else [body])]
        except (Refusal, ValueError) as error:
            return _bad_request(error)
        for fault in faults:
            self._zuora.faults.add(fault)
        return await self.read_faults(request)

    async def clear_faults(self, request: Request) -> Response:
        """Remove all faults."""
        self._zuora.faults.clear()
        return await self.read_faults(request)


def _json(document: object, status: int = 200) -> Response:
    return Response(json_bytes(document) + b"\n", status, media_type="application/json")


def _bad_request(error: Exception) -> Response:
    return _json({"message": str(error)}, 400)
