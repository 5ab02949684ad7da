"""The emulated Zuora: a tenant with tokens, limits, faults and a request log, in which refreshes can be created."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import LAST, format_instant, parse_instant
from tap_zuora_testenv.emulator.environments import activity, deactivated_since, next_refresh, refresh_period
from tap_zuora_testenv.emulator.faults import Faults
from tap_zuora_testenv.emulator.history import FAILED_SHARE, fail
from tap_zuora_testenv.emulator.life import NOT_CANCELLABLE, JobPlan, status_at
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NO_PERMISSION, Refusal
from tap_zuora_testenv.emulator.request_log import RequestLog
from tap_zuora_testenv.emulator.seeds import dice, plan_job
from tap_zuora_testenv.emulator.tenant import Tenant
from tap_zuora_testenv.emulator.tokens import Tokens

if TYPE_CHECKING:
    from datetime import datetime

    from tap_zuora_testenv.emulator.clock import Clock


class Zuora(Tenant):
    """A tenant and everything between it and its clients.

    Args:
        seed: The seed of everything random.
        environments: The number of test environments at the start.
        jobs: The number of jobs of each environment; None for the jobs of a year.
        clock: The clock that the jobs follow; None for the real time.
        tokens: The accepted credentials and the lifetime of tokens; None for those of the demo.
        limits: When to respond with 429; None for never.
        sloppy: Whether to send what a live tenant may send, rather than what Zuora describes.

    Attributes:
        faults: Responses that replace, delay or break the real ones.
        requests: The request log.
        latency_seconds: The delay of each response.
        permission: Whether the user has the permission "Refresh Central Sandbox".
    """

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        *,
        seed: int = 1,
        environments: int = 5,
        jobs: int | None = None,
        clock: Clock | None = None,
        tokens: Tokens | None = None,
        limits: Limits | None = None,
        sloppy: bool = False,
    ) -> None:
        super().__init__(seed=seed, environments=environments, jobs=jobs, clock=clock, sloppy=sloppy)
        self.tokens = tokens or Tokens()
        self.limits = limits or Limits()
        self.faults = Faults()
        self.requests = RequestLog()
        self.latency_seconds = 0.0
        self.permission = True
        self._refreshes = 0

    def create_refresh(self, environment_id: str, scheduled: str | None = None, *, fails: bool | None = None) -> str:
        """Create a refresh, as `POST /test-environments/{id}/jobs` does.

        Args:
            environment_id: The id of the environment.
            scheduled: Its start, as an RFC 3339 date-time; None to start at once.
            fails: Whether it will fail; None to let the seed decide.

        Returns:
            The id of the new job.

        Raises:
            Refusal: If the environment does not exist, the start is not possible, a refresh is under way, or it is too
                early for another one ("Create a test environment job": 403).
        """
        with self._lock:
            environment = self._environment(environment_id)
            now = self.clock.now().replace(microsecond=0)
            start = None if scheduled is None else _start(scheduled, now)
            gone = deactivated_since(environment.plan, start or now)
            if gone:
                raise Refusal(400, BAD_REQUEST, f"The test environment is DEACTIVATED from {format_instant(gone)} on.")
            jobs = activity(environment.newest_first(), now)
            if jobs.running or jobs.waiting:
                raise Refusal(403, NO_PERMISSION, "A refresh of this test environment is already under way.")
            allowed = next_refresh(environment.plan, jobs)
            if allowed and (start or now) < allowed:
                days = refresh_period(environment.plan).days
                when = format_instant(allowed)
                raise Refusal(
                    403, NO_PERMISSION, f"One refresh per {days} days: the next one is possible from {when} on."
                )
            self._refreshes += 1
            chance = dice(self.seed, "refresh", environment_id, self._refreshes)
            job = replace(plan_job(chance, environment.plan, "REFRESH", now), scheduled=start)
            if chance.random() < FAILED_SHARE if fails is None else fails:
                job = fail(chance, job)
            environment.put(job.id, job)
            return job.id

    def cancel_job(self, environment_id: str, job_id: str) -> None:
        """Cancel a job, as `POST /test-environments/{id}/jobs/{jobId}/actions` does.

        Raises:
            Refusal: If the job does not exist, or can no longer be cancelled: "Refresh a Central or Developer Sandbox
                from your production environment" allows it until the reset stage. (The status 400 is inference.)
        """
        with self._lock:
            environment = self._environment(environment_id)
            now = self.clock.now().replace(microsecond=0)
            job = environment.jobs.get(job_id)
            # The clock may have been set back to a time before the job was created.
            if job is None or (isinstance(job, JobPlan) and now < job.created):
                raise self._no_job(environment_id, job_id)
            if not isinstance(job, JobPlan):
                raise Refusal(400, BAD_REQUEST, "This job was added verbatim, so it cannot be cancelled.")
            status = status_at(job, now)
            if status in NOT_CANCELLABLE:
                raise Refusal(400, BAD_REQUEST, f"The job is {status} and can no longer be cancelled.")
            environment.put(job_id, replace(job, cancelled=now))


def _start(scheduled: str, now: datetime) -> datetime:
    """Read the scheduled start of a refresh.

    Raises:
        Refusal: If it is not a date-time, is in the past, or is later than the clock can be.
    """
    try:
        start = parse_instant(scheduled).replace(microsecond=0)
    except ValueError:
        raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime is not a date-time with a time zone.") from None
    if start < now:
        raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime is in the past.")
    if start > LAST:
        raise Refusal(400, BAD_REQUEST, f"scheduledRefreshTime is later than {format_instant(LAST)}.")
    return start
