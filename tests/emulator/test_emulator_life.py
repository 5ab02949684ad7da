from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.emulator.environments import EnvironmentPlan, activity, environment_document, next_refresh
from tap_zuora_testenv.emulator.history import cancel, fail
from tap_zuora_testenv.emulator.life import (
    NOT_CANCELLABLE,
    STEPS,
    SYNCED_EVERY,
    TERMINAL,
    JobPlan,
    is_running,
    job_document,
    status_at,
    synced,
)
from tap_zuora_testenv.emulator.seeds import dice, plan_job

CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
SANDBOX = EnvironmentPlan("e", "Acme UAT", "2", "1", "TEST", "FULL", CREATED - timedelta(days=400), "user")

seeds = st.integers(0, 10_000)
moments = st.timedeltas(timedelta(), timedelta(hours=48))


def refresh(seed: int = 1, fate: str = "COMPLETED") -> JobPlan:
    chance = dice(seed)
    job = plan_job(chance, SANDBOX, "REFRESH", CREATED)
    return {"COMPLETED": lambda: job, "FAILED": lambda: fail(chance, job), "CANCELLED": lambda: cancel(chance, job)}[
        fate
    ]()


plans = st.builds(refresh, seeds, st.sampled_from(sorted(TERMINAL)))


def test_a_refresh_goes_through_all_its_steps_in_order() -> None:
    assert [status for _, status in refresh().moments] == ["NEW", *STEPS["REFRESH"], "COMPLETED"]


def test_a_scheduled_refresh_waits_for_its_time() -> None:
    job = replace(refresh(), scheduled=CREATED + timedelta(days=3))
    assert status_at(job, CREATED + timedelta(days=2, hours=23)) == "SCHEDULED"
    assert status_at(job, CREATED + timedelta(days=3)) == "QUEUED"
    assert job_document(job, CREATED)["scheduledRefreshTime"] == "2026-03-04T12:00:00Z"


def test_a_cancelled_job_is_cancelling_first_and_then_ends() -> None:
    job = refresh(fate="CANCELLED")
    assert job.cancelled
    assert [status for _, status in job.moments][-2:] == ["CANCELLING", "CANCELLED"]
    before, after = (job_document(job, at) for at in (job.cancelled, job.ended + timedelta(days=1)))
    assert before["jobEndTime"] is None
    assert after["jobEndTime"] == after["updateTime"]


@given(seeds)
def test_what_is_being_cancelled_gets_no_further(seed: int) -> None:
    chance = dice(seed)
    job = cancel(chance, plan_job(chance, replace(SANDBOX, data_copy_type="CONFIGURATION"), "REFRESH", CREATED))
    assert job.cancelled
    before, after = (job_document(job, at)["progressPercentage"] for at in (job.cancelled, job.ended))
    assert before == after


@given(plans)
def test_whatever_happens_to_a_job_its_moments_are_in_order_and_its_end_is_the_last(job: JobPlan) -> None:
    assert list(job.moments) == sorted(job.moments, key=lambda moment: moment[0])
    assert [status in TERMINAL for _, status in job.moments] == [False] * (len(job.moments) - 1) + [True]


@given(plans, moments, moments)
def test_progress_and_update_time_never_go_back(job: JobPlan, one: timedelta, other: timedelta) -> None:
    before, after = (job_document(job, CREATED + at) for at in sorted((one, other)))
    assert before["progressPercentage"] <= after["progressPercentage"]  # type: ignore[operator]
    assert before["updateTime"] <= after["updateTime"]  # type: ignore[operator]


@given(plans, moments)
def test_a_job_answers_the_same_from_one_sync_to_the_next(job: JobPlan, passed: timedelta) -> None:
    now = CREATED + passed
    since, until = synced(job, now)
    assert since <= now < until
    just_before = until - timedelta(microseconds=1)
    assert job_document(job, since) == job_document(job, now) == job_document(job, just_before)


@given(plans, moments)
def test_a_running_job_is_synced_every_few_minutes(job: JobPlan, passed: timedelta) -> None:
    since, until = synced(job, CREATED + passed)
    assert until - since <= SYNCED_EVERY or not is_running(job, CREATED + passed)


def test_the_estimate_moves_and_is_right_in_the_end() -> None:
    job = refresh()
    estimates = [job_document(job, job.begins + timedelta(hours=hours))["estimatedCompletionTime"] for hours in (0, 4)]
    assert estimates[0] != estimates[1]
    finished = job_document(job, job.ended)
    assert finished["estimatedCompletionTime"] == finished["jobEndTime"]
    assert finished["progressPercentage"] == 100


@pytest.mark.parametrize("status", ["RESETTING", "IMPORTING", "FINALIZING"])
def test_from_the_reset_stage_on_nothing_can_be_cancelled(status: str) -> None:
    assert status in NOT_CANCELLABLE


def test_the_environment_follows_its_refresh() -> None:
    job = refresh()
    seen = [environment_document(SANDBOX, [job], at) for at in (job.created, job.begins, job.ended)]
    assert [document["status"] for document in seen] == ["ACTIVE", "PROCESSING", "ACTIVE"]
    assert [document["lastRefreshTime"] for document in seen] == [
        None,
        None,
        job_document(job, job.ended)["jobEndTime"],
    ]


@pytest.mark.parametrize(("kind", "days"), [("TEST", 28), ("ENTERPRISE", 28), ("DEVELOPER", 14)])
def test_the_next_refresh_is_allowed_a_period_after_the_last_one(kind: str, days: int) -> None:
    job = refresh()
    allowed = next_refresh(replace(SANDBOX, environment_type=kind), activity([job], job.ended))
    assert allowed == job.ended + timedelta(days=days)


@pytest.mark.parametrize("fate", ["FAILED", "CANCELLED"])
def test_a_refresh_that_came_to_nothing_does_not_count(fate: str) -> None:
    job = refresh(fate=fate)
    assert next_refresh(SANDBOX, activity([job], job.ended)) is None
