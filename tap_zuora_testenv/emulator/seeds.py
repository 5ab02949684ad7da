"""Pure: draws test environments and jobs from a seed: the same seed gives the same ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from tap_zuora_testenv.emulator.environments import EnvironmentPlan
from tap_zuora_testenv.emulator.life import STEPS, JobPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

YEAR = timedelta(days=365)
FULL_COPY_HOURS = (8, 30)
CONFIGURATION_HOURS = (2, 6)
# Shares of the whole duration; the steps that copy data get the rest.
SHARES = {"QUEUED": 0.03, "INITIATED": 0.02, "DEPROVISIONING": 0.08, "PROVISIONING": 0.1, "FINALIZING": 0.07}
LARGEST_SHARE = 0.3


@dataclass(frozen=True)
class Kind:
    """A kind of test environment.

    Attributes:
        name: Its purpose, which becomes part of the tenant's name.
        environment_type: Zuora's `environmentType`.
        data_copy_type: Zuora's `dataCopyType`.
        now: Its situation at the start: running, scheduled, due, resting or deactivated.
    """

    name: str
    environment_type: str
    data_copy_type: str
    now: str


KINDS = (
    Kind("UAT", "TEST", "FULL", "running"),
    Kind("Development", "DEVELOPER", "CONFIGURATION", "scheduled"),
    Kind("Performance", "ENTERPRISE", "FULL", "due"),
    Kind("Training", "DEMO", "CONFIGURATION", "resting"),
    Kind("Migration", "TRIAL", "FULL", "deactivated"),
)


def dice(*of: object) -> random.Random:
    """Return a random generator for a seed and a purpose; equal arguments give equal numbers."""
    return random.Random("/".join(map(str, of)))  # noqa: S311 - repeatable, not secret


def new_id(chance: random.Random) -> str:
    """Draw a UUID."""
    return str(UUID(int=chance.getrandbits(128), version=4))


def new_user_id(chance: random.Random) -> str:
    """Draw a user's id: 32 hexadecimal digits, as in the samples of Zuora's reference."""
    return f"{chance.getrandbits(128):032x}"


def environments(seed: int, count: int, now: datetime) -> Iterator[tuple[EnvironmentPlan, Kind]]:
    """Draw the test environments of a tenant, each with its kind; `history` then sets when each was created."""
    tenant = dice(seed, "tenant").randrange(10_000, 99_999)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        chance = dice(seed, "environment", number)
        again = number // len(KINDS)
        plan = EnvironmentPlan(
            id=new_id(chance),
            tenant_name=f"Acme {kind.name} {again + 1}" if again else f"Acme {kind.name}",
            tenant_id=str(100_000 + tenant + number),
            source_tenant_id=str(tenant),
            environment_type=kind.environment_type,
            data_copy_type=kind.data_copy_type,
            created=now,
            created_by_id=new_user_id(chance),
            deactivated=now - timedelta(days=chance.randrange(20, 40)) if kind.now == "deactivated" else None,
        )
        yield plan, kind


def plan_job(
    chance: random.Random, environment: EnvironmentPlan, job_type: str, created: datetime, longest: timedelta = YEAR
) -> JobPlan:
    """Draw a job that completes.

    Args:
        chance: The random generator for its id and its durations.
        environment: Its environment.
        job_type: REFRESH, CREATE or DELETE.
        created: When it is created.
        longest: Its longest duration.
    """
    hours = FULL_COPY_HOURS if environment.data_copy_type == "FULL" else CONFIGURATION_HOURS
    whole = min(timedelta(hours=chance.uniform(*hours)), longest)
    names = STEPS[job_type]
    weights = [SHARES.get(name, LARGEST_SHARE) * chance.uniform(0.6, 1.4) for name in names]
    scale = whole.total_seconds() / sum(weights)
    return JobPlan(
        id=new_id(chance),
        test_environment_id=environment.id,
        job_type=job_type,
        created_by_id=new_user_id(chance) if chance.random() < LARGEST_SHARE else environment.created_by_id,
        created=created,
        steps=tuple(
            (name, timedelta(seconds=max(int(weight * scale), 1))) for name, weight in zip(names, weights, strict=True)
        ),
    )
