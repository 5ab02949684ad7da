"""Pure: the life of a job: its status and its other fields at an instant, computed from its plan.

    NEW or SCHEDULED → QUEUED → INITIATED → the steps of its type → FINALIZING → COMPLETED
                                    │ at any instant, if the plan says so → FAILED
                                    └ before the reset, if cancelled → CANCELLING → CANCELLED

The order of the steps is inferred from their names in Zuora's reference ("Retrieve a job of a test environment"); Zuora
documents neither the order nor the durations.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from tap_zuora_testenv.emulator.clock import format_instant

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
WAITING = frozenset({"NEW", "SCHEDULED"})
# "Refresh a Central or Developer Sandbox from your production environment": not from the reset stage on.
NOT_CANCELLABLE = TERMINAL | {"RESETTING", "IMPORTING", "FINALIZING", "CANCELLING"}

STEPS = {
    "REFRESH": (
        "QUEUED", "INITIATED", "DEPROVISIONING", "EXPORTING", "SCRUBBING", "RESETTING", "IMPORTING", "FINALIZING",
    ),
    "CREATE": ("QUEUED", "INITIATED", "PROVISIONING", "EXPORTING", "SCRUBBING", "IMPORTING", "FINALIZING"),
    "DELETE": ("QUEUED", "INITIATED", "DEPROVISIONING", "FINALIZING"),
}  # fmt: skip

SYSTEM_USER_ID = "00000000000000000000000000000000"
PICKED_UP_AFTER = timedelta(minutes=1)
CANCELLING_TAKES = timedelta(minutes=3)
# A running job is synced to self-service from time to time; its fields are those of the last sync.
SYNCED_EVERY = timedelta(minutes=5)
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class JobPlan:
    """Everything that will happen to a job; instants are in UTC and whole seconds.

    Attributes:
        id: The job's id.
        test_environment_id: The id of its environment.
        job_type: REFRESH, CREATE or DELETE.
        created_by_id: The id of the user who created it.
        created: When it was created.
        steps: The steps from QUEUED to FINALIZING, each with its duration.
        scheduled: When it is scheduled to start; None if it starts at once.
        fails_after: The time from its first step to its failure; None if it does not fail.
        cancelled: When its cancellation was requested; None if it was not.
    """

    id: str
    test_environment_id: str
    job_type: str
    created_by_id: str
    created: datetime
    steps: tuple[tuple[str, timedelta], ...]
    scheduled: datetime | None = None
    fails_after: timedelta | None = None
    cancelled: datetime | None = None

    @property
    def begins(self) -> datetime:
        """The start of its first step."""
        return self.scheduled or self.created + PICKED_UP_AFTER

    @cached_property
    def moments(self) -> tuple[tuple[datetime, str], ...]:
        """Its statuses in order, each with the instant it begins."""
        moments = [(self.created, "SCHEDULED" if self.scheduled else "NEW")]
        at = self.begins
        for status, takes in self.steps:
            moments.append((at, status))
            at += takes
        moments.append((at, "COMPLETED"))
        if self.fails_after is not None:
            failed = self.begins + self.fails_after
            moments = [*(moment for moment in moments if moment[0] < failed), (failed, "FAILED")]
        if self.cancelled is not None:
            moments = [moment for moment in moments if moment[0] <= self.cancelled]
            moments += [(self.cancelled, "CANCELLING"), (self.cancelled + CANCELLING_TAKES, "CANCELLED")]
        return tuple(moments)

    @property
    def ended(self) -> datetime:
        """The instant of its last status."""
        return self.moments[-1][0]

    @cached_property
    def started(self) -> datetime | None:
        """The start of its step INITIATED; None if it never gets there."""
        return next((at for at, status in self.moments if status == "INITIATED"), None)

    @cached_property
    def expected(self) -> datetime:
        """The end of its last step if it neither fails nor is cancelled."""
        return self.begins + sum((takes for _, takes in self.steps), timedelta())


def status_at(plan: JobPlan, now: datetime) -> str:
    """Return the status of a job at an instant; before its creation, the first one."""
    return plan.moments[max(_moment(plan, now), 0)][1]


def is_running(plan: JobPlan, now: datetime) -> bool:
    """Return whether a job is between its first step and its end; its environment is then PROCESSING."""
    return plan.begins <= now < plan.ended


def synced(plan: JobPlan, now: datetime) -> tuple[datetime, datetime]:
    """Return the last sync before an instant and the next one: between them, the fields do not change."""
    index = max(_moment(plan, now), 0)
    at, status = plan.moments[index]
    if status in TERMINAL:
        return at, FOREVER
    until = plan.moments[index + 1][0]
    if status in WAITING or now < at:
        return at, until
    at += (now - at) // SYNCED_EVERY * SYNCED_EVERY
    return at, min(at + SYNCED_EVERY, until)


def job_document(plan: JobPlan, now: datetime) -> dict[str, object]:
    """Return all fields of Zuora's JobResponse at an instant; those without a value are None."""
    at, _ = synced(plan, now)
    status = status_at(plan, at)
    started = plan.started if plan.started and plan.started <= at else None
    return {
        "createTime": format_instant(plan.created),
        "createdById": plan.created_by_id,
        "estimatedCompletionTime": None if status in WAITING else format_instant(_estimate(plan, at)),
        "id": plan.id,
        "jobEndTime": format_instant(at) if status in TERMINAL else None,
        "jobStartTime": format_instant(started) if started else None,
        "jobType": plan.job_type,
        "progressPercentage": _progress(plan, at, status),
        "scheduledRefreshTime": format_instant(plan.scheduled) if plan.scheduled else None,
        "status": status,
        "testEnvironmentId": plan.test_environment_id,
        "updateTime": format_instant(at),
        "updatedById": plan.created_by_id if status in WAITING or plan.cancelled == at else SYSTEM_USER_ID,
    }


def _moment(plan: JobPlan, now: datetime) -> int:
    return bisect_right(plan.moments, now, key=lambda moment: moment[0]) - 1


def _progress(plan: JobPlan, at: datetime, status: str) -> int:
    if status == "COMPLETED":
        return 100
    if plan.started is None or at < plan.started:
        return 0
    # A job that is being cancelled makes no progress.
    worked = min(at, plan.cancelled or at) - plan.started
    return min(int(100 * worked / (plan.expected - plan.started)), 99)


def _estimate(plan: JobPlan, at: datetime) -> datetime:
    """Estimate the end: a tenth of the remaining time too late, so the estimate improves."""
    return plan.expected + max(plan.expected - at, timedelta()) / 10
