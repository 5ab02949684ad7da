"""Values as Zuora sent them, what is rewritten, and what is reported about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, ENVIRONMENTS, JOBS, Tap, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

WHOLE = {
    "createTime": "2019-08-24T14:15:22Z",
    "createdById": "58f182ab203c447b8b9cd90382da030a",
    "estimatedCompletionTime": "2019-08-24T14:15:22.123456789Z",
    "id": "whole",
    "jobEndTime": "2019-08-24T14:15:22-08:00",
    "jobStartTime": None,
    "jobType": "A_TYPE_THAT_IS_NEW",
    "progressPercentage": 0,
    "scheduledRefreshTime": "0001-01-01T00:00:00Z",
    "status": "A_STATUS_THAT_IS_NEW",
    "testEnvironmentId": E1,
    "updateTime": "9999-12-31T23:59:59Z",
    "updatedById": "ünï \u0007 <b>",
}


def emitted(tap: Tap, zuora: Zuora, document: Any) -> Any:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, document, job_id="the job")
    (record,) = tap(only=JOBS).records()
    return record


def test_a_job_is_emitted_as_zuora_sent_it(tap: Tap, zuora: Zuora) -> None:
    assert emitted(tap, zuora, WHOLE) == WHOLE


def test_fields_that_an_answer_lacks_are_null_but_the_test_environment_is_known(tap: Tap, zuora: Zuora) -> None:
    record = emitted(tap, zuora, {"id": "bare"})
    assert record == dict.fromkeys(WHOLE) | {"id": "bare", "testEnvironmentId": E1}


@pytest.mark.parametrize("named", [[E1], [{"id": E1, "job_ids": ["bare"]}]], ids=["listed", "named"])
@pytest.mark.parametrize("document", [{"id": "bare"}, {"id": "bare", "testEnvironmentId": None}], ids=str)
def test_the_test_environment_that_was_requested_is_filled_in(
    tap: Tap, zuora: Zuora, named: list[Any], document: dict[str, Any]
) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, document)
    ran = tap(only=JOBS, test_environments=named)
    assert ([each["testEnvironmentId"] for each in ran.records()], "WARNING" in ran.log) == ([E1], False)


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("2019-08-24T14:15:22+0800", "2019-08-24T06:15:22Z"),
        ("2019-08-24T14:15:22.500 UTC", "2019-08-24T14:15:22.500Z"),
        ("2019-08-24 14:15:22", "2019-08-24T14:15:22Z"),
        ("2019-08-24T14:15:22", "2019-08-24T14:15:22Z"),
        (1566656122000, "2019-08-24T14:15:22Z"),
        ("2019-08-24t14:15:22.5z", "2019-08-24T14:15:22.5Z"),
        ("2024-01-01T00:00:60Z", "2024-01-01T00:01:00Z"),
        ("2016-12-31T15:59:60.25-08:00", "2016-12-31T16:00:00.25-08:00"),
        ("9999-12-31T23:59:60Z", None),
        ("", None),
        ("soon", None),
        ("2019-02-30T00:00:00Z", None),
        (True, None),
        ({}, None),
    ],
)
def test_a_date_time_of_another_form_becomes_rfc_3339(tap: Tap, zuora: Zuora, sent: object, arrives: object) -> None:
    assert emitted(tap, zuora, {"id": "a", "jobEndTime": sent})["jobEndTime"] == arrives


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("50", 50),
        (50.0, 50),
        ("50.0", 50),
        (5e300, None),
        (50.5, None),
        ("half", None),
        (True, None),
        ([50], None),
        (10**30, None),
    ],
)
def test_a_number_of_another_type_is_converted_when_that_is_exact(
    tap: Tap, zuora: Zuora, sent: object, arrives: object
) -> None:
    assert emitted(tap, zuora, {"id": "a", "progressPercentage": sent})["progressPercentage"] == arrives


def test_a_value_that_is_lost_is_reported_with_job_field_and_raw_value(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, {"id": "a", "progressPercentage": "half"})
    ran = tap()
    assert "job a: its progressPercentage is not of its type and becomes null: 'half'" in ran.log
    assert ran.code == 0


def test_a_number_with_an_exponent_is_converted_when_that_is_exact(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.faults.add(
        Fault(f"/test-environments/{E1}/jobs", status=200, body='{"result": [{"id": "a", "progressPercentage": 5e1}]}')
    )
    assert [each["progressPercentage"] for each in tap(only=JOBS).records()] == [50]


@pytest.mark.parametrize("kind", ["2016-12-31T23:59:60Z", "2016-12-31t23:59:59z", " ", ""])
def test_a_date_that_is_only_rewritten_or_blank_is_not_reported(tap: Tap, zuora: Zuora, kind: str) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, {"id": "a", "jobEndTime": kind})
    assert "WARNING" not in tap().log


def test_a_second_60_after_the_last_year_is_reported(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, {"id": "a", "jobEndTime": "9999-12-31T23:59:60Z"})
    assert "job a: its jobEndTime is not of its type and becomes null: '9999-12-31T23:59:60Z'" in tap().log


def test_nul_becomes_the_replacement_character_and_is_reported(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1, tenantName="\0"))
    zuora.put_job(E1, {"id": "a\0", "createdById": "x\0y"})
    ran = tap()
    assert [(each["id"], each["createdById"]) for each in ran.records()] == [("a\ufffd", "x\ufffdy")]
    assert [each["tenantName"] for each in ran.records(ENVIRONMENTS)] == ["\ufffd"]
    assert "its createdById holds NUL or half a character, which becomes U+FFFD: 'x\\x00y'" in ran.log


def test_an_exact_conversion_is_not_reported(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1, tenantId=94870, sourceTenantId="7"))
    zuora.put_job(E1, {"id": "a", "progressPercentage": "50"})
    ran = tap()
    assert "WARNING" not in ran.log
    (record,) = ran.records(ENVIRONMENTS)
    assert (record["tenantId"], record["sourceTenantId"]) == ("94870", "7")


def test_twenty_losses_of_a_kind_are_reported_and_the_rest_is_counted(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    for number in range(33):
        zuora.put_job(E1, {"id": f"job-{number}", "jobStartTime": "soon"})
    ran = tap()
    assert ran.log.count("'soon'") == 20
    assert "and 13 more whose jobStartTime is not of its type and becomes null" in ran.log


def test_an_unknown_field_is_dropped_and_reported_once_per_run(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    for number in range(3):
        zuora.put_job(E1, {"id": f"job-{number}", "newField": 1})
    ran = tap()
    assert ran.log.count("newField") == 1
    assert all("newField" not in record for record in ran.records())


def test_half_a_character_becomes_the_replacement_character(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    body = '{"result": [{"id": "a", "createdById": "x\\ud800y", "updatedById": "\\ud83d\\ude00"}]}'
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=200, body=body))
    ran = tap(only=JOBS)
    assert [(each["createdById"], each["updatedById"]) for each in ran.records()] == [("x\ufffdy", "\U0001f600")]
    assert "becomes U+FFFD" in ran.log


def test_an_answer_over_a_thousand_bytes_is_compressed(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    for number in range(50):
        zuora.put_job(E1, job(number))
    assert len(tap(only=JOBS).ids()) == 50


def test_stream_maps_and_flattening_are_taken_from_singer_sdk(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    maps = {JOBS: {"__alias__": "refreshes", "minutes": "int(1 + 1)", "createdById": "__NULL__"}}
    ran = tap(stream_maps=maps)
    (record,) = ran.records("refreshes")
    assert record["minutes"] == 2
    assert "createdById" not in record


def test_a_deselected_field_is_left_out(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    catalog = tap.catalog(JOBS)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] in (["properties", "updateTime"], ["properties", "status"]):
                entry["metadata"] |= {"selected": False, "inclusion": "available"}
    options = ["--config", tap.file("config.json", tap.config), "--catalog", tap.file("catalog.json", catalog)]
    ran = tap.run(options)
    assert (ran.code, {"updateTime", "status"} & ran.records()[0].keys()) == (0, set())
    assert ran.bookmark()["replication_key_value"] == job(1)["updateTime"]
