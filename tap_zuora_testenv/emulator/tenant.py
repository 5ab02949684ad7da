"""The state of a tenant: its test environments and their jobs, which can be read and changed."""

from __future__ import annotations

import json
from threading import RLock
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.environments import EnvironmentPlan
from tap_zuora_testenv.emulator.history import history
from tap_zuora_testenv.emulator.refusals import NOT_FOUND, Refusal
from tap_zuora_testenv.emulator.seeds import environments as draw_environments
from tap_zuora_testenv.emulator.sloppiness import as_described, as_sent
from tap_zuora_testenv.emulator.stored_environment import StoredEnvironment, json_bytes, list_body

if TYPE_CHECKING:
    from collections.abc import Mapping


class Tenant:
    """A tenant's test environments and jobs; may be used from several threads.

    Args:
        seed: The seed of everything random.
        environments: The number of test environments at the start.
        jobs: The number of jobs of each environment; None for the jobs of a year.
        clock: The clock that the jobs follow; None for the real time.
        sloppy: Whether to send rows as a live tenant may send them, rather than as Zuora describes them.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        environments: int = 5,
        jobs: int | None = None,
        clock: Clock | None = None,
        sloppy: bool = False,
    ) -> None:
        self.seed = seed
        self.sloppy = sloppy
        self.clock = clock or Clock()
        self._lock = RLock()
        self._environments: dict[str, StoredEnvironment] = {}
        self._seed(environments, jobs)

    def _seed(self, count: int, jobs: int | None) -> None:
        now = self.clock.now().replace(microsecond=0)
        for drawn, kind in draw_environments(self.seed, count, now):
            plan, past = history(self.seed, drawn, kind, now, jobs)
            self._environments[plan.id] = StoredEnvironment(plan, self.write, jobs={job.id: job for job in past})

    def write(self, row: Mapping[str, object]) -> dict[str, object]:
        """Turn all fields of a row into the row to send."""
        return as_sent(row) if self.sloppy else as_described(row)

    # Reading

    def environments(self) -> list[dict[str, object]]:
        """Return all test environments as they are now."""
        return self._read(self.environments_body())

    def jobs(self, environment_id: str) -> list[dict[str, object]]:
        """Return the jobs of an environment as they are now, the oldest first."""
        return self._read(self.jobs_body(environment_id))

    def documents(self) -> dict[str, list[dict[str, object]]]:
        """Return all rows as they are now, by the names of the tap's streams."""
        with self._lock:
            jobs = [job for environment_id in self._environments for job in self.jobs(environment_id)]
            return {"test_environments": self.environments(), "test_environment_jobs": jobs}

    @staticmethod
    def _read(body: bytes) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(body)["result"]
        return rows

    def environments_body(self) -> bytes:
        """Return the body of `GET /test-environments`."""
        with self._lock:
            now = self.clock.now()
            return list_body([environment.row(now) for environment in self._environments.values()])

    def environment_body(self, environment_id: str) -> bytes:
        """Return the body of `GET /test-environments/{id}`.

        Raises:
            Refusal: If the environment does not exist.
        """
        with self._lock:
            return self._environment(environment_id).row(self.clock.now()) + b"\n"

    def jobs_body(self, environment_id: str) -> bytes:
        """Return the body of `GET /test-environments/{id}/jobs`.

        Raises:
            Refusal: If the environment does not exist. (Zuora does not document its response to that.)
        """
        with self._lock:
            return self._environment(environment_id).jobs_body(self.clock.now())

    def job_body(self, environment_id: str, job_id: str) -> bytes:
        """Return the body of `GET /test-environments/{id}/jobs/{jobId}`.

        Raises:
            Refusal: If the environment, or the job in this environment, does not exist.
        """
        with self._lock:
            row = self._environment(environment_id).job_row(job_id, self.clock.now())
            if row is None:
                raise self._no_job(environment_id, job_id)
            return row + b"\n"

    def _environment(self, environment_id: str) -> StoredEnvironment:
        try:
            return self._environments[environment_id]
        except KeyError:
            raise Refusal(404, NOT_FOUND, f"There is no test environment {environment_id}.") from None

    @staticmethod
    def _no_job(environment_id: str, job_id: str) -> Refusal:
        return Refusal(404, NOT_FOUND, f"Test environment {environment_id} has no job {job_id}.")

    # Changing

    def put_environment(self, document: Mapping[str, object], *, environment_id: str | None = None) -> None:
        """Add or replace a test environment; its row is sent verbatim and unchecked, and its jobs are kept.

        Args:
            document: The row.
            environment_id: The id in its path; None for that in the row.
        """
        key = str(document["id"]) if environment_id is None else environment_id
        kind = "DEVELOPER" if document.get("environmentType") == "DEVELOPER" else "TEST"
        plan = EnvironmentPlan(key, key, "0", "0", kind, "FULL", self.clock.now(), key)
        with self._lock:
            self._environments.setdefault(key, StoredEnvironment(plan, self.write)).document = json_bytes(document)

    def put_job(self, environment_id: str, document: object, *, job_id: str | None = None) -> None:
        """Add or replace a job of an environment; its row is sent verbatim and unchecked.

        Args:
            environment_id: The id of the environment, which must exist.
            document: The row, or any other JSON value if `job_id` is given.
            job_id: The id in its path; None for that in the row.

        Raises:
            Refusal: If the environment does not exist.
            TypeError: If the document is not an object and `job_id` is missing.
        """
        if job_id is None:
            if not isinstance(document, dict):
                raise TypeError("A document that is not an object needs a job_id.")
            job_id = str(document["id"])
        with self._lock:
            self._environment(environment_id).put(job_id, json_bytes(document))

    def remove_environment(self, environment_id: str) -> None:
        """Remove an environment and its jobs, if it exists."""
        with self._lock:
            self._environments.pop(environment_id, None)

    def remove_job(self, environment_id: str, job_id: str) -> None:
        """Remove a job, if it exists."""
        with self._lock:
            self._environment(environment_id).remove(job_id)
