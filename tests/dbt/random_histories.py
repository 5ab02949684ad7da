"""Random environments and jobs with nulls, unknown values, ties and rows that contradict one another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Row = dict[str, Any]

BEGINS = datetime(2025, 1, 1)  # noqa: DTZ001 - as targets write it
DAYS = 500
ENDS = BEGINS + timedelta(days=DAYS)
JOB_TYPES = ("REFRESH",) * 8 + ("CREATE", "DELETE", "CLONE")
ENDED = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "CANCELLED")
OTHER = ("NEW", "SCHEDULED", "QUEUED", "EXPORTING", "POLISHING")
STATUSES = ("ACTIVE",) * 6 + ("PROCESSING", "INACTIVE", "DEACTIVATED", "DELETED", "RESTING", None)
NULLS = 0.08


def random_history(chance: Random, jobs: int, environments: int) -> dict[str, list[Row]]:
    """Draw rows as targets write them: by Zuora's field names, instants in UTC without a zone.

    Args:
        chance: Where the rows come from.
        jobs: How many jobs.
        environments: How many environments; one in ten is known only by its jobs.
    """
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(environments)]
    drawn = [_job(chance, ids) for _ in range(jobs)]
    known = ids[environments // 10 :]
    ends: dict[str, list[datetime]] = {key: [] for key in ids}
    for job in drawn:
        if job["jobEndTime"] and job["testEnvironmentId"]:
            ends[job["testEnvironmentId"]].append(job["jobEndTime"])
    return {
        "test_environments": [_environment(chance, key, ends[key]) for key in known],
        "test_environment_jobs": drawn,
    }


def _instant(chance: Random) -> datetime:
    # Days and hours often agree, so that there are ties.
    at = BEGINS + timedelta(days=chance.randrange(DAYS), hours=chance.choice((0, 0, 6, 23)))
    if chance.random() < 0.3:
        return at
    return at + timedelta(seconds=chance.randrange(86_400), microseconds=chance.choice((0, 0, 500_000, 999_999)))


def _maybe(chance: Random, value: object) -> Any:
    return None if chance.random() < NULLS else value


def _job(chance: Random, ids: list[str]) -> Row:
    created = _instant(chance)
    scheduled = created + timedelta(hours=chance.randrange(-5, 100)) if chance.random() < 0.3 else None
    started = (scheduled or created) + timedelta(minutes=chance.randrange(-5, 200))
    status = chance.choice(ENDED if chance.random() < 0.97 else OTHER)
    ended = started + timedelta(
        seconds=chance.choice((3600, 18 * chance.randrange(1, 9000), chance.randrange(200_000)))
    )
    return {
        "id": f"{chance.getrandbits(128):032x}",
        "testEnvironmentId": _maybe(chance, chance.choice(ids)),
        "jobType": _maybe(chance, chance.choice(JOB_TYPES)),
        "status": _maybe(chance, status),
        "progressPercentage": _maybe(chance, chance.randrange(101)),
        "createdById": _maybe(chance, f"user {chance.randrange(9)}"),
        "createTime": _maybe(chance, created),
        "scheduledRefreshTime": scheduled,
        "jobStartTime": _maybe(chance, started),
        "estimatedCompletionTime": _maybe(chance, started + timedelta(minutes=chance.randrange(3000))),
        "jobEndTime": _maybe(chance, ended) if status in ENDED else None,
        "updateTime": _maybe(chance, ended),
        "_sdc_extracted_at": ended + timedelta(minutes=chance.randrange(90)),
    }


def _environment(chance: Random, key: str, ends: list[datetime]) -> Row:
    near = chance.choice(ends or [BEGINS]) if chance.random() < 0.5 else max(ends, default=BEGINS)
    seconds = chance.choice((0, 1, -1, 1800, 3600, 3601, -3601, 90_000))
    read = ENDS + timedelta(minutes=chance.choice((0,) * 16 + (-30, -31, -300)))
    return {
        "id": key,
        "tenantName": _maybe(chance, f"Environment {chance.randrange(20)} é"),
        "tenantId": _maybe(chance, str(chance.randrange(10_000))),
        "status": chance.choice(STATUSES),
        "environmentType": _maybe(chance, "TEST"),
        "dataCopyType": _maybe(chance, chance.choice(("FULL", "FULL", "CONFIGURATION"))),
        "lastRefreshTime": _maybe(chance, near + timedelta(seconds=seconds)),
        "nextRefreshTime": _maybe(chance, read + timedelta(days=chance.randrange(-20, 20))),
        "deactivationTime": _maybe(chance, read + timedelta(days=chance.randrange(-20, 40))),
        "_sdc_extracted_at": read,
    }
