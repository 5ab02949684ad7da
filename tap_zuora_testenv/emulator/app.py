"""The emulator as an ASGI application: Zuora's operations, the control endpoints and the description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from tap_zuora_testenv.emulator.control import Control
from tap_zuora_testenv.emulator.operations import Operations
from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NOT_FOUND, WRONG_METHOD, Refusal
from tap_zuora_testenv.emulator.wire import Wire, refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

KINDS = {404: NOT_FOUND, 405: WRONG_METHOD}


def create_app(zuora: Zuora) -> Wire:
    """Return the application that serves a Zuora."""

    async def refuse(request: Request, error: Exception) -> Response:
        """Turn a refusal, ours or Starlette's for an unknown path or method, into an error response."""
        if isinstance(error, HTTPException):
            headers = {"Allow": _allowed(request)} if error.status_code == 405 else None  # noqa: PLR2004
            error = Refusal(error.status_code, KINDS.get(error.status_code, BAD_REQUEST), error.detail, headers)
        if not isinstance(error, Refusal):
            raise error
        response = refused(error, request.scope.get("zuora.request_id", ""), sloppy=zuora.sloppy)
        return Response(response.body, response.status, response.headers)

    app = Starlette(
        routes=[*Operations(zuora).routes(), *Control(zuora).routes()],
        exception_handlers={Refusal: refuse, HTTPException: refuse},
    )
    # Otherwise a path with a slash at its end, such as that of an empty id, would be a redirect.
    app.router.redirect_slashes = False
    return Wire(app, zuora)


def _allowed(request: Request) -> str:
    """List all methods of a path; Starlette itself would list only those of the path's first route."""
    return ", ".join(
        sorted(
            method
            for route in request.app.routes
            if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        )
    )
