"""Pure: whether a test environment can be used, by the rules of the dbt model `zuora_test_environments__readiness`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from tap_zuora_testenv.ids import folded
from tap_zuora_testenv.timestamps import NANOSECONDS_PER_SECOND, instant
from tap_zuora_testenv.values import integer, string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_zuora_testenv.timestamps import Instant
    from tap_zuora_testenv.values import Row

State: TypeAlias = Literal["ready", "busy", "check", "unavailable", "unknown"]
Outcome: TypeAlias = Literal["completed", "failed", "cancelled", "waiting", "running", "unknown"]

_ENDED: dict[str, Outcome] = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "cancelled"}
_WAITING = frozenset({"NEW", "SCHEDULED"})
_OFF = frozenset({"INACTIVE", "DEACTIVATED"})
# A `lastRefreshTime` and the end of a job that differ by no more seconds are of the same refresh.
_SAME_REFRESH = 3600


class Job(NamedTuple):
    """A job, as far as readiness depends on it.

    Attributes:
        id: The id.
        kind: Zuora's `jobType`: REFRESH, CREATE or DELETE.
        status: Zuora's status.
        outcome: What the status means.
        progress: How much is done, in percent.
        due_at: When the job could start at the earliest.
        started_at: When the job started.
        ended_at: When the job ended, None while it has not. Without a `jobEndTime`, its last sync.
        expected_at: When Zuora expects the job to end.
    """

    id: str
    kind: str | None
    status: str | None
    outcome: Outcome
    progress: int | None
    due_at: Instant | None
    started_at: Instant | None
    ended_at: Instant | None
    expected_at: Instant | None

    @classmethod
    def from_row(cls, row: Row) -> Job:
        """Read a job as Zuora sent it."""
        status = string(row.get("status"))
        outcome = _outcome(status)
        created, scheduled = instant(row.get("createTime")), instant(row.get("scheduledRefreshTime"))
        is_later = created is None or (scheduled is not None and scheduled > created)
        ended = instant(row.get("jobEndTime"))
        return cls(
            id=str(row["id"]),
            kind=string(row.get("jobType")),
            status=status,
            outcome=outcome,
            progress=integer(row.get("progressPercentage")),
            due_at=scheduled if is_later else created,
            started_at=instant(row.get("jobStartTime")),
            ended_at=(instant(row.get("updateTime")) if ended is None else ended) if status in _ENDED else None,
            expected_at=instant(row.get("estimatedCompletionTime")),
        )


class Readiness(NamedTuple):
    """Whether a test environment can be used, and why.

    Attributes:
        state: The state, by the first rule that applies.
        running: The job that is running; of several, the one that started (or was due) last.
        last_refresh: The last refresh that is over.
        last_good_at: When the last good refresh ended.
        jobs: All jobs, by their ids as ids are compared.
    """

    state: State
    running: Job | None
    last_refresh: Job | None
    last_good_at: Instant | None
    jobs: dict[str, Job]


def readiness(environment: Row, rows: Iterable[Row], *, has_vanished: bool = False) -> Readiness:
    """Decide whether a test environment can be used.

    Args:
        environment: The test environment as Zuora sent it.
        rows: Its jobs as Zuora sent them, all of them.
        has_vanished: Whether Zuora no longer lists the environment, which is expected of one with the status INACTIVE,
            DEACTIVATED or DELETED.
    """
    # Sorted by id: of jobs that are otherwise equal, the one whose id sorts first counts.
    jobs = sorted(map(Job.from_row, rows), key=lambda job: job.id)
    running = max(
        (job for job in jobs if job.outcome == "running"),
        key=lambda job: _latest(job.due_at if job.started_at is None else job.started_at),
        default=None,
    )
    ended = [job for job in jobs if job.kind == "REFRESH" and job.status in _ENDED]
    last_good_at = _last_good_at(ended, instant(environment.get("lastRefreshTime")))
    return Readiness(
        state=_state(
            string(environment.get("status")),
            has_vanished=has_vanished,
            is_running=running is not None,
            is_spoiled=_is_spoiled(jobs, last_good_at),
        ),
        running=running,
        last_refresh=max(ended, key=lambda job: _latest(job.ended_at), default=None),
        last_good_at=last_good_at,
        jobs={folded(job.id): job for job in jobs},
    )


def is_over(found: Readiness, refresh: Job | None) -> bool:
    """Return whether there is no point in waiting until a test environment is ready.

    Args:
        found: Its readiness.
        refresh: The refresh that was seen running last, as it is now; None if none was.
    """
    if found.running is not None:
        return False
    if found.state in {"check", "unavailable"}:
        return True
    if refresh is None or refresh.outcome not in {"failed", "cancelled"}:
        return False
    # A good refresh may have followed between two looks.
    good, ended = found.last_good_at, refresh.ended_at
    return good is None or ended is None or good <= ended


def _state(status: str | None, *, has_vanished: bool, is_running: bool, is_spoiled: bool) -> State:
    """Return the state; the rules are numbered in the model's description."""
    if status == "DELETED":
        return "unavailable"
    if has_vanished and status not in _OFF:
        return "unknown"
    if is_running or status == "PROCESSING":
        return "busy"
    if status in _OFF:
        return "unavailable"
    if status != "ACTIVE":
        return "unknown"
    return "check" if is_spoiled else "ready"


def _is_spoiled(jobs: list[Job], last_good_at: Instant | None) -> bool:
    """Return whether the newest refresh that had started came to nothing, and no good one followed.

    Zuora deletes the data of an environment when a refresh starts.
    """
    started = [job for job in jobs if job.kind == "REFRESH" and job.started_at is not None]
    newest = max(started, key=lambda job: (_latest(job.started_at), job.ended_at is None, job.ended_at), default=None)
    if newest is None or newest.outcome not in {"failed", "cancelled"}:
        return False
    return _latest(last_good_at) <= _latest(newest.started_at if newest.ended_at is None else newest.ended_at)


def _last_good_at(ended: list[Job], given: Instant | None) -> Instant | None:
    """Return when the last good refresh ended.

    Args:
        ended: The refreshes that are over.
        given: The environment's `lastRefreshTime`. It is ignored if the jobs contradict it: a later one was
            completed, or the refresh of that time came to nothing.
    """
    good = [job.ended_at for job in ended if job.outcome == "completed" and job.ended_at is not None]
    bad = [job.ended_at for job in ended if job.outcome != "completed" and job.ended_at is not None]
    if given is not None:
        is_overtaken = any(_seconds(given, at) > _SAME_REFRESH for at in good)
        near = [at for at in good if abs(_seconds(given, at)) <= _SAME_REFRESH]
        is_of_bad = any(abs(_seconds(given, at)) <= _SAME_REFRESH for at in bad)
        if not is_overtaken and (near or not is_of_bad):
            return min(near, key=lambda at: (abs(_seconds(given, at)), -at), default=given)
    return max(good, default=None)


def _seconds(earlier: Instant, later: Instant) -> int:
    """Return the whole seconds from one instant to another, as databases count them: by the seconds of each."""
    return later // NANOSECONDS_PER_SECOND - earlier // NANOSECONDS_PER_SECOND


def _latest(at: Instant | None) -> float:
    """Return a sort key by which a missing instant comes before every other."""
    return float("-inf") if at is None else at


def _outcome(status: str | None) -> Outcome:
    if status is None:
        return "unknown"
    return "waiting" if status in _WAITING else _ENDED.get(status, "running")
