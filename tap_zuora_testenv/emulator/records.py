"""One test environment as a tenant keeps it, and its answers as bytes, kept while they are true."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.environments import EnvironmentPlan, environment_document
from tap_zuora_testenv.emulator.life import FOREVER, JobPlan, job_document, synced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass
class EnvironmentRecord:
    """A test environment and its jobs.

    Attributes:
        plan: What it is.
        document: What it answers instead, verbatim JSON; None to answer by its plan.
        jobs: Its jobs by id, the oldest first: plans, or verbatim JSON.
    """

    plan: EnvironmentPlan
    document: bytes | None = None
    jobs: dict[str, JobPlan | bytes] = field(default_factory=dict)
    # Jobs that have ended answer the same from then on.
    _settled: dict[str, bytes] = field(default_factory=dict)
    # The list of jobs, with from when until when (exclusive) it is true.
    _listed: tuple[datetime, datetime, bytes] | None = None

    def newest_first(self) -> Iterator[JobPlan]:
        """Give the plans of the jobs that have one."""
        return (job for job in reversed(self.jobs.values()) if isinstance(job, JobPlan))

    def put(self, job_id: str, job: JobPlan | bytes) -> None:
        """Add or replace a job."""
        self.jobs[job_id] = job
        self._settled.pop(job_id, None)
        self._listed = None

    def remove(self, job_id: str) -> None:
        """Remove a job, if it is there."""
        self.jobs.pop(job_id, None)
        self._settled.pop(job_id, None)
        self._listed = None

    def body(self, now: datetime) -> bytes:
        """Answer for the environment."""
        if self.document is not None:
            return self.document
        return json_bytes(environment_document(self.plan, self.newest_first(), now))

    def job_body(self, job_id: str, now: datetime) -> bytes | None:
        """Answer for a job; None when there is none, or none yet."""
        job = self.jobs.get(job_id)
        if job is None or not isinstance(job, JobPlan):
            return job
        if now < job.ended:
            return None if now < job.created else json_bytes(job_document(job, now))
        if job_id not in self._settled:
            self._settled[job_id] = json_bytes(job_document(job, now))
        return self._settled[job_id]

    def jobs_body(self, now: datetime) -> bytes:
        """Answer for the list of jobs."""
        if self._listed is None or not self._listed[0] <= now < self._listed[1]:
            since, until = self._unchanged(now)
            bodies = (self.job_body(job_id, now) for job_id in self.jobs)
            self._listed = since, until, json_list([body for body in bodies if body is not None])
        return self._listed[2]

    def _unchanged(self, now: datetime) -> tuple[datetime, datetime]:
        """Tell from when until when no job answers otherwise than now."""
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
    """Write JSON in the shortest way."""
    return json.dumps(document, separators=(",", ":")).encode()


def json_list(rows: list[bytes]) -> bytes:
    """Put JSON values into the envelope of Zuora's lists.

    What `size` means is described nowhere: here it says how many they are.
    """
    return b'{"result":[%b],"size":%d}' % (b",".join(rows), len(rows))
