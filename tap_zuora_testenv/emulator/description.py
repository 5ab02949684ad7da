"""The OpenAPI description of Zuora's operations as the emulator serves them, in our own words.

It leaves out the endpoints under `/emulator/`, so that a client generated from it works with Zuora. The fields of the
rows come from the JSON schemas of the tap's streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.emulator.bodies import LONGEST_BYTES
from tap_zuora_testenv.emulator.stream_schemas import stream_schema
from tap_zuora_testenv.emulator.vocabulary import LISTED_VALUES
from tap_zuora_testenv.emulator.wire import GZIP_ABOVE_BYTES, TRACK_ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

JOBS, ENVIRONMENTS = "Test environment jobs", "Test environments"


def describe(url: str) -> Json:
    """Return the description of the operations at a base URL."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Emulated Zuora: test environments",
            "version": "1",
            "description": (
                "The operations of Zuora on test environments and their refresh jobs, as zuora-testenv-emulator serves"
                " them. Zuora's own reference decides how a live tenant behaves; what Zuora does not document is marked"
                " as inference."
            ),
        },
        "servers": [{"url": url}],
        "security": [{"bearerAuth": []}],
        "tags": [{"name": ENVIRONMENTS}, {"name": JOBS}, {"name": "OAuth"}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": _error_responses(),
            "schemas": _schemas(),
        },
    }


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _json_content(schema: str) -> Json:
    return {"application/json": {"schema": _ref("schemas", schema)}}


# Parameters and headers

PARAMETERS: Json = {
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The id of the test environment.",
        "schema": {"type": "string"},
    },
    "jobId": {
        "name": "jobId",
        "in": "path",
        "required": True,
        "description": "The id of the job.",
        "schema": {"type": "string"},
    },
    "entityIds": {
        "name": "Zuora-Entity-Ids",
        "in": "header",
        "description": (
            "The entity to use, if the token is valid for several entities. The emulator accepts and ignores it."
        ),
        "schema": {"type": "string"},
    },
    "trackId": {
        "name": "Zuora-Track-Id",
        "in": "header",
        "description": (
            "An identifier of your own, repeated in the response. Zuora allows US-ASCII without colons, semicolons and"
            " quotation marks; the emulator checks the length only."
        ),
        "schema": {"type": "string", "maxLength": TRACK_ID_LENGTH},
    },
    "acceptEncoding": {
        "name": "Accept-Encoding",
        "in": "header",
        "description": f"With `gzip`, responses of more than {GZIP_ABOVE_BYTES:,} bytes are compressed.",
        "schema": {"type": "string"},
    },
    "contentEncoding": {
        "name": "Content-Encoding",
        "in": "header",
        "description": "`gzip` if the body of the request is compressed.",
        "schema": {"type": "string"},
    },
}

