"""The rule of `readiness`, where the comparison with the dbt model does not reach a limit."""

from __future__ import annotations

from typing import Any

import pytest

from tap_zuora_testenv.readiness import Job, is_over, readiness
from tap_zuora_testenv.timestamps import instant

Row = dict[str, Any]

ACTIVE: Row = {"id": "e", "status": "ACTIVE"}
NOON, ONE, TWO = (f"2026-03-01T{hour}:00:00Z" for hour in (12, 13, 14))


def job(identity: str, status: str | None, start: str | None = None, end: str | None = None, **fields: object) -> Row:
    given = {"id": identity, "status": status, "jobType": "REFRESH", "jobStartTime": start, "jobEndTime": end, **fields}
    return {name: value for name, value in given.items() if value is not None}


def state(*jobs: Row, vanished: bool = False, **fields: object) -> str:
    return readiness(ACTIVE | fields, jobs, has_vanished=vanished).state


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ACTIVE", "ready"), ("PROCESSING", "busy"), ("INACTIVE", "unavailable"), ("DEACTIVATED", "unavailable"),
        ("DELETED", "unavailable"), ("RESTING", "unknown"), ("", "unknown"), (None, "unknown"), (["ACTIVE"], "unknown"),
    ],
)  # fmt: skip
def test_without_jobs_the_status_decides(status: object, expected: str) -> None:
    assert state(status=status) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ACTIVE", "unknown"), ("PROCESSING", "unknown"), (None, "unknown"), ("DELETED", "unavailable"),
        ("INACTIVE", "unavailable"), ("DEACTIVATED", "unavailable"),
    ],
)  # fmt: skip
def test_a_vanished_environment_is_unknown_unless_that_was_to_be_expected(status: object, expected: str) -> None:
    assert state(status=status, vanished=True) == expected
    assert state(job("j", "EXPORTING"), vanished=True) == "unknown"


@pytest.mark.parametrize("status", ["QUEUED", "INITIATED", "EXPORTING", "CANCELLING", "POLISHING", ""])
@pytest.mark.parametrize("kind", ["REFRESH", "CREATE", "DELETE", None])
def test_a_job_of_any_type_and_any_other_status_runs(status: str, kind: str | None) -> None:
    assert state(job("j", status, jobType=kind)) == "busy"
    assert state(job("j", status, jobType=kind), status="INACTIVE") == "busy"
    assert state(job("j", status, jobType=kind), status="DELETED") == "unavailable"


@pytest.mark.parametrize("status", ["NEW", "SCHEDULED", "COMPLETED", None])
def test_a_job_that_waits_or_has_ended_does_not_run(status: str | None) -> None:
    found = readiness(ACTIVE, [job("j", status)])
    assert (found.state, found.running) == ("ready", None)


def test_of_several_running_jobs_the_last_to_start_counts() -> None:
    jobs = [
        job("d", "EXPORTING", NOON), job("c", "EXPORTING", ONE), job("b", "QUEUED"),
        job("e", "QUEUED", createTime=NOON, scheduledRefreshTime=ONE), job("f", "QUEUED", createTime=NOON),
    ]  # fmt: skip
    running = readiness(ACTIVE, jobs).running
    assert running is not None
    assert running.id == "c"
    late = job("g", "QUEUED", createTime=NOON, scheduledRefreshTime=TWO)
    assert readiness(ACTIVE, [*jobs, late]).running == Job.from_row(late)


@pytest.mark.parametrize(
    ("created", "scheduled", "due"),
    [(NOON, ONE, ONE), (ONE, NOON, ONE), (None, NOON, NOON), (NOON, None, NOON), (None, None, None), (ONE, ONE, ONE)],
)
def test_a_job_is_due_at_the_later_of_two_times(created: str | None, scheduled: str | None, due: str | None) -> None:
    row = job("j", "NEW", createTime=created, scheduledRefreshTime=scheduled)
    assert Job.from_row(row).due_at == instant(due)


def test_a_job_that_is_over_ended_at_its_last_sync_if_nothing_else_is_known() -> None:
    assert Job.from_row(job("j", "FAILED", updateTime=ONE)).ended_at == instant(ONE)
    assert Job.from_row(job("j", "FAILED", end=NOON, updateTime=ONE)).ended_at == instant(NOON)
    assert Job.from_row(job("j", "EXPORTING", end=NOON, updateTime=ONE)).ended_at is None


def test_a_job_keeps_what_is_shown_of_it() -> None:
    row = job(
        "J1", "EXPORTING", NOON, jobType="CREATE", progressPercentage="46", estimatedCompletionTime=TWO, createTime=NOON
    )
    noon, two = instant(NOON), instant(TWO)
    assert Job.from_row(row) == Job("J1", "CREATE", "EXPORTING", "running", 46, noon, noon, None, two)
    assert readiness(ACTIVE, [row]).jobs == {"j1": Job.from_row(row)}


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_refresh_that_had_started_and_came_to_nothing_is_to_be_checked(status: str) -> None:
    assert state(job("j", status, NOON, ONE)) == "check"
    assert state(job("j", status, None, ONE)) == "ready"
    assert state(job("j", status, NOON, ONE, jobType="CREATE")) == "ready"


