"""The tenants of `make airflow`: three emulated Zuoras of different sizes, and what Airflow must know of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from dev.testbed.emulator_process import emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from dev.testbed.emulator_process import EmulatedZuora, Row

EVERY_MINUTE = "* * * * *"
# Long enough that the requests of several tasks meet.
LATENCY_MS = 50


@dataclass(frozen=True)
class Size:
    """How large a tenant is, and how it is loaded.

    Attributes:
        environments: How many test environments it has.
        in_flight: How many requests all of its tasks together may have in flight.
        shards: Over how many tasks the list of its environments is spread; 0: it is not listed.
    """

    environments: int
    in_flight: int
    shards: int = 0


SIZES = {"north": Size(3, 4), "south": Size(12, 8), "west": Size(60, 12, shards=4)}


def tenant(name: str, now: datetime, folder: Path) -> AbstractContextManager[EmulatedZuora]:
    """Run the emulator of a tenant while the context lasts.

    Args:
        name: One of `SIZES`.
        now: The time of its clock.
        folder: A private folder for all tenants.
    """
    own = folder / name
    own.mkdir()
    environments = SIZES[name].environments
    return emulator(
        now,
        environments,
        own,
        f"--environments={environments}",
        f"--client-id=client-of-{name}",
        f"--client-secret={secrets.token_hex(16)}",
        f"--latency-ms={LATENCY_MS}",
    )


def described(name: str, zuora: EmulatedZuora) -> Mapping[str, object]:
    """Describe a tenant as a row of a table."""
    there, size = zuora.documents(), SIZES[name]
    return {
        "tenant": name,
        "environments": len(there["test_environments"]),
        "jobs": len(there["test_environment_jobs"]),
        "asked for": f"as a list, by {size.shards} tasks" if size.shards else "all that can be seen",
        "in flight at most": size.in_flight,
    }


def connections(tenants: Mapping[str, EmulatedZuora], databases: Mapping[str, Row]) -> Row:
    """Make Airflow's connections: one for each tenant and for each database."""
    zuoras = {
        _named(name): {"conn_type": "http", "login": zuora.client_id, "password": zuora.client_secret}
        for name, zuora in tenants.items()
    }
    return zuoras | {name: {"conn_type": "postgres", **fields} for name, fields in databases.items()}


def dag_of(name: str) -> str:
    """Return the id of a tenant's DAG."""
    return f"zuora_testenv_{name}"


def states() -> list[str]:
    """Return the ends of the ids of all states in Meltano, in order."""
    return sorted(name + shard for name in SIZES for shard in _shards(name) or [""])


def first_tasks() -> list[tuple[str, str]]:
    """Return the DAG and one task of each tenant that several tasks load."""
    return [(dag_of(name), f"load{_shards(name)[0]}") for name in SIZES if _shards(name)]


def _shards(name: str) -> list[str]:
    """Return the ends of the names of a tenant's shards; with so many environments none is empty."""
    shards = SIZES[name].shards
    return [f"-{number}-of-{shards}" for number in range(1, shards + 1)]


def file_of(tenants: Mapping[str, EmulatedZuora]) -> str:
    """Write the file of the tenants."""
    document = {
        "schedule": EVERY_MINUTE,
        "tenants": [_entry(name, zuora) for name, zuora in tenants.items()],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _entry(name: str, zuora: EmulatedZuora) -> Row:
    size = SIZES[name]
    entry = {
        "name": name,
        "base_url": zuora.url,
        "connection": _named(name),
        "max_parallel_requests": size.in_flight,
        # One that is down is given up sooner than a real one would be.
        "settings": {"max_attempts": 2},
    }
    if size.shards:
        entry |= {"shards": size.shards, "test_environments": list(_ids(zuora.documents()["test_environments"]))}
    return entry


def _named(name: str) -> str:
    return f"zuora_{name}"


def _ids(environments: Iterable[Row]) -> Iterable[str]:
    return (environment["id"] for environment in environments)
