"""The emulated tenant of the soak, and the settings with which it is read: half of it named, half of it listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.emulator.clock import Clock, parse_instant
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.faults import Faults

JOBS, ENVIRONMENTS = "test_environment_jobs", "test_environments"


def tenant(seed: int, *, environments: int, jobs_of_each: int, faults: Faults) -> Zuora:
    """Make a tenant whose clock moves only when it is moved.

    Args:
        seed: The same seed gives the same tenant.
        environments: How many test environments there are.
        jobs_of_each: How many jobs each of them has.
        faults: The faults of the responses.
    """
    clock = Clock(parse_instant("2026-03-01T00:00:00Z"), 0)
    zuora = Zuora(seed=seed, environments=environments, jobs=jobs_of_each, clock=clock)
    zuora.faults = faults
    return zuora


def config(zuora: Zuora, url: str) -> dict[str, Any]:
    """Return the settings for a run.

    Args:
        zuora: The tenant.
        url: The base URL.
    """
    return {
        "base_url": url,
        "client_id": zuora.tokens.client_id,
        "client_secret": zuora.tokens.client_secret,
        "test_environments": _entries(zuora),
    }


def requests(zuora: Zuora) -> dict[str, list[tuple[str, str]]]:
    """Return the path of each request of a run, with the streams and ids of the records that it brings."""
    wanted = {"/test-environments": [(ENVIRONMENTS, str(each["id"])) for each in zuora.environments()]}
    for entry in _entries(zuora):
        if isinstance(entry, dict):
            wanted |= {f"/test-environments/{entry['id']}/jobs/{job}": [(JOBS, job)] for job in entry["job_ids"]}
        else:
            wanted[f"/test-environments/{entry}/jobs"] = [(JOBS, str(job["id"])) for job in zuora.jobs(str(entry))]
    return wanted


def _entries(zuora: Zuora) -> list[object]:
    """Name the jobs of every other environment; the rest are to be listed."""
    identities = [str(environment["id"]) for environment in zuora.environments()]
    return [
        identity if number % 2 else {"id": identity, "job_ids": [str(job["id"]) for job in zuora.jobs(identity)]}
        for number, identity in enumerate(identities)
    ]
