"""The emulator as an ASGI application: Zuora's operations and the control endpoints behind one wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tap_zuora_testenv.emulator.control import Control
from tap_zuora_testenv.emulator.operations import Operations
from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NOT_FOUND, Refusal
from tap_zuora_testenv.emulator.wire import Wire, refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

HTTP_NOT_FOUND = 404


def create_app(zuora: Zuora) -> Wire:
    """Make the application.

    Args:
        zuora: Who answers.
    """
    routes = [*Operations(zuora).routes(), *Control(zuora).routes()]
    return Wire(Starlette(routes=routes, exception_handlers={Refusal: _refuse, HTTPException: _refuse}), zuora)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer a refusal, ours or Starlette's of an unknown path or method, in Zuora's shape."""
    if isinstance(error, HTTPException):
        kind = NOT_FOUND if error.status_code == HTTP_NOT_FOUND else BAD_REQUEST
        error = Refusal(error.status_code, kind, error.detail, dict(error.headers or {}))
    if not isinstance(error, Refusal):
        raise error
    answer = refused(error, request.scope.get("zuora.request_id", ""))
    return Response(answer.body, answer.status, answer.headers)
