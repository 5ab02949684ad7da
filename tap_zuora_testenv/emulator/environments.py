"""Pure: what a test environment answers at an instant, from its plan and the plans of its jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import format_instant
from tap_zuora_testenv.emulator.life import SYSTEM_USER_ID, JobPlan, is_running, status_at, synced

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

# "Central or Developer Sandbox Refresh Jobs page": a refresh every 28 days, of a Developer Sandbox every 14.
CENTRAL_PERIOD = timedelta(days=28)
DEVELOPER_PERIOD = timedelta(days=14)


@dataclass(frozen=True)
class EnvironmentPlan:
    """What of a test environment does not follow from its jobs; instants in UTC.

    Attributes:
        id: The environment's id.
        tenant_name: Its name.
        tenant_id: The id of its own tenant.
        source_tenant_id: The tenant whose data a refresh copies.
        environment_type: TEST, ENTERPRISE, TRIAL, DEMO or DEVELOPER.
        data_copy_type: FULL or CONFIGURATION.
        created: When it was created.
        created_by_id: Who created it.
        deactivated: When it was, or will be, deactivated; None for never.
    """

    id: str
    tenant_name: str
    tenant_id: int
    source_tenant_id: int
    environment_type: str
    data_copy_type: str
    created: datetime
    created_by_id: str
    deactivated: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """How an environment stands towards its next refresh.

    Attributes:
        running: The job that works on it now.
        waiting: The job that is new or scheduled.
        last_refresh: When the last completed refresh ended.
        last_sync: When any of its jobs was last synced.
    """

    running: JobPlan | None = None
    waiting: JobPlan | None = None
    last_refresh: datetime | None = None
    last_sync: datetime | None = None


def refresh_period(plan: EnvironmentPlan) -> timedelta:
    """Tell how long after a refresh the next one is allowed."""
    return DEVELOPER_PERIOD if plan.environment_type == "DEVELOPER" else CENTRAL_PERIOD


def standing(newest_first: Iterable[JobPlan], now: datetime) -> Standing:
    """Read from the jobs how their environment stands.

    Args:
        newest_first: The plans of its jobs. They are read only as far as the last completed refresh: one job at a
            time is allowed, so whatever lies before it has ended, and thousands of jobs cost nothing.
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
    return Standing(running, waiting, last_refresh, last_sync)


def deactivated_since(plan: EnvironmentPlan, now: datetime) -> datetime | None:
    """Tell since when it is deactivated at an instant; None while it is not."""
    return plan.deactivated if plan.deactivated and plan.deactivated <= now else None


def next_refresh(plan: EnvironmentPlan, now: Standing) -> datetime | None:
    """Tell from when on the next refresh is allowed; None for at once, and while a job runs.

    That a failed or cancelled refresh does not count is inference: Zuora's pages speak of the last completed one.
    """
    return None if now.running or now.last_refresh is None else now.last_refresh + refresh_period(plan)


def environment_document(plan: EnvironmentPlan, newest_first: Iterable[JobPlan], now: datetime) -> dict[str, object]:
    """Make the TestEnvironmentResponse that the environment has at an instant.

    Its tenant ids are numbers, as in the samples of Zuora's reference, which declares them strings.
    """
    stands = standing(newest_first, now)
    following = next_refresh(plan, stands)
    gone = deactivated_since(plan, now)
    updated = max(at for at in (plan.created, stands.last_sync, gone) if at)
    return {
        "createTime": format_instant(plan.created),
        "createdById": plan.created_by_id,
        "dataCopyType": plan.data_copy_type,
        "deactivationTime": format_instant(plan.deactivated) if plan.deactivated else None,
        "environmentType": plan.environment_type,
        "id": plan.id,
        "lastRefreshTime": format_instant(stands.last_refresh) if stands.last_refresh else None,
        "nextRefreshTime": format_instant(following) if following and not gone else None,
        "provisionTime": format_instant(plan.created),
        "revenueTenantId": None,
        "revenueTenantName": None,
        "sourceTenantId": plan.source_tenant_id,
        "status": "DEACTIVATED" if gone else "PROCESSING" if stands.running else "ACTIVE",
        "tenantId": plan.tenant_id,
        "tenantName": plan.tenant_name,
        "updateTime": format_instant(updated),
        "updatedById": SYSTEM_USER_ID,
    }