@pytest.mark.parametrize(
    ("good", "expected"), [(ONE, "check"), ("2026-03-01T13:00:00.000001Z", "ready"), (NOON, "check"), (TWO, "ready")]
)
def test_only_a_good_refresh_that_ended_later_makes_up_for_it(good: str, expected: str) -> None:
    assert state(job("j", "FAILED", NOON, ONE), job("k", "COMPLETED", None, good)) == expected
    assert state(job("j", "FAILED", ONE), job("k", "COMPLETED", None, good)) == expected


def test_a_newer_refresh_counts_instead() -> None:
    failed, good = job("j", "FAILED", NOON, TWO), job("k", "COMPLETED", ONE, ONE)
    assert state(failed, good) == "ready"
    assert state(failed, good | {"jobStartTime": NOON}) == "check"
    assert state(failed, job("k", "COMPLETED", NOON)) == "ready"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T13:59:59Z", TWO),  # overtaken or near: the same end
        ("2026-03-01T13:00:00Z", TWO),  # an hour before
        ("2026-03-01T12:59:59Z", TWO),  # overtaken
        ("2026-03-01T15:00:00Z", TWO),  # an hour after
        ("2026-03-01T15:00:01Z", "2026-03-01T15:00:01Z"),  # of a refresh that is not known
        (None, TWO),
    ],
)
def test_the_last_good_refresh_is_the_one_near_the_time_that_the_environment_gives(
    given: str | None, expected: str
) -> None:
    found = readiness(ACTIVE | {"lastRefreshTime": given}, [job("j", "COMPLETED", NOON, TWO)])
    assert found.last_good_at == instant(expected)


def test_of_two_good_ones_at_the_same_distance_the_later_counts() -> None:
    jobs = [job("j", "COMPLETED", NOON, NOON), job("k", "COMPLETED", NOON, ONE)]
    assert readiness(ACTIVE | {"lastRefreshTime": "2026-03-01T12:30:00Z"}, jobs).last_good_at == instant(ONE)
    assert readiness(ACTIVE | {"lastRefreshTime": "2026-03-01T12:29:59Z"}, jobs).last_good_at == instant(NOON)


def test_a_good_one_an_hour_later_does_not_overtake_the_time_that_the_environment_gives() -> None:
    jobs = [job("j", "COMPLETED", NOON, ONE), job("k", "COMPLETED", NOON, TWO)]
    assert readiness(ACTIVE | {"lastRefreshTime": ONE}, jobs).last_good_at == instant(ONE)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_the_time_of_a_refresh_that_came_to_nothing_does_not_count(status: str) -> None:
    environment, failed = ACTIVE | {"lastRefreshTime": ONE}, job("j", status, NOON, TWO)
    assert readiness(environment, [failed]).last_good_at is None
    late = job("j", status, NOON, "2026-03-01T14:00:01Z")
    assert readiness(environment, [late]).last_good_at == instant(ONE)
    near, later = (job(minute, "COMPLETED", NOON, f"2026-03-01T{minute}:00Z") for minute in ("12:30", "13:50"))
    assert readiness(environment, [failed, near, later]).last_good_at == instant("2026-03-01T12:30:00Z")


def test_fractions_of_seconds_do_not_make_an_hour_longer() -> None:
    jobs = [job("j", "FAILED", NOON, "2026-03-01T13:00:00.999999Z")]
    assert readiness(ACTIVE | {"lastRefreshTime": NOON}, jobs).last_good_at is None
    jobs = [job("j", "FAILED", NOON, NOON)]
    assert readiness(ACTIVE | {"lastRefreshTime": "2026-03-01T13:00:00.999999Z"}, jobs).last_good_at is None


def test_the_last_refresh_is_the_one_that_ended_last() -> None:
    jobs = [
        job("d", "FAILED"), job("c", "CANCELLED", NOON, ONE), job("b", "COMPLETED", NOON, ONE), job("a", "QUEUED", TWO),
        job("e", "COMPLETED", NOON, TWO, jobType="CREATE"),
    ]  # fmt: skip
    last = readiness(ACTIVE, jobs).last_refresh
    assert last is not None
    assert (last.id, last.outcome) == ("b", "completed")


def over(*jobs: Row, refresh: str = "", **fields: object) -> bool:
    found = readiness(ACTIVE | fields, jobs)
    return is_over(found, found.jobs.get(refresh))


def test_it_makes_no_sense_to_wait_for_a_state_that_lasts() -> None:
    assert over(job("j", "FAILED", NOON, ONE))
    assert over(status="DELETED")
    assert over(status="INACTIVE")
    assert not over(job("j", "EXPORTING"), status="DELETED")
    assert not over(status="RESTING")
    assert not over(status="PROCESSING")
    assert not over()


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_it_makes_no_sense_to_wait_when_the_refresh_that_ran_came_to_nothing(status: str) -> None:
    ended = job("j", status, None, ONE)
    assert over(ended, refresh="j")
    assert not over(ended)
    assert over(ended, refresh="j", status="PROCESSING")
    assert not over(ended, job("k", "QUEUED"), refresh="j")
    assert over(ended, job("k", "COMPLETED", None, ONE), refresh="j")
    assert not over(ended, job("k", "COMPLETED", None, TWO), refresh="j")
    assert over(job("j", status), job("k", "COMPLETED", None, TWO), refresh="j")


def test_a_refresh_that_was_completed_is_not_over() -> None:
    assert not over(job("j", "COMPLETED", NOON, ONE), refresh="j")
    assert not over(job("j", "COMPLETED", NOON, ONE), refresh="j", status="PROCESSING")
