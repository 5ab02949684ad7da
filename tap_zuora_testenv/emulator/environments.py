"""Pure: the fields of a test environment at an instant, computed from its plan and the plans of its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import format_instant
from tap_zuora_testenv.emulator.life import SYSTEM_USER_ID, JobPlan, is_running, status_at, synced

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# "Central or Developer Sandbox Refresh Jobs page": one refresh per 28 days; per 14 days for a Developer Sandbox.
CENTRAL_PERIOD = timedelta(days=28)
DEVELOPER_PERIOD = timedelta(days=14)


@dataclass(frozen=True)
class EnvironmentPlan:
    """The properties of a test environment that do not follow from its jobs; instants are in UTC.

    Attributes:
        id: The environment's id.
        tenant_name: The name of its tenant.
        tenant_id: The id of its tenant.
        source_tenant_id: The id of the tenant that it was created from.
        environment_type: TEST, ENTERPRISE, TRIAL, DEMO or DEVELOPER.
        data_copy_type: FULL or CONFIGURATION.
        created: When it was created.
        created_by_id: The id of the user who created it.
        deactivated: When it will be deactivated, or was; None for never.
    """

    id: str
    tenant_name: str
    tenant_id: str
    source_tenant_id: str
    environment_type: str
    data_copy_type: str
    created: datetime
    created_by_id: str
    deactivated: datetime | None = None


@dataclass(frozen=True)
class Activity:
    """What the jobs of an environment are doing at an instant.

    Attributes:
        running: The job that is running.
        waiting: The job that is new or scheduled.
        last_refresh: The end of the last completed refresh.
        last_sync: The last sync of any job.
    """

    running: JobPlan | None = None
    waiting: JobPlan | None = None
    last_refresh: datetime | None = None
    last_sync: datetime | None = None


def refresh_period(plan: EnvironmentPlan) -> timedelta:
    """Return the time that must pass between two refreshes."""
    return DEVELOPER_PERIOD if plan.environment_type == "DEVELOPER" else CENTRAL_PERIOD


def activity(newest_first: Iterable[JobPlan], now: datetime) -> Activity:
    """Return what the jobs of an environment are doing.

    Args:
        newest_first: The plans of the jobs. They are read only back to the last completed refresh: jobs never overlap,
            so all earlier ones have ended, and thousands of jobs cost nothing.
        now: The instant.
    """
    running = waiting = last_refresh = last_sync = None
    for job in newest_first:
        if now < job.created:
            continue
        last_sync = max(synced(job, now)[0], last_sync or job.created)
        if is_running(job, now):
            running = job
        elif now < job.ended:
            waiting = job
        elif job.job_type == "REFRESH" and status_at(job, now) == "COMPLETED":
            last_refresh = job.ended
            break
    return Activity(running, waiting, last_refresh, last_sync)


def deactivated_since(plan: EnvironmentPlan, now: datetime) -> datetime | None:
    """Return when the environment was deactivated; None if it is not deactivated at this instant."""
    return plan.deactivated if plan.deactivated and plan.deactivated <= now else None


def next_refresh(plan: EnvironmentPlan, now: Activity) -> datetime | None:
    """Return the earliest start of the next refresh; None if it may start at once, or if a job is running.

    Inference: a failed or cancelled refresh does not count, because Zuora's pages speak of the last completed one.
    """
    return None if now.running or now.last_refresh is None else now.last_refresh + refresh_period(plan)


def environment_document(plan: EnvironmentPlan, newest_first: Iterable[JobPlan], now: datetime) -> dict[str, object]:
    """Return all fields of Zuora's TestEnvironmentResponse at an instant; those without a value are None."""
    jobs = activity(newest_first, now)
    following = next_refresh(plan, jobs)
    gone = deactivated_since(plan, now)
    updated = max(at for at in (plan.created, jobs.last_sync, gone) if at)
    return {
        "createTime": format_instant(plan.created),
        "createdById": plan.created_by_id,
        "dataCopyType": plan.data_copy_type,
        "deactivationTime": format_instant(plan.deactivated) if plan.deactivated else None,
        "environmentType": plan.environment_type,
        "id": plan.id,
        "lastRefreshTime": format_instant(jobs.last_refresh) if jobs.last_refresh else None,
        "nextRefreshTime": format_instant(following) if following and not gone else None,
        "provisionTime": format_instant(plan.created),
        "revenueTenantId": None,
        "revenueTenantName": None,
        "sourceTenantId": plan.source_tenant_id,
        "status": "DEACTIVATED" if gone else "PROCESSING" if jobs.running else "ACTIVE",
        "tenantId": plan.tenant_id,
        "tenantName": plan.tenant_name,
        "updateTime": format_instant(updated),
        "updatedById": SYSTEM_USER_ID,
    }
