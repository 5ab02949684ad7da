"""Zuora's operations on test environments as HTTP endpoints, and the token that opens them."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.routing import Route

from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NO_PERMISSION, NOT_AUTHENTICATED, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

UNAUTHENTICATED = {
    "absent": "This resource needs a bearer token.",
    "unknown": "The token is not known here.",
    "expired": "The token has expired.",
}


class Operations:
    """The endpoints of one Zuora.

    Args:
        zuora: Who answers.
    """

    def __init__(self, zuora: Zuora) -> None:
        self._zuora = zuora

    def routes(self) -> list[Route]:
        """Give the routes, named as in Zuora's reference: no `/v1` in them."""
        job = "/test-environments/{id}/jobs/{jobId}"
        return [
            Route("/oauth/token", self.create_token, methods=["POST"]),
            Route(job, self.retrieve_job),
            Route("/test-environments/{id}/jobs", self.list_jobs),
            Route("/test-environments", self.list_environments),
            Route("/test-environments/{id}", self.retrieve_environment),
            Route("/test-environments/{id}/jobs", self.create_job, methods=["POST"]),
            Route(f"{job}/actions", self.perform_action, methods=["POST"]),
        ]

    async def create_token(self, request: Request) -> Response:
        """Give a token for client credentials in a form."""
        form = dict(parse_qsl((await _body(request)).decode(errors="replace")))
        return _json(json.dumps(self._zuora.tokens.grant(form)).encode())

    async def list_environments(self, request: Request) -> Response:
        """List all test environments."""
        self._admit(request)
        return _json(self._zuora.environments_body())

    async def retrieve_environment(self, request: Request) -> Response:
        """Retrieve a test environment."""
        self._admit(request)
        return _json(self._zuora.environment_body(request.path_params["id"]))

    async def list_jobs(self, request: Request) -> Response:
        """List all jobs of a test environment."""
        self._admit(request)
        return _json(self._zuora.jobs_body(request.path_params["id"]))

    async def retrieve_job(self, request: Request) -> Response:
        """Retrieve a job of a test environment."""
        self._admit(request)
        return _json(self._zuora.job_body(request.path_params["id"], request.path_params["jobId"]))

    async def create_job(self, request: Request) -> Response:
        """Create a refresh; `Location` says where to watch it."""
        self._admit(request)
        document = await _json_body(request)
        if document.get("jobType") != "REFRESH":
            raise Refusal(400, BAD_REQUEST, "jobType must be REFRESH.")
        environment_id = request.path_params["id"]
        scheduled = document.get("scheduledRefreshTime")
        if scheduled is not None and not isinstance(scheduled, str):
            raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime is not a date-time.")
        job_id = self._zuora.create_refresh(environment_id, scheduled)
        answer = _json(self._zuora.job_body(environment_id, job_id), 201)
        answer.headers["Location"] = f"{request.base_url}test-environments/{environment_id}/jobs/{job_id}"
        return answer

    async def perform_action(self, request: Request) -> Response:
        """Cancel a job. The reference names the field `jobAction`; `action` is understood as well."""
        self._admit(request)
        document = await _json_body(request)
        if document.get("jobAction", document.get("action")) != "CANCEL":
            raise Refusal(400, BAD_REQUEST, "jobAction must be CANCEL.")
        environment_id, job_id = request.path_params["id"], request.path_params["jobId"]
        self._zuora.cancel_job(environment_id, job_id)
        return _json(self._zuora.job_body(environment_id, job_id))

    def _admit(self, request: Request) -> None:
        """Let a request in that has a valid token and the permission; even reading needs "Refresh Central Sandbox"."""
        standing = request.scope["zuora.authorization"]
        if standing != "valid":
            headers = {"WWW-Authenticate": "Bearer"}
            raise Refusal(401, NOT_AUTHENTICATED, UNAUTHENTICATED[standing], headers)
        if not self._zuora.permission:
            raise Refusal(403, NO_PERMISSION, "The user lacks the permission Refresh Central Sandbox.")


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


async def _body(request: Request) -> bytes:
    body = await request.body()
    if request.headers.get("content-encoding") != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        raise Refusal(400, BAD_REQUEST, "The body is not gzip, as Content-Encoding says.") from None


async def _json_body(request: Request) -> dict[str, object]:
    try:
        document = json.loads(await _body(request))
    except ValueError:
        raise Refusal(400, BAD_REQUEST, "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise Refusal(400, BAD_REQUEST, "The body is not a JSON object.")
    return document
