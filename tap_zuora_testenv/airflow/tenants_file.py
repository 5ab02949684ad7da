"""The file of the tenants: what it may contain, and the sentences that refuse the rest, one tenant at a time."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import yaml
from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

VARIABLE = "ZUORA_TESTENV_TENANTS"
FILE_NAME = "tenants.yml"
EXAMPLE = "examples/airflow/tenants.yml"

# Airflow's connections that serve all tenants: where rows are loaded, and where Meltano keeps its state.
WAREHOUSE = "zuora_testenv_warehouse"
STATE = "zuora_testenv_state"
# A tenant's own connection has this prefix. The file chooses a connection and the host that receives its password, so
# no other connection of Airflow may be within its reach.
PREFIX = "zuora_"

# What Zuora allows a tenant by default, and the tap's own maximum.
MOST_REQUESTS_IN_FLIGHT = 40
# Settings of the tap that a tenant may have besides those with their own keys; none of them is a secret.
OTHER_SETTINGS = frozenset(
    {"entity_id", "max_attempts", "on_missing", "request_timeout", "start_date", "track_id", "user_agent"}
)
# What `{...}` in a setting of the loader may name, besides `extra.NAME`: a field of the warehouse's connection, or
# something that differs between tenants.
OF_THE_CONNECTION = frozenset({"database", "host", "login", "password", "port", "url"})
OF_THE_TENANT = frozenset({"schema", "tenant"})
FIELD = re.compile(r"\{([a-z][\w.]*)\}")

# The schemas zuora_testenv_dev and zuora_testenv_models have another use.
TAKEN = ("dev", "models")

# Airflow's presets.
PRESETS = ("@continuous", "@daily", "@hourly", "@monthly", "@once", "@quarterly", "@weekly", "@yearly")

# pydantic's own words for these are Python's; and how it names the two forms of a test environment.
MUST_BE = {
    "extra_forbidden": "is not known here",
    "dict_type": "must be a mapping of names to values",
    "list_type": "must be a list",
    "model_type": "must be a mapping of names to values",
    "tuple_type": "must be a list",
}
FORMS = ("str", "NamedJobs")
# Keys of the first version.
REMOVED = ("pool", "pools")


def _is_schedule(text: str) -> str:
    if text not in PRESETS and not croniter.is_valid(text):
        raise ValueError(f"must be a cron expression or one of {', '.join(PRESETS)}")
    return text


# It becomes a part of the DAG's id, of the state's id and of the schema's name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
RequestsInFlight = Annotated[int, Field(ge=1, le=MOST_REQUESTS_IN_FLIGHT)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
Schedule = Annotated[str, AfterValidator(_is_schedule)]


class TenantsRefused(ValueError):
    """The file of the tenants cannot be used; the text says what to change, for Airflow to show as an import error."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedJobs(_Entry):
    """A test environment of which only some jobs are wanted."""

    id: str
    job_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class Tenant(_Entry):
    """A Zuora tenant, or one of its entities.

    Attributes:
        name: What its DAG, its state and its schema are named after.
        base_url: The tap's setting: the REST host.
        connection: The id of the Airflow connection whose login is the client id and whose password is its secret.
        max_parallel_requests: How many requests all of its tasks together may have in flight.
        test_environments: The tap's setting; without it every environment that the credentials can see.
        shards: Over how many tasks `test_environments` is spread.
        settings: Other settings of the tap, by their names.
        schedule: When it is loaded, in place of the file's `schedule`.
        timeout_minutes: How long one attempt may take, in place of the file's `timeout_minutes`.
    """

    name: Name
    base_url: str
    connection: str
    max_parallel_requests: RequestsInFlight = 8
    test_environments: Annotated[tuple[str | NamedJobs, ...], Field(min_length=1)] | None = None
    shards: Annotated[int, Field(ge=1)] = 1
    settings: dict[str, str] = Field(default_factory=dict)
    schedule: Schedule | None = None
    timeout_minutes: Minutes | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in TAKEN or self.name.endswith("_models"):
            raise ValueError(f"{self.name} cannot be a name: the schema that it makes has another use in meltano.yml")
        if not self.connection.startswith(PREFIX) or self.connection in (WAREHOUSE, STATE):
            raise ValueError(
                f"connection must begin with {PREFIX} and be neither {WAREHOUSE} nor {STATE}: "
                "its password is sent to base_url"
            )
        if self.shards > 1 and self.test_environments is None:
            raise ValueError("only a tenant with test_environments can have shards: there is no list to spread")
        if self.shards > self.max_parallel_requests:
            raise ValueError(
                f"{self.shards} shards cannot share {self.max_parallel_requests} parallel requests: each needs one"
            )
        if foreign := sorted(self.settings.keys() - OTHER_SETTINGS):
            known = ", ".join(sorted(OTHER_SETTINGS))
            raise ValueError(f"settings cannot contain {', '.join(foreign)}, only {known}")
        return self


