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
        pool: How many requests all of its tasks may have in flight.
        each: How many one task may have.
        shards: Over how many tasks the list of its environments is spread; 0: it is not listed.
    """

    environments: int
    pool: int
    each: int
    shards: int = 0


SIZES = {"north": Size(3, 4, 4), "south": Size(12, 8, 8), "west": Size(60, 12, 6, shards=4)}


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
        "pool": size.pool,
        "slots a task": size.each,
    }


def connections(tenants: Mapping[str, EmulatedZuora], databases: Mapping[str, Row]) -> Row:
    """Make Airflow's connections: one for each tenant and for each database."""
    zuoras = {
        _named(name): {"conn_type": "http", "login": zuora.client_id, "password": zuora.client_secret}
        for name, zuora in tenants.items()
    }
    return zuoras | {name: {"conn_type": "postgres", **fields} for name, fields in databases.items()}


def load_names() -> list[str]:
    """Name all loads, in order."""
    return sorted(load for name in SIZES for load in _shards(name) or [name])


def first_tasks() -> list[str]:
    """Name one task of each tenant that several tasks load."""
    return [shards[0] for shards in map(_shards, SIZES) if shards]


def _shards(name: str) -> list[str]:
    """Name the shards of a tenant; with so many environments none is empty."""
    shards = SIZES[name].shards
    return [f"{name}-{number}-of-{shards}" for number in range(1, shards + 1)]


def file_of(tenants: Mapping[str, EmulatedZuora]) -> str:
    """Write the file of the tenants."""
    document = {
        "schedule": EVERY_MINUTE,
        "pools": {_named(name): SIZES[name].pool for name in tenants},
        "tenants": [_entry(name, zuora) for name, zuora in tenants.items()],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _entry(name: str, zuora: EmulatedZuora) -> Row:
    size = SIZES[name]
    entry = {
        "name": name,
        "base_url": zuora.url,
        "connection": _named(name),
        "pool": _named(name),
        "max_parallel_requests": size.each,
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
