"""Zuora's operations on test environments, and the token operation, as HTTP endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from tap_zuora_testenv.emulator.bodies import read_form, read_json
from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NO_PERMISSION, NOT_AUTHENTICATED, Refusal
from tap_zuora_testenv.emulator.stored_environment import json_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_zuora_testenv.emulator.zuora import Zuora

UNAUTHENTICATED = {
    "absent": "This resource needs a bearer token.",
    "unknown": "The token is unknown.",
    "expired": "The token has expired.",
}


class Operations:
    """The endpoints of a Zuora."""

    def __init__(self, zuora: Zuora) -> None:
        self._zuora = zuora

    def routes(self) -> list[Route]:
        """Return the routes, with the paths of Zuora's reference, which have no `/v1`."""
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
        """Create a token for client credentials in a form."""
        return _json(json_bytes(self._zuora.tokens.grant(await read_form(request))) + b"\n")

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
        """Create a refresh; `Location` is the URL of the job."""
        self._admit(request)
        document = await _read_object(request)
        if document.get("jobType") != "REFRESH":
            raise Refusal(400, BAD_REQUEST, "jobType must be REFRESH.")
        scheduled = document.get("scheduledRefreshTime")
        if "scheduledRefreshTime" in document and not isinstance(scheduled, str):
            raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime is not a string.")
        environment_id = request.path_params["id"]
        job_id = self._zuora.create_refresh(environment_id, scheduled)
        response = _json(self._zuora.job_body(environment_id, job_id), 201)
        response.headers["Location"] = f"{request.base_url}test-environments/{environment_id}/jobs/{job_id}"
        return response

    async def perform_action(self, request: Request) -> Response:
        """Cancel a job."""
        self._admit(request)
        document = await _read_object(request)
        if document.get("jobAction") != "CANCEL":
            raise Refusal(400, BAD_REQUEST, "jobAction must be CANCEL.")
        environment_id, job_id = request.path_params["id"], request.path_params["jobId"]
        self._zuora.cancel_job(environment_id, job_id)
        return _json(self._zuora.job_body(environment_id, job_id))

    def _admit(self, request: Request) -> None:
        """Refuse a request without a valid token, or without the permission that even reading requires."""
        state = request.scope["zuora.token"]
        if state != "valid":
            raise Refusal(401, NOT_AUTHENTICATED, UNAUTHENTICATED[state], {"WWW-Authenticate": "Bearer"})
        if not self._zuora.permission:
            raise Refusal(403, NO_PERMISSION, "The user lacks the permission Refresh Central Sandbox.")


async def _read_object(request: Request) -> dict[str, Any]:
    document = await read_json(request)
    if not isinstance(document, dict):
        raise Refusal(400, BAD_REQUEST, "The body is not a JSON object.")
    return document


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