class Loader(_Entry):
    """The Meltano loader that all tenants are loaded by.

    Attributes:
        name: Its name in the Meltano project.
        settings: Its settings. `{password}` and the like are replaced by a field of the connection
            `zuora_testenv_warehouse`, `{schema}` and `{tenant}` by what the tenant's tables are kept apart with.
        variables: Variables of the worker that it needs, such as those of a cloud; no others are passed on.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "target-postgres"
    settings: dict[str, str] = Field(
        default_factory=lambda: {"sqlalchemy_url": "{url}", "default_target_schema": "{schema}"}
    )
    variables: tuple[str, ...] = ()

    @field_validator("settings")
    @classmethod
    def _check(cls, settings: dict[str, str]) -> dict[str, str]:
        named = {field for value in settings.values() for field in FIELD.findall(value)}
        known = OF_THE_CONNECTION | OF_THE_TENANT
        if unknown := sorted(field for field in named - known if not field.startswith("extra.")):
            raise ValueError(
                f"{', '.join(unknown)} is not a field: there are {', '.join(sorted(known))} and extra.NAME"
            )
        if not named & OF_THE_TENANT:
            raise ValueError("one of them must contain {schema} or {tenant}: two tenants cannot share their tables")
        return settings


class Notifier(_Entry):
    """What is called when a load fails.

    Attributes:
        notifier: The import path of a notifier, a class whose instances Airflow can call.
        arguments: Its arguments.
    """

    notifier: Annotated[str, Field(pattern=r"^[A-Za-z_][\w]*(\.[A-Za-z_]\w*)+$")]
    arguments: dict[str, Any] = Field(default_factory=dict)


class Common(_Entry):
    """What is common to all tenants.

    Attributes:
        schedule: When they are loaded: a cron expression, or one of Airflow's presets. The presets `@hourly`,
            `@daily`, `@weekly` and `@monthly` spread the tenants over the minutes of an hour.
        timeout_minutes: How long one attempt may take.
        loader: What they are loaded by.
        on_failure: What is called when a load fails.
    """

    schedule: Schedule = "@hourly"
    timeout_minutes: Minutes = 55
    loader: Loader = Field(default_factory=Loader)
    on_failure: Notifier | None = None


class _File(Common):
    tenants: Annotated[list[Any], Field(min_length=1)]


@dataclass(frozen=True)
class RefusedTenant:
    """An entry of the file that cannot be used.

    Attributes:
        name: Its name; for an entry without a usable one `-7`, which no name is, for the seventh.
        reason: A sentence that says what to change, and shows no value of the file but names.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Tenants:
    """What a file of tenants contains.

    Attributes:
        common: What is common to all tenants.
        tenants: The tenants that can be loaded.
        refused: The entries that cannot.
    """

    common: Common
    tenants: Sequence[Tenant]
    refused: Sequence[RefusedTenant]


def tenants_file(dag_file: str | Path) -> Path:
    """Return where the file is: where ZUORA_TESTENV_TENANTS says, or beside the file of the DAGs."""
    return Path(os.environ.get(VARIABLE) or Path(dag_file).resolve().parent / FILE_NAME)


def read_tenants(path: Path) -> Tenants:
    """Read the file of the tenants.

    A mistake in one tenant refuses that tenant only; one in what is common to all refuses the file.

    Raises:
        TenantsRefused: If the file is missing, or what is common to all tenants cannot be used.
    """
    try:
        # Everything is taken as the text that is there: to YAML itself an id such as 0123 or 1_0 is another number.
        document = yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader)  # noqa: S506 - it makes only texts
    except OSError as error:
        raise TenantsRefused(
            f"The tenants cannot be read from {path} ({error.strerror}): "
            f"write that file as {EXAMPLE} shows, or name another in {VARIABLE}."
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise TenantsRefused(f"{path} is not YAML: {error}") from None
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        raise TenantsRefused(f"{path} is refused: {_sentences(error)}.") from None
    names = Counter(_name(entry, number) for number, entry in enumerate(file.tenants, 1))
    tenants: dict[str, Tenant] = {}
    refused: dict[str, RefusedTenant] = {}
    for number, entry in enumerate(file.tenants, 1):
        name = _name(entry, number)
        try:
            if names[name] > 1:
                raise TenantsRefused(f"{name} is in the list {names[name]} times: each tenant needs its own name")  # noqa: TRY301
            tenants[name] = Tenant.model_validate(entry)
        except ValidationError as error:
            refused[name] = RefusedTenant(name, f"{path} refuses tenant {number}, {name}: {_sentences(error)}.")
        except TenantsRefused as error:
            refused[name] = RefusedTenant(name, f"{path} refuses tenant {number}: {error}.")
    for name, reason in _over_the_limit(list(tenants.values())):
        del tenants[name]
        refused[name] = RefusedTenant(name, f"{path} refuses {name}: {reason}.")
    return Tenants(file, list(tenants.values()), list(refused.values()))


def _name(entry: object, number: int) -> str:
    """Return the name of an entry, or its number if it has none that could be part of a DAG's id."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and re.fullmatch(r"[\w.-]{1,40}", name, re.ASCII) else f"-{number}"


def _over_the_limit(tenants: Sequence[Tenant]) -> Iterator[tuple[str, str]]:
    """Find the tenants with which the requests of one Zuora tenant may exceed what Zuora allows it.

    Entries with the same connection are the same Zuora tenant: an OAuth client belongs to one.
    """
    in_flight: dict[str, int] = defaultdict(int)
    for tenant in tenants:
        total = in_flight[tenant.connection] + tenant.max_parallel_requests
        if total > MOST_REQUESTS_IN_FLIGHT:
            reason = f"with its max_parallel_requests those of {tenant.connection} are {total}"
            yield tenant.name, f"{reason}, and Zuora allows a tenant {MOST_REQUESTS_IN_FLIGHT}"
        else:
            in_flight[tenant.connection] = total


def _sentences(error: ValidationError) -> str:
    return "; ".join(map(_sentence, error.errors(include_url=False, include_context=False)))


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong where, without the value."""
    where = ".".join(str(part) for part in error["loc"] if part not in FORMS)
    if where in REMOVED:
        return f"{where}: is not needed any more: remove it"
    what = MUST_BE.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{where}: {what}" if where else what
