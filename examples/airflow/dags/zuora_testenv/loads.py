"""Pure: which loads a tenant is made of, one a task, and what Meltano must be told for each."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zuora_testenv.tenants_file import NamedJobs, Tenant, TenantsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "TAP_ZUORA_TESTENV_"
SCHEMA = "zuora_testenv_"
LIST = "TEST_ENVIRONMENTS"
# Linux takes 128 KiB for one variable with its name; Meltano hands the list on under other names too.
LONGEST_LIST = 128 * 1024 - 256


@dataclass(frozen=True)
class Load:
    """What one task loads: all of a tenant, or a share of its test environments.

    Attributes:
        name: The task's id, and the suffix of its state's id in Meltano. What is added to a tenant's name has a dash,
            which no name has.
        tenant: The tenant's name.
        schema: The schema of the warehouse; all loads of a tenant share it, and no other tenant does.
        connection: The id of the Airflow connection with the tenant's credentials.
        pool: The Airflow pool.
        pool_slots: How many of its slots it takes: as many as it has requests in flight.
        settings: The tap's settings, none of them a secret, as environment variables.
    """

    name: str
    tenant: str
    schema: str
    connection: str
    pool: str
    pool_slots: int
    settings: Mapping[str, str]


def loads(tenant: Tenant) -> list[Load]:
    """Divide a tenant into loads.

    Raises:
        TenantsRefused: When a list of test environments is longer than an environment variable may be.
    """
    if tenant.test_environments is None:
        return [_load(tenant, tenant.name)]
    if tenant.shards == 1:
        return [_load(tenant, tenant.name, tenant.test_environments)]
    return [
        _load(tenant, f"{tenant.name}-{number}-of-{tenant.shards}", share)
        for number, share in enumerate(shares(tenant), 1)
        if share
    ]


def shares(tenant: Tenant) -> list[list[str | NamedJobs]]:
    """Spread the test environments of a tenant over its shards.

    Where one goes depends on its id alone. So one that is added or taken away moves no other to a task that has no
    state of it, and would load its history once more.
    """
    spread: list[list[str | NamedJobs]] = [[] for _ in range(tenant.shards)]
    for environment in tenant.test_environments or ():
        identifier = environment if isinstance(environment, str) else environment.id
        # As the tap does, the case of an id is not heeded.
        spread[zlib.crc32(identifier.lower().encode()) % tenant.shards].append(environment)
    return spread


def _load(tenant: Tenant, name: str, environments: Sequence[str | NamedJobs] | None = None) -> Load:
    settings = {
        "BASE_URL": tenant.base_url,
        "MAX_PARALLEL_REQUESTS": str(tenant.max_parallel_requests),
        **{setting.upper(): value for setting, value in tenant.settings.items()},
    }
    if environments is not None:
        settings[LIST] = json.dumps([_setting(environment) for environment in environments])
        if len(settings[LIST].encode()) > LONGEST_LIST:
            raise TenantsRefused(
                f"{tenant.name} has more test environments than fit into one variable of {LONGEST_LIST:,} bytes "
                f"({name}: {len(environments):,}): raise its shards, which are {tenant.shards}."
            )
    return Load(
        name=name,
        tenant=tenant.name,
        schema=SCHEMA + tenant.name,
        connection=tenant.connection,
        pool=tenant.pool,
        pool_slots=tenant.max_parallel_requests,
        settings={PREFIX + setting: value for setting, value in settings.items()},
    )


def _setting(environment: str | NamedJobs) -> object:
    return environment if isinstance(environment, str) else environment.model_dump()