HEADERS: Json = {
    "RequestId": {
        "description": "Identifies the request; Zuora's support asks for it.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "TrackId": {
        "description": "The `Zuora-Track-Id` of the request.",
        "schema": {"type": "string", "maxLength": TRACK_ID_LENGTH},
    },
    "Location": {
        "description": "The URL of the new job.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "RetryAfter": {
        "description": "The number of seconds to wait before the next request.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WwwAuthenticate": {
        "description": "The kind of credentials to send; absent if the request was for a token.",
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
}

EVERY_RESPONSE: Json = {
    "Zuora-Request-Id": _ref("headers", "RequestId"),
    "Zuora-Track-Id": _ref("headers", "TrackId"),
}

# Responses

ERRORS: Mapping[str, tuple[str, str, Json]] = {
    "400": (
        "BadRequest",
        (
            f"The body or a header is not as described, the body is longer than {LONGEST_BYTES:,} bytes, or the state"
            " of the job or environment does not allow the request."
        ),
        {},
    ),
    "401": (
        "NotAuthenticated",
        "The token is missing, unknown or expired; for a request for a token: the credentials are wrong.",
        {"WWW-Authenticate": _ref("headers", "WwwAuthenticate")},
    ),
    "403": (
        "NotPermitted",
        (
            "The user lacks the permission Refresh Central Sandbox, a refresh is under way, it is too early for another"
            " one, or the request has a foreign `Host` or `Origin`."
        ),
        {},
    ),
    "404": (
        "NotFound",
        (
            "The environment or the job does not exist. (Zuora documents 404 for one environment and for one job; for"
            " the list of jobs, and for a new job, it is inference.)"
        ),
        {},
    ),
    "429": (
        "LimitExceeded",
        "There are too many requests; the emulator limits them only if it was started with a limit.",
        {"Retry-After": _ref("headers", "RetryAfter")},
    ),
}


def _error_responses() -> Json:
    return {
        name: {"description": meaning, "headers": EVERY_RESPONSE | headers, "content": _json_content("Error")}
        for name, meaning, headers in ERRORS.values()
    }


def _responses(successes: Json, errors: Iterable[str]) -> Json:
    return successes | {status: _ref("responses", ERRORS[status][0]) for status in errors}


def _success(meaning: str, schema: str, headers: Json | None = None, links: Json | None = None) -> Json:
    response: Json = {
        "description": meaning,
        "headers": EVERY_RESPONSE | (headers or {}),
        "content": _json_content(schema),
    }
    return response | ({"links": links} if links else {})


# Operations


def _paths() -> Json:
    return {
        "/oauth/token": {"post": _create_token()},
        "/test-environments": {
            "get": _operation(
                "getAllTestEnvironments",
                ENVIRONMENTS,
                "List all test environments",
                {
                    "200": _success(
                        "All test environments of the tenant.",
                        "TestEnvironmentArrayResponse",
                        links=_links({"id": "$response.body#/result/0/id"}, "getTestEnvironment", *OF_ENVIRONMENT),
                    )
                },
                (),
                ("400", "401", "403", "429"),
            )
        },
        "/test-environments/{id}": {
            "get": _operation(
                "getTestEnvironment",
                ENVIRONMENTS,
                "Retrieve a test environment",
                {
                    "200": _success(
                        "The test environment.",
                        "TestEnvironmentResponse",
                        links=_links({"id": "$response.body#/id"}, *OF_ENVIRONMENT),
                    )
                },
                ("id",),
                ("400", "401", "403", "404", "429"),
            )
        },
        "/test-environments/{id}/jobs": {"get": _list_jobs(), "post": _create_job()},
        "/test-environments/{id}/jobs/{jobId}": {
            "get": _operation(
                "getJobOfTestEnvironment",
                JOBS,
                "Retrieve a job of a test environment",
                {"200": _success("The job.", "JobResponse")},
                ("id", "jobId"),
                ("400", "401", "403", "404", "429"),
            )
        },
        "/test-environments/{id}/jobs/{jobId}/actions": {"post": _perform_action()},
    }


OF_ENVIRONMENT = ("getAllJobsOfTestEnvironment", "createTestEnvironmentJob")
OF_JOB = ("getJobOfTestEnvironment", "performActionOfJob")


def _links(parameters: Mapping[str, str], *operations: str) -> Json:
    """Describe which operations can follow, with their path parameters taken from this request and its response."""
    return {operation: {"operationId": operation, "parameters": dict(parameters)} for operation in operations}


def _operation(
    operation_id: str, tag: str, summary: str, successes: Json, path_parameters: Iterable[str], errors: Iterable[str]
) -> Json:
    names = (*path_parameters, "entityIds", "trackId", "acceptEncoding", "contentEncoding")
    return {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary,
        "description": "Requires the permission Refresh Central Sandbox.",
        "parameters": [_ref("parameters", name) for name in names],
        "responses": _responses(successes, errors),
    }


def _list_jobs() -> Json:
    links = _links({"id": "$request.path.id", "jobId": "$response.body#/result/0/id"}, *OF_JOB)
    return _operation(
        "getAllJobsOfTestEnvironment",
        JOBS,
        "List all jobs of a test environment",
        {"200": _success("All jobs of the test environment, the oldest first.", "JobArrayResponse", links=links)},
        ("id",),
        ("400", "401", "403", "404", "429"),
    )


def _create_job() -> Json:
    links = _links({"id": "$request.path.id", "jobId": "$response.body#/id"}, *OF_JOB)
    headers = {"Location": _ref("headers", "Location")}
    operation = _operation(
        "createTestEnvironmentJob",
        JOBS,
        "Create a refresh of a test environment",
        {"201": _success("The new job.", "JobResponse", headers, links)},
        ("id",),
        ("400", "401", "403", "404", "429"),
    )
    return operation | {"requestBody": {"required": True, "content": _json_content("JobRequest")}}


def _perform_action() -> Json:
    links = _links({"id": "$request.path.id", "jobId": "$request.path.jobId"}, *OF_JOB)
    operation = _operation(
        "performActionOfJob",
        JOBS,
        "Cancel a job of a test environment",
        {"200": _success("The job, which is being cancelled.", "JobResponse", links=links)},
        ("id", "jobId"),
        ("400", "401", "403", "404", "429"),
    )
    return operation | {"requestBody": {"required": True, "content": _json_content("JobActionRequest")}}


def _create_token() -> Json:
    return {
        "operationId": "createToken",
        "tags": ["OAuth"],
        "summary": "Create an OAuth token for client credentials",
        "security": [],
        "parameters": [_ref("parameters", name) for name in ("trackId", "acceptEncoding", "contentEncoding")],
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": _ref("schemas", "TokenRequest")}},
        },
        "responses": _responses({"200": _success("A token.", "TokenResponse")}, ("400", "401", "403", "429")),
    }


# Schemas


def _schemas() -> Json:
    return {
        "TestEnvironmentResponse": _row("test_environments"),
        "TestEnvironmentArrayResponse": _list_of("TestEnvironmentResponse"),
        "JobResponse": _row("test_environment_jobs"),
        "JobArrayResponse": _list_of("JobResponse"),
        "JobRequest": {
            "type": "object",
            "required": ["jobType"],
            "properties": {
                "jobType": {"type": "string", "enum": ["REFRESH"], "description": "What the job does."},
                "scheduledRefreshTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When to start the refresh, at the latest in the year 9000; left out: at once.",
                },
            },
        },
        "JobActionRequest": {
            "type": "object",
            "required": ["jobAction"],
            "properties": {
                "jobAction": {"type": "string", "enum": ["CANCEL"], "description": "What to do with the job."}
            },
        },
        "TokenRequest": {
            "type": "object",
            "required": ["client_id", "client_secret", "grant_type"],
            "properties": {
                "client_id": {"type": "string", "description": "In Zuora, 36 characters."},
                "client_secret": {"type": "string"},
                "grant_type": {"type": "string", "enum": ["client_credentials"]},
            },
        },
        "TokenResponse": {
            "type": "object",
            "required": ["access_token", "token_type", "expires_in", "scope", "jti"],
            "properties": {
                "access_token": {"type": "string", "description": "The token."},
                "token_type": {"type": "string", "enum": ["bearer"]},
                "expires_in": {"type": "integer", "description": "The lifetime of the token in seconds."},
                "scope": {"type": "string", "description": "The user, the entities and the services of the token."},
                "jti": {"type": "string", "description": "The id of the token."},
            },
        },
        "Error": {
            "type": "object",
            "required": ["success", "processId", "requestId", "reasons"],
            "properties": {
                "success": {"type": "boolean", "enum": [False]},
                "processId": {"type": "string", "description": "Identifies the request for Zuora's support."},
                "requestId": {"type": "string", "description": "The `Zuora-Request-Id` of the response."},
                "reasons": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["code", "message"],
                        "properties": {
                            "code": {"type": "integer", "description": "Its last two digits are the kind of error."},
                            "message": {"type": "string", "description": "The reason, for a person."},
                        },
                    },
                },
            },
        },
    }


def _list_of(row: str) -> Json:
    return {
        "type": "object",
        "required": ["result", "size"],
        "properties": {
            "result": {"type": "array", "items": _ref("schemas", row)},
            "size": {
                "type": "integer",
                "format": "int32",
                "description": "Zuora does not describe this field; the emulator sends the number of rows.",
            },
        },
    }


def _row(stream: str) -> Json:
    """Describe the rows of a stream: a field without a value is left out, so nothing but the id is required."""
    schema = stream_schema(stream)
    return {
        "type": "object",
        "description": schema["description"],
        "required": schema["required"],
        "properties": {
            name: _field(field, LISTED_VALUES[stream].get(name)) for name, field in schema["properties"].items()
        },
    }


def _field(field: Json, listed: tuple[str, ...] | None) -> Json:
    types = [field["type"]] if isinstance(field["type"], str) else [each for each in field["type"] if each != "null"]
    described: Json = {"type": types[0], "description": field["description"]}
    if "format" in field:
        described["format"] = field["format"]
    if described["type"] == "integer":
        described["format"] = "int32"
    return described | ({"enum": list(listed)} if listed else {})
