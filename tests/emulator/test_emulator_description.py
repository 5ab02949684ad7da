"""The description that the emulator serves agrees with the facts of Zuora's own, and with what the emulator does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.emulator.control import Control
from tap_zuora_testenv.emulator.description import describe
from tap_zuora_testenv.emulator.life import STEPS
from tap_zuora_testenv.emulator.operations import Operations
from tap_zuora_testenv.emulator.stream_schemas import stream_schema
from tap_zuora_testenv.emulator.vocabulary import JOB_STATUSES, LISTED_VALUES
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from tests.emulator.conftest import Ask

DESCRIPTION = describe("http://127.0.0.1:8765")
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]

# Facts of Zuora's OpenAPI description, `info.version` 2026-09-11: operation ids, path parameters and response codes.
# The emulator never sends 500, nor 200 for a new job; Zuora does not document the other codes that it sends.
ZUORA_OPERATIONS: dict[tuple[str, str], tuple[str, list[str], set[str]]] = {
    ("get", "/test-environments"): ("getAllTestEnvironments", [], {"200", "400"}),
    ("get", "/test-environments/{id}"): ("getTestEnvironment", ["id"], {"200", "404"}),
    ("get", "/test-environments/{id}/jobs"): ("getAllJobsOfTestEnvironment", ["id"], {"200", "400"}),
    ("post", "/test-environments/{id}/jobs"): ("createTestEnvironmentJob", ["id"], {"201", "400", "403"}),
    ("get", "/test-environments/{id}/jobs/{jobId}"): ("getJobOfTestEnvironment", ["id", "jobId"], {"200", "404"}),
    ("post", "/test-environments/{id}/jobs/{jobId}/actions"): (
        *("performActionOfJob", ["id", "jobId"]),
        {"200", "400", "404"},
    ),
}
ZUORA_HEADERS = {
    "Zuora-Entity-Ids": {"type": "string"},
    "Zuora-Track-Id": {"type": "string", "maxLength": 64},
    "Accept-Encoding": {"type": "string"},
    "Content-Encoding": {"type": "string"},
}
ZUORA_BODIES = {
    "createTestEnvironmentJob": "JobRequest",
    "performActionOfJob": "JobActionRequest",
}
DATE = {"type": "string", "format": "date-time"}
TEXT = {"type": "string"}
ZUORA_FIELDS: dict[str, dict[str, dict[str, Any]]] = {
    "TestEnvironmentResponse": {
        "createTime": DATE,
        "createdById": TEXT,
        "dataCopyType": TEXT | {"enum": ["FULL", "CONFIGURATION"]},
        "deactivationTime": DATE,
        "environmentType": TEXT | {"enum": ["TEST", "ENTERPRISE", "TRIAL", "DEMO", "DEVELOPER"]},
        "id": TEXT,
        "lastRefreshTime": DATE,
        "nextRefreshTime": DATE,
        "provisionTime": DATE,
        "revenueTenantId": TEXT,
        "revenueTenantName": TEXT,
        "sourceTenantId": TEXT,
        "status": TEXT | {"enum": ["ACTIVE", "PROCESSING", "INACTIVE", "DEACTIVATED", "DELETED"]},
        "tenantId": TEXT,
        "tenantName": TEXT,
        "updateTime": DATE,
        "updatedById": TEXT,
    },
    "JobResponse": {
        "createTime": DATE,
        "createdById": TEXT,
        "estimatedCompletionTime": DATE,
        "id": TEXT,
        "jobEndTime": DATE,
        "jobStartTime": DATE,
        "jobType": TEXT | {"enum": ["REFRESH", "CREATE", "DELETE"]},
        "progressPercentage": {"type": "integer", "format": "int32"},
        "scheduledRefreshTime": DATE,
        "status": TEXT
        | {
            "enum": [
                *("NEW", "SCHEDULED", "QUEUED", "INITIATED", "PROVISIONING", "DEPROVISIONING", "EXPORTING"),
                *("SCRUBBING", "RESETTING", "IMPORTING", "FINALIZING", "CANCELLING"),
                *("COMPLETED", "FAILED", "CANCELLED"),
            ]
        },
        "testEnvironmentId": TEXT,
        "updateTime": DATE,
        "updatedById": TEXT,
    },
    "JobRequest": {"jobType": TEXT | {"enum": ["REFRESH"]}, "scheduledRefreshTime": DATE},
    "JobActionRequest": {"jobAction": TEXT | {"enum": ["CANCEL"]}},
}
ZUORA_REQUIRED = {"JobRequest": ["jobType"], "JobActionRequest": ["jobAction"]}
ZUORA_LISTS = {"TestEnvironmentArrayResponse": "TestEnvironmentResponse", "JobArrayResponse": "JobResponse"}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: Any = DESCRIPTION if "$ref" in part else part
    for name in part.get("$ref", "").split("/")[1:]:
        found = found[name]
    assert isinstance(found, dict)
    return found


def without_words(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "description"}


def operation(method: str, path: str) -> dict[str, Any]:
    found = DESCRIPTION["paths"][path][method]
    assert isinstance(found, dict)
    return found


def test_the_emulator_serves_the_description_to_everyone(ask: Ask) -> None:
    answer = ask("GET", "/openapi.json", headers={"Authorization": None})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == describe(answer.url.removesuffix("/openapi.json"))


def test_the_operations_are_zuoras_and_the_one_for_a_token() -> None:
    described = {(method, path) for path, operations in DESCRIPTION["paths"].items() for method in operations}
    assert described == ZUORA_OPERATIONS.keys() | {("post", "/oauth/token")}


@pytest.mark.parametrize(("method", "path"), ZUORA_OPERATIONS)
def test_an_operation_has_zuoras_name_parameters_and_codes(method: str, path: str) -> None:
    name, in_path, codes = ZUORA_OPERATIONS[method, path]
    described = operation(method, path)
    parameters = [resolved(parameter) for parameter in described["parameters"]]
    assert described["operationId"] == name
    assert [each["name"] for each in parameters if each["in"] == "path" and each["required"]] == in_path
    assert {each["name"]: each["schema"] for each in parameters if each["in"] == "header"} == ZUORA_HEADERS
    assert codes <= described["responses"].keys() <= codes | {"400", "401", "403", "404", "429"}
    if name in ZUORA_BODIES:
        body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ZUORA_BODIES[name]}"}}}
        assert described["requestBody"] == {"required": True, "content": body}
    else:
        assert "requestBody" not in described


@pytest.mark.parametrize("schema", ZUORA_FIELDS)
def test_the_fields_have_zuoras_names_types_and_values(schema: str) -> None:
    described = SCHEMAS[schema]
    assert {name: without_words(field) for name, field in described["properties"].items()} == ZUORA_FIELDS[schema]
    assert described["required"] == ZUORA_REQUIRED.get(schema, ["id"])


@pytest.mark.parametrize(("schema", "row"), ZUORA_LISTS.items())
def test_a_list_has_zuoras_fields(schema: str, row: str) -> None:
    assert {name: without_words(field) for name, field in SCHEMAS[schema]["properties"].items()} == {
        "result": {"type": "array", "items": {"$ref": f"#/components/schemas/{row}"}},
        "size": {"type": "integer", "format": "int32"},
    }


def test_each_route_is_described_or_is_the_emulators_own() -> None:
    zuora = Zuora(environments=0)
    routes = {
        (method.lower(), route.path)
        for route in Operations(zuora).routes()
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == {(method, path) for path, operations in DESCRIPTION["paths"].items() for method in operations}
    own = {route.path for route in Control(zuora).routes()}
    assert own == {"/openapi.json", "/emulator/clock", "/emulator/requests", "/emulator/faults"}


def test_each_reference_leads_somewhere() -> None:
    references = set(re.findall(r"'\$ref': '([^']*)'", str(DESCRIPTION)))
    assert references
    for reference in references:
        assert resolved({"$ref": reference})
    operation_ids = {
        each["operationId"] for operations in DESCRIPTION["paths"].values() for each in operations.values()
    }
    assert set(re.findall(r"'operationId': '([^']*)'", str(DESCRIPTION))) == operation_ids


def test_jobs_go_through_only_documented_statuses() -> None:
    assert {status for steps in STEPS.values() for status in steps} < set(JOB_STATUSES)


@pytest.mark.parametrize(
    ("stream", "field", "values"),
    [(stream, field, values) for stream, fields in LISTED_VALUES.items() for field, values in fields.items()],
)
def test_the_schemas_name_the_same_values(stream: str, field: str, values: tuple[str, ...]) -> None:
    description = stream_schema(stream)["properties"][field]["description"]
    assert tuple(re.findall(r"\b[A-Z]{3,}\b", description.partition("Known values:")[2])) == values


@pytest.mark.parametrize(
    ("stream", "field", "words"),
    [
        ("test_environment_jobs", "createdById", "the Zuora user who created the job"),
        ("test_environment_jobs", "updatedById", "the Zuora user who updated the job"),
        ("test_environment_jobs", "estimatedCompletionTime", "estimated to be completed"),
        ("test_environment_jobs", "scheduledRefreshTime", "scheduled"),
        ("test_environment_jobs", "testEnvironmentId", "to which the job belongs"),
        ("test_environment_jobs", "updateTime", "last synced to self-service"),
        ("test_environments", "createdById", "the Zuora user who created the test environment"),
        ("test_environments", "deactivationTime", "will be deactivated"),
        ("test_environments", "environmentType", "tenant"),
        ("test_environments", "revenueTenantId", "if a revenue sandbox is attached"),
        ("test_environments", "sourceTenantId", "from which the test environment was created"),
        ("test_environments", "updateTime", "last synced to self-service"),
    ],
)
def test_a_meaning_is_the_one_that_zuora_gives_and_inference_is_marked(stream: str, field: str, words: str) -> None:
    documented, _, inferred = stream_schema(stream)["properties"][field]["description"].partition(" (Inference:")
    assert words in documented
    assert inferred == "" or inferred.endswith(".)")
