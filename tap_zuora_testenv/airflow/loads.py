"""Pure: which loads a tenant consists of, one per task, and the tap's settings for each."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_zuora_testenv.airflow.tenants_file import NamedJobs, Tenant, TenantsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "TAP_ZUORA_TESTENV_"
SCHEMA = "zuora_testenv_"
LIST = "TEST_ENVIRONMENTS"
# Linux takes 128 KiB for one variable with its name; Meltano hands the list on under other names too.
LONGEST_LIST = 128 * 1024 - 256
TASK = "load"


@dataclass(frozen=True)
class Load:
    """What one task loads: all of a tenant, or a share of its test environments.

    Attributes:
        task: The task's id: `load`, or `load-1-of-3` for a share.
        state: The suffix of its state's id in Meltano: the tenant's name, for a share with a dash, which no name has,
            and its number.
        tenant: The tenant's name.
        base_url: Zuora's REST host, where the credentials are sent.
        schema: What keeps the tenant's tables apart; all loads of a tenant share it, and no other tenant does.
        connection: The id of the Airflow connection with the tenant's credentials.
        settings: The tap's settings, none of them a secret, as environment variables.
    """

    task: str
    state: str
    tenant: str
    base_url: str
    schema: str
    connection: str
    settings: Mapping[str, str]


def loads(tenant: Tenant) -> list[Load]:
    """Divide a tenant into loads.

    Raises:
        TenantsRefused: If a list of test environments is longer than an environment variable may be.
    """
    if tenant.test_environments is None:
        return [_load(tenant, "", 1)]
    if tenant.shards == 1:
        return [_load(tenant, "", 1, tenant.test_environments)]
    numbered = [(number, share) for number, share in enumerate(shares(tenant), 1) if share]
    return [_load(tenant, f"-{number}-of-{tenant.shards}", len(numbered), share) for number, share in numbered]


def shares(tenant: Tenant) -> list[list[str | NamedJobs]]:
    """Spread the test environments of a tenant over its shards.

    The share of an environment depends on its id only. So one that is added or removed moves no other to a task that
    has no state of it, and would load its history again.
    """
    spread: list[list[str | NamedJobs]] = [[] for _ in range(tenant.shards)]
    for environment in tenant.test_environments or ():
        identifier = environment if isinstance(environment, str) else environment.id
        # As in the tap, the case of an id does not matter.
        spread[zlib.crc32(identifier.lower().encode()) % tenant.shards].append(environment)
    return spread


def _load(tenant: Tenant, suffix: str, at_a_time: int, environments: Sequence[str | NamedJobs] | None = None) -> Load:
    settings = {
        "BASE_URL": tenant.base_url,
        # The tasks of a tenant run at the same time.
        "MAX_PARALLEL_REQUESTS": str(tenant.max_parallel_requests // at_a_time),
        **{setting.upper(): value for setting, value in tenant.settings.items()},
    }
    if environments is not None:
        settings[LIST] = json.dumps([_setting(environment) for environment in environments])
        if len(settings[LIST].encode()) > LONGEST_LIST:
            raise TenantsRefused(
                f"{tenant.name} has more test environments than fit into one variable of {LONGEST_LIST:,} bytes "
                f"({TASK}{suffix}: {len(environments):,}): raise its shards, which are {tenant.shards}."
            )
    return Load(
        task=TASK + suffix,
        state=tenant.name + suffix,
        tenant=tenant.name,
        base_url=tenant.base_url,
        schema=SCHEMA + tenant.name,
        connection=tenant.connection,
        settings={PREFIX + setting: value for setting, value in settings.items()},
    )


def _setting(environment: str | NamedJobs) -> object:
    return environment if isinstance(environment, str) else environment.model_dump()
