"""Zuora as the emulator plays it: a tenant that can be asked, refreshed, watched and broken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import format_instant, parse_instant
from tap_zuora_testenv.emulator.environments import deactivated_since, next_refresh, refresh_period, standing
from tap_zuora_testenv.emulator.faults import Faults
from tap_zuora_testenv.emulator.history import FAILED_SHARE, fail
from tap_zuora_testenv.emulator.life import NOT_CANCELLABLE, JobPlan, status_at
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NO_PERMISSION, NOT_FOUND, Refusal
from tap_zuora_testenv.emulator.request_log import RequestLog
from tap_zuora_testenv.emulator.seeds import dice, plan_job
from tap_zuora_testenv.emulator.tenant import Tenant
from tap_zuora_testenv.emulator.tokens import Tokens

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.clock import Clock


class Zuora(Tenant):
    """A tenant and everything that stands between it and its callers.

    Args:
        seed: Where everything that looks like chance comes from.
        environments: How many test environments there are at first.
        jobs: How many jobs each of them has; None for those of a year.
        clock: The clock that the jobs live by; None for the real time.
        tokens: Whose credentials are right, and how long tokens last; None for the demo's.
        limits: When to answer 429; None for never.

    Attributes:
        faults: Answers that stand in for the real ones.
        requests: What was asked.
        latency_seconds: How long each answer is held back.
        permission: Whether the credentials have the permission "Refresh Central Sandbox".
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        environments: int = 5,
        jobs: int | None = None,
        clock: Clock | None = None,
        tokens: Tokens | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(seed=seed, environments=environments, jobs=jobs, clock=clock)
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
            environment_id: The environment.
            scheduled: When it shall start, RFC 3339; None for at once.
            fails: Whether it will fail; None to leave it to the seed.

        Returns:
            The id of the new job.

        Raises:
            Refusal: When there is no such environment, when it is too early ("Create a test environment job": 403),
                when a refresh is under way, or when the request makes no sense.
        """
        with self._lock:
            environment = self._environment(environment_id)
            now = self.clock.now().replace(microsecond=0)
            try:
                start = parse_instant(scheduled).replace(microsecond=0) if scheduled is not None else None
            except (TypeError, ValueError):
                raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime is not a date-time with a zone.") from None
            if start is not None and start < now:
                raise Refusal(400, BAD_REQUEST, "scheduledRefreshTime lies in the past.")
            gone = deactivated_since(environment.plan, start or now)
            if gone:
                since = format_instant(gone)
                raise Refusal(400, BAD_REQUEST, f"The test environment is DEACTIVATED from {since} on.")
            stands = standing(environment.newest_first(), now)
            if stands.running or stands.waiting:
                raise Refusal(403, NO_PERMISSION, "A refresh of this test environment is already under way.")
            allowed = next_refresh(environment.plan, stands)
            if allowed and (start or now) < allowed:
                days = refresh_period(environment.plan).days
                when = format_instant(allowed)
                raise Refusal(403, NO_PERMISSION, f"One refresh in {days} days: the next is possible from {when} on.")
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
            Refusal: When there is no such job, or it is too late: "Refresh a Central or Developer Sandbox from your
                production environment" allows it until the reset stage. (That the answer is a 400 is inference.)
        """
        with self._lock:
            environment = self._environment(environment_id)
            now = self.clock.now().replace(microsecond=0)
            job = environment.jobs.get(job_id)
            if job is None:
                raise Refusal(404, NOT_FOUND, f"Test environment {environment_id} has no job {job_id}.")
            if not isinstance(job, JobPlan):
                raise Refusal(400, BAD_REQUEST, "This job was put here verbatim and has no life to cancel.")
            status = status_at(job, now)
            if status in NOT_CANCELLABLE:
                raise Refusal(400, BAD_REQUEST, f"The job is {status} and can no longer be cancelled.")
            environment.put(job_id, replace(job, cancelled=now))
