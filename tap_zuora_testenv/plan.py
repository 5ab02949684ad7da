"""Pure: what the configuration asks for, as a list of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zuora_testenv.ids import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class JobRequest(NamedTuple):
    """One request for jobs.

    Attributes:
        environment: The id of the test environment, as the configuration or Zuora spells it.
        job: The id of the job, None for all jobs of the test environment.
    """

    environment: str
    job: str | None = None


def named_requests(config: Mapping[str, Any]) -> list[JobRequest] | None:
    """Return the requests for what the configuration names, in its order, each thing once.

    A test environment that is named both with and without `job_ids` is listed.

    Args:
        config: The validated settings.

    Returns:
        The requests, those for one test environment together; None if the configuration names nothing, which means
        every test environment that Zuora lists.
    """
    entries = config.get("test_environments")
    if entries is None:
        return None
    spelled: dict[str, str] = {}
    # The ids of the jobs as given, by folded id; None for all jobs.
    jobs: dict[str, dict[str, str] | None] = {}
    for entry in entries:
        environment, job_ids = (entry, None) if isinstance(entry, str) else (entry["id"], entry.get("job_ids"))
        key = folded(environment)
        spelled.setdefault(key, environment)
        named = jobs.setdefault(key, {})
        if job_ids is None:
            jobs[key] = None
        elif named is not None:
            for job_id in job_ids:
                named.setdefault(folded(job_id), job_id)
    return [
        JobRequest(spelled[key], job)
        for key, named in jobs.items()
        for job in ([None] if named is None else named.values())
    ]


def environments(requests: Iterable[JobRequest]) -> list[str]:
    """Return the ids of the test environments that are requested, in order, each once."""
    return list(dict.fromkeys(request.environment for request in requests))
