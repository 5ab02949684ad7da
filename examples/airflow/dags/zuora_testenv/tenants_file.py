"""The file of the tenants: what may stand in it, and the sentences that refuse what may not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

VARIABLE = "ZUORA_TESTENV_TENANTS"
BESIDE_THE_DAG = Path(__file__).resolve().parent.parent / "tenants.yml"
EXAMPLE = "examples/airflow/tenants.example.yml"

# What Zuora allows a tenant by default, and the tap's own maximum.
MOST_REQUESTS_IN_FLIGHT = 40
# Settings of the tap that a tenant may have beside those with a place of their own; none of them is a secret.
OTHER_SETTINGS = frozenset(
    {"entity_id", "max_attempts", "on_missing", "request_timeout", "start_date", "track_id", "user_agent"}
)

# The schemas zuora_testenv_dev and zuora_testenv_models have another use.
TAKEN = ("dev", "models")

# pydantic's own words for these are of Python; and how it names the two forms of a test environment.
MUST_BE = {
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "tuple_type": "must be a list",
}
FORMS = ("str", "NamedJobs")

# It becomes a part of task ids, of the state's id and of the schema's name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
RequestsInFlight = Annotated[int, Field(ge=1, le=MOST_REQUESTS_IN_FLIGHT)]


class TenantsRefused(ValueError):
    """The file of the tenants cannot be used; the text says what to change, for Airflow to show as an import error."""


class NamedJobs(BaseModel):
    """A test environment of which some jobs alone are wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    job_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class Tenant(BaseModel):
    """A Zuora tenant, or one of its entities.

    Attributes:
        name: What its tasks, its state and its schema are named after.
        base_url: The tap's setting: the REST host.
        connection: The id of the Airflow connection whose login is the client id and whose password is its secret.
        pool: The Airflow pool that its requests are taken from.
        max_parallel_requests: The tap's setting, and how many slots of the pool each of its tasks takes.
        test_environments: The tap's setting; without it every environment that the credentials can see.
        shards: Over how many tasks `test_environments` is spread.
        settings: Other settings of the tap, by their names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    base_url: str
    connection: str
    pool: str
    max_parallel_requests: RequestsInFlight = 8
    test_environments: Annotated[tuple[str | NamedJobs, ...], Field(min_length=1)] | None = None
    shards: Annotated[int, Field(ge=1)] = 1
    settings: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in TAKEN or self.name.endswith("_models"):
            raise ValueError(f"{self.name} cannot be a name: the schema that it makes has another use in meltano.yml")
        if self.shards > 1 and self.test_environments is None:
            raise ValueError("only a tenant with test_environments can have shards: there is no list to spread")
        if foreign := sorted(self.settings.keys() - OTHER_SETTINGS):
            known = ", ".join(sorted(OTHER_SETTINGS))
            raise ValueError(f"{', '.join(foreign)} cannot stand in settings, where there may be {known}")
        return self


class Tenants(BaseModel):
    """All tenants, and what is common to them.

    Attributes:
        schedule: When they are loaded, as Airflow takes it: a cron expression or a preset.
        pools: How many requests each pool has room for; Zuora allows a tenant 40, shared with everything that calls it.
        tenants: The tenants.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: str = "@hourly"
    pools: dict[str, RequestsInFlight]
    tenants: Annotated[tuple[Tenant, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [tenant.name for tenant in self.tenants]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands there twice: each tenant needs a name of its own")
        if "default_pool" in self.pools:
            raise ValueError("default_pool is Airflow's own, for everything else: name a pool after the tenant")
        for tenant in self.tenants:
            if tenant.pool not in self.pools:
                raise ValueError(f"{tenant.name} takes its slots from {tenant.pool}, which is not among the pools")
            if tenant.max_parallel_requests > (slots := self.pools[tenant.pool]):
                raise ValueError(
                    f"{tenant.name} asks for {tenant.max_parallel_requests} slots of {tenant.pool}, which has {slots}: "
                    "Airflow would never start it"
                )
        return self

    def pools_to_import(self) -> str:
        """Write the pools as `airflow pools import` takes them."""
        pools = {
            name: {"slots": slots, "description": "Requests in flight to a Zuora tenant", "include_deferred": False}
            for name, slots in self.pools.items()
        }
        return json.dumps(pools, indent=2) + "\n"


def tenants_file() -> Path:
    """Tell where the file is: where ZUORA_TESTENV_TENANTS says, or beside the DAG."""
    return Path(os.environ.get(VARIABLE) or BESIDE_THE_DAG)


def read_tenants(path: Path) -> Tenants:
    """Read the file of the tenants.

    Raises:
        TenantsRefused: When it is not there, or something in it cannot be used.
    """
    try:
        # Everything is taken as the text that stands there: to YAML itself an id such as 0123 or 1_0 is another number.
        document = yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader)  # noqa: S506 - it makes texts alone
    except OSError as error:
        raise TenantsRefused(
            f"The tenants cannot be read from {path} ({error.strerror}): "
            f"write that file as {EXAMPLE} shows, or name another in {VARIABLE}."
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise TenantsRefused(f"{path} is not YAML: {error}") from None
    try:
        return Tenants.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        # A tenant that is refused is missing from the list; that is no fault of its own.
        told = [each for each in errors if each["type"] != "too_short" or each["loc"] != ("tenants",)] or errors
        raise TenantsRefused(f"{path} is refused: {'; '.join(map(_sentence, told))}.") from None


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong where, without the value."""
    where = ".".join(str(part) for part in error["loc"] if part not in FORMS)
    what = MUST_BE.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{where}: {what}" if where else what
