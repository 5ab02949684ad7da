from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft7Validator, FormatChecker

from tap_zuora_testenv.emulator.clock import Clock, parse_instant
from tap_zuora_testenv.emulator.environments import activity, next_refresh
from tap_zuora_testenv.emulator.history import history
from tap_zuora_testenv.emulator.life import FOREVER, JobPlan
from tap_zuora_testenv.emulator.seeds import environments
from tap_zuora_testenv.emulator.zuora import Zuora

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "schemas"

dates = FormatChecker()


@dates.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(parse_instant(value))


def seeded(seed: int = 7, *, count: int = 5, jobs: int | None = None) -> Zuora:
    return Zuora(seed=seed, environments=count, jobs=jobs, clock=Clock(NOW, 0))


def test_the_same_seed_gives_the_same_past() -> None:
    assert seeded().documents() == seeded().documents()


def test_another_seed_gives_other_ids() -> None:
    assert {e["id"] for e in seeded(1).environments()}.isdisjoint(e["id"] for e in seeded(2).environments())


@pytest.mark.parametrize("name", ["test_environments", "test_environment_jobs"])
@pytest.mark.parametrize("passed_hours", [0, 1, 4, 24 * 40])
def test_the_rows_follow_the_schemas_and_leave_out_fields_without_a_value(name: str, passed_hours: int) -> None:
    zuora = seeded()
    zuora.clock.advance(passed_hours * 3600)
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    validator = Draft7Validator(schema, format_checker=dates)
    for document in zuora.documents()[name]:
        validator.validate(document)
        assert document.keys() <= schema["properties"].keys()
        assert None not in document.values()


def test_tenant_ids_are_strings() -> None:
    assert all(isinstance(e["tenantId"], str) and isinstance(e["sourceTenantId"], str) for e in seeded().environments())


def test_ids_are_uuids_and_each_is_there_once() -> None:
    documents = seeded().documents()
    ids = [str(d["id"]) for d in documents["test_environments"] + documents["test_environment_jobs"]]
    assert len(ids) == len({UUID(one) for one in ids})


def test_one_environment_is_being_refreshed_and_one_waits_for_it() -> None:
    zuora = seeded()
    doing = {e["tenantName"]: (e["status"], zuora.jobs(str(e["id"]))[-1]["status"]) for e in zuora.environments()}
    assert doing["Acme UAT"][0] == "PROCESSING"
    assert doing["Acme Development"] == ("ACTIVE", "SCHEDULED")
    assert doing["Acme Migration"][0] == "DEACTIVATED"


@pytest.mark.parametrize("jobs", [None, 500])
def test_an_environment_is_deactivated_from_its_deactivation_time_on(jobs: int | None) -> None:
    zuora = seeded(jobs=jobs)

    def migration() -> dict[str, object]:
        return next(e for e in zuora.environments() if e["tenantName"] == "Acme Migration")

    now = migration()
    deactivation = parse_instant(str(now["deactivationTime"]))
    zuora.clock.set(deactivation)
    assert migration()["status"] == "DEACTIVATED"
    assert "nextRefreshTime" not in migration()
    zuora.clock.set(deactivation - timedelta(seconds=1))
    before = migration()
    assert before["status"] in {"ACTIVE", "PROCESSING"}
    # A deactivation that is known in advance is shown in advance.
    assert before["deactivationTime"] == now["deactivationTime"]


def test_each_environment_begins_with_its_creation() -> None:
    zuora = seeded()
    for environment in zuora.environments():
        first = zuora.jobs(str(environment["id"]))[0]
        assert first["jobType"] == "CREATE"
        assert first["createTime"] == environment["createTime"]


def test_most_refreshes_were_completed_some_failed_and_some_were_cancelled() -> None:
    statuses = [job["status"] for job in seeded(count=20).documents()["test_environment_jobs"]]
    assert 0 < statuses.count("CANCELLED") < statuses.count("FAILED") < statuses.count("COMPLETED") / 4


@pytest.mark.parametrize("seed", range(20))
def test_no_refresh_of_the_past_came_too_early_or_before_another_had_ended(seed: int) -> None:
    for drawn, kind in environments(seed, 5, NOW):
        environment, jobs = history(seed, drawn, kind, NOW)
        for number, job in enumerate(jobs):
            begins = job.scheduled or job.created
            now = activity(reversed(jobs[:number]), job.created)
            assert now.running is None
            assert now.waiting is None
            assert (next_refresh(environment, now) or begins) <= begins


@pytest.mark.parametrize("jobs", [0, 1, 2, 3, 500])
def test_there_are_as_many_jobs_as_requested(jobs: int) -> None:
    zuora = seeded(jobs=jobs)
    assert [len(zuora.jobs(str(e["id"]))) for e in zuora.environments()] == [jobs] * 5


def test_a_long_list_is_written_once_while_nothing_in_it_changes() -> None:
    zuora = seeded(jobs=100)
    environment_id = str(zuora.environments()[2]["id"])
    assert zuora.jobs_body(environment_id) is zuora.jobs_body(environment_id)


def test_a_list_is_written_again_when_the_clock_goes_on_or_back() -> None:
    zuora = seeded()
    environment_id = str(zuora.environments()[0]["id"])
    running = zuora.jobs(environment_id)
    zuora.clock.advance(40 * 3600)
    finished = zuora.jobs(environment_id)
    assert finished[-1]["status"] in {"COMPLETED", "FAILED"}
    zuora.clock.set(NOW)
    assert zuora.jobs(environment_id) == running
    zuora.clock.set(NOW - timedelta(days=3))
    assert zuora.jobs(environment_id) == running[:-1]


def test_a_settled_job_never_changes_again() -> None:
    job = history(7, *next(environments(7, 1, NOW)), NOW)[1][0]
    assert isinstance(job, JobPlan)
    assert job.ended < NOW < FOREVER
