"""Pure: the past of a test environment, drawn from a seed: its creation and then its refreshes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.environments import refresh_period
from tap_zuora_testenv.emulator.life import NOT_CANCELLABLE
from tap_zuora_testenv.emulator.seeds import YEAR, dice, plan_job

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime

    from tap_zuora_testenv.emulator.environments import EnvironmentPlan
    from tap_zuora_testenv.emulator.life import JobPlan
    from tap_zuora_testenv.emulator.seeds import Kind

# The past is never longer than this; if many jobs are wanted, they are closer together.
LONGEST_PAST = 20 * YEAR
# The age of the last refresh of the past, in refresh periods.
AGES = {"running": 1.1, "scheduled": 0.8, "due": 1.2, "resting": 0.3, "deactivated": 2.5}
FAILED_SHARE = 0.1
CANCELLED_SHARE = 0.06


def history(
    seed: int, environment: EnvironmentPlan, kind: Kind, now: datetime, jobs: int | None = None
) -> tuple[EnvironmentPlan, list[JobPlan]]:
    """Draw the jobs of an environment, and the date of its creation.

    Args:
        seed: The seed.
        environment: The environment.
        kind: The kind of the environment, which includes what it is doing now.
        now: The present.
        jobs: The number of jobs, including the CREATE and the present one; None for the jobs of a year.

    Returns:
        The environment with the date of its creation, and its jobs, the oldest first.
    """
    if jobs == 0:
        return environment, []
    chance = dice(seed, "history", environment.id)
    period = refresh_period(environment)
    spacing = period if jobs is None else min(period, LONGEST_PAST / jobs)
    latest = now - AGES[kind.now] * spacing
    present = list(_present(chance, environment, kind, now, latest)) if jobs is None or jobs > 1 else []
    wanted = None if jobs is None else jobs - len(present) - 1
    newest_first: list[JobPlan] = []
    for job in _past(chance, environment, latest, spacing):
        if len(newest_first) == wanted or (wanted is None and job.created < now - YEAR):
            break
        newest_first.append(job)
    first = min((job.created for job in newest_first), default=latest)
    creation = plan_job(chance, environment, "CREATE", first - spacing, spacing / 2)
    environment = replace(environment, created=creation.created)
    return environment, [creation, *reversed(newest_first), *present]


def _past(
    chance: random.Random, environment: EnvironmentPlan, latest: datetime, spacing: timedelta
) -> Iterator[JobPlan]:
    """Draw completed refreshes backwards in time; some follow an attempt that failed or was cancelled."""
    at = latest
    while True:
        yield plan_job(chance, environment, "REFRESH", at, spacing / 2)
        fate = chance.random()
        if fate < FAILED_SHARE + CANCELLED_SHARE:
            # Early enough to end before the refresh that succeeds.
            attempt = plan_job(chance, environment, "REFRESH", at - spacing * chance.uniform(0.1, 0.2), spacing / 12)
            yield fail(chance, attempt) if fate < FAILED_SHARE else cancel(chance, attempt)
            at = attempt.created
        # A period begins at the end of a refresh, so the starts are slightly more than a period apart.
        at -= spacing * chance.uniform(1.05, 1.12)


def _present(
    chance: random.Random, environment: EnvironmentPlan, kind: Kind, now: datetime, latest: datetime
) -> Iterator[JobPlan]:
    """Draw the job that is running or waiting now, if the kind of the environment has one."""
    if kind.now == "running":
        job = plan_job(chance, environment, "REFRESH", now)
        yield replace(job, created=_whole(now - (job.expected - now) * chance.uniform(0.2, 0.4)))
    if kind.now == "scheduled":
        job = plan_job(chance, environment, "REFRESH", _whole(now - timedelta(hours=chance.uniform(4, 30))))
        allowed = max(latest + refresh_period(environment), now)
        yield replace(job, scheduled=_whole(allowed + timedelta(hours=chance.uniform(6, 24))))


def fail(chance: random.Random, job: JobPlan) -> JobPlan:
    """Return the job with a failure at a random instant while it runs."""
    works = job.expected - job.moments[1][0]
    return replace(job, fails_after=timedelta(seconds=int(works.total_seconds() * chance.uniform(0.1, 0.95))))


def cancel(chance: random.Random, job: JobPlan) -> JobPlan:
    """Return the job with a cancellation at a random instant at which that is possible."""
    last = next(at for at, status in job.moments if status in NOT_CANCELLABLE)
    return replace(job, cancelled=_whole(job.created + (last - job.created) * chance.uniform(0.1, 0.9)))


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
