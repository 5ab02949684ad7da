"""A tenant's state: its test environments and their jobs, and what they answer now."""

from __future__ import annotations

import json
from threading import RLock
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.environments import EnvironmentPlan
from tap_zuora_testenv.emulator.history import history
from tap_zuora_testenv.emulator.records import EnvironmentRecord, json_bytes, json_list
from tap_zuora_testenv.emulator.refusals import NOT_FOUND, Refusal
from tap_zuora_testenv.emulator.seeds import environments as draw_environments

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tenant:
    """What Zuora knows; safe to be used from several threads.

    Args:
        seed: Where everything that looks like chance comes from.
        environments: How many test environments there are at first.
        jobs: How many jobs each of them has; None for those of a year.
        clock: The clock that the jobs live by; None for the real time.
    """

    def __init__(
        self, *, seed: int = 1, environments: int = 5, jobs: int | None = None, clock: Clock | None = None
    ) -> None:
        self.seed = seed
        self.clock = clock or Clock()
        self._lock = RLock()
        self._environments: dict[str, EnvironmentRecord] = {}
        self._seed(environments, jobs)

    def _seed(self, count: int, jobs: int | None) -> None:
        now = self.clock.now().replace(microsecond=0)
        for drawn, kind in draw_environments(self.seed, count, now):
            plan, past = history(self.seed, drawn, kind, now, jobs)
            self._environments[plan.id] = EnvironmentRecord(plan, jobs={job.id: job for job in past})

    # What it answers

    def environments(self) -> list[dict[str, object]]:
        """Read all test environments as they answer now."""
        return self._read(self.environments_body())

    def jobs(self, environment_id: str) -> list[dict[str, object]]:
        """Read the jobs of an environment as they answer now, the oldest first."""
        return self._read(self.jobs_body(environment_id))

    def documents(self) -> dict[str, list[dict[str, object]]]:
        """Read everything as it answers now, by the names of the tap's streams."""
        with self._lock:
            jobs = [job for environment_id in self._environments for job in self.jobs(environment_id)]
            return {"test_environments": self.environments(), "test_environment_jobs": jobs}

    @staticmethod
    def _read(body: bytes) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(body)["result"]
        return rows

    def environments_body(self) -> bytes:
        """Answer `GET /test-environments`."""
        with self._lock:
            now = self.clock.now()
            return json_list([environment.body(now) for environment in self._environments.values()])

    def environment_body(self, environment_id: str) -> bytes:
        """Answer `GET /test-environments/{id}`.

        Raises:
            Refusal: When there is no such environment.
        """
        with self._lock:
            return self._environment(environment_id).body(self.clock.now())

    def jobs_body(self, environment_id: str) -> bytes:
        """Answer `GET /test-environments/{id}/jobs`.

        Raises:
            Refusal: When there is no such environment. (What Zuora answers then is documented nowhere.)
        """
        with self._lock:
            return self._environment(environment_id).jobs_body(self.clock.now())

    def job_body(self, environment_id: str, job_id: str) -> bytes:
        """Answer `GET /test-environments/{id}/jobs/{jobId}`.

        Raises:
            Refusal: When there is no such environment, or no such job of it.
        """
        with self._lock:
            body = self._environment(environment_id).job_body(job_id, self.clock.now())
            if body is None:
                raise Refusal(404, NOT_FOUND, f"Test environment {environment_id} has no job {job_id}.")
            return body

    def _environment(self, environment_id: str) -> EnvironmentRecord:
        try:
            return self._environments[environment_id]
        except KeyError:
            raise Refusal(404, NOT_FOUND, f"There is no test environment {environment_id}.") from None

    # What tests and rehearsals put there

    def put_environment(self, document: Mapping[str, object], *, environment_id: str | None = None) -> None:
        """Add or replace a test environment; it answers what is given, verbatim and unchecked, and keeps its jobs.

        Args:
            document: What it answers.
            environment_id: The id under which it is asked for; None for the document's own.
        """
        key = str(document["id"]) if environment_id is None else environment_id
        kind = "DEVELOPER" if document.get("environmentType") == "DEVELOPER" else "TEST"
        plan = EnvironmentPlan(key, key, 0, 0, kind, "FULL", self.clock.now(), key)
        with self._lock:
            self._environments.setdefault(key, EnvironmentRecord(plan)).document = json_bytes(document)

    def put_job(self, environment_id: str, document: object, *, job_id: str | None = None) -> None:
        """Add or replace a job of an environment; it answers what is given, verbatim and unchecked.

        Args:
            environment_id: The environment, which must be there.
            document: What it answers: a job, or any other JSON value if `job_id` is given.
            job_id: The id under which it is asked for; None for the document's own.

        Raises:
            Refusal: When there is no such environment.
            TypeError: When the document is no object and `job_id` is missing.
        """
        if job_id is None:
            if not isinstance(document, dict):
                raise TypeError("What is no object needs a job_id.")
            job_id = str(document["id"])
        with self._lock:
            self._environment(environment_id).put(job_id, json_bytes(document))

    def remove_environment(self, environment_id: str) -> None:
        """Take an environment and its jobs away, if it is there."""
        with self._lock:
            self._environments.pop(environment_id, None)

    def remove_job(self, environment_id: str, job_id: str) -> None:
        """Take a job away, if it is there."""
        with self._lock:
            self._environment(environment_id).remove(job_id)
