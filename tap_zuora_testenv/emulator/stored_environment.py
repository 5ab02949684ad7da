"""A test environment and its jobs as the tenant stores them, with response bodies cached while they are up to date."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.environments import EnvironmentPlan, environment_document
from tap_zuora_testenv.emulator.life import FOREVER, JobPlan, job_document, synced
from tap_zuora_testenv.emulator.sloppiness import as_described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


@dataclass
class StoredEnvironment:
    """A test environment and its jobs.

    Attributes:
        plan: The plan of the environment.
        write: Turns all fields of a row into the row to send.
        document: The JSON to send instead, verbatim; None to compute the row from the plan.
        jobs: The jobs by id, the oldest first: plans, or JSON to send verbatim.
    """

    plan: EnvironmentPlan
    write: Callable[[Mapping[str, object]], dict[str, object]] = as_described
    document: bytes | None = None
    jobs: dict[str, JobPlan | bytes] = field(default_factory=dict)
    # The rows of jobs that have ended, which no longer change.
    _settled: dict[str, bytes] = field(default_factory=dict)
    # The list of jobs, and the instants between which it is up to date (the second one exclusive).
    _listed: tuple[datetime, datetime, bytes] | None = None

    def newest_first(self) -> Iterator[JobPlan]:
        """Iterate over the plans of the jobs that have one."""
        return (job for job in reversed(self.jobs.values()) if isinstance(job, JobPlan))

    def put(self, job_id: str, job: JobPlan | bytes) -> None:
        """Add or replace a job."""
        self.jobs[job_id] = job
        self._settled.pop(job_id, None)
        self._listed = None

    def remove(self, job_id: str) -> None:
        """Remove a job, if it exists."""
        self.jobs.pop(job_id, None)
        self._settled.pop(job_id, None)
        self._listed = None

    def row(self, now: datetime) -> bytes:
        """Return the environment as JSON."""
        if self.document is not None:
            return self.document
        return json_bytes(self.write(environment_document(self.plan, self.newest_first(), now)))

    def job_row(self, job_id: str, now: datetime) -> bytes | None:
        """Return a job as JSON; None if it does not exist, or does not exist yet."""
        job = self.jobs.get(job_id)
        if job is None or not isinstance(job, JobPlan):
            return job
        if now < job.ended:
            return None if now < job.created else json_bytes(self.write(job_document(job, now)))
        if job_id not in self._settled:
            self._settled[job_id] = json_bytes(self.write(job_document(job, now)))
        return self._settled[job_id]

    def jobs_body(self, now: datetime) -> bytes:
        """Return the body of the response with all jobs."""
        if self._listed is None or not self._listed[0] <= now < self._listed[1]:
            since, until = self._unchanged(now)
            rows = (self.job_row(job_id, now) for job_id in self.jobs)
            self._listed = since, until, list_body([row for row in rows if row is not None])
        return self._listed[2]

    def _unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the instants between which no row differs from its present state."""
        since, until = min(self.plan.created, now), FOREVER
        for job in self.jobs.values():
            if not isinstance(job, JobPlan):
                continue
            if job.ended <= now:
                since = max(since, job.ended)
            elif job.created <= now:
                start, end = synced(job, now)
                since, until = max(since, start), min(until, end)
            else:
                until = min(until, job.created)
        return since, until


def json_bytes(document: object) -> bytes:
    """Write JSON in its shortest form."""
    return json.dumps(document, separators=(",", ":")).encode()


def list_body(rows: list[bytes]) -> bytes:
    """Write the body of a list response.

    Zuora does not describe `size`; here it is the number of rows.
    """
    return b'{"result":[%b],"size":%d}\n' % (b",".join(rows), len(rows))
