"""Pure: the command and the environment variables of one run of Meltano."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import URL

from tap_zuora_testenv.airflow.tenants_file import FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from tap_zuora_testenv.airflow.loads import Load
    from tap_zuora_testenv.airflow.tenants_file import Loader

EXTRACTOR = "tap-zuora-testenv"
PROJECT = "MELTANO_PROJECT_ROOT"
ENVIRONMENT = "MELTANO_ENVIRONMENT"
SYSTEM_FOLDER = "MELTANO_SYS_DIR_ROOT"
DATABASE = "MELTANO_DATABASE_URI"
CLIENT_ID = "TAP_ZUORA_TESTENV_CLIENT_ID"
CLIENT_SECRET = "TAP_ZUORA_TESTENV_CLIENT_SECRET"  # noqa: S105 - a name
ENVIRONMENT_FILE = "empty.env"
# The worker's variables that Meltano and its plugins need; all others, such as Airflow's own and a cloud's keys, stay
# with the worker. MELTANO_... are the project's own.
PASSED_ON = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"),
        *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
        *("all_proxy", "http_proxy", "https_proxy", "no_proxy"),
        *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    }
)
PREFIXES_PASSED_ON = ("LC_", "MELTANO_")
# Fields of a connection that say where the warehouse is, and so are not secrets.
OPEN_FIELDS = frozenset({"database", "host", "port", "schema", "tenant"})


@dataclass(frozen=True)
class Connections:
    """Where the secrets come from.

    Attributes:
        zuora: Its login is a client id, its password that client's secret.
        warehouse: What the loader loads into.
        state: The PostgreSQL database that Meltano keeps its state in, where every worker finds it.
    """

    zuora: Connection
    warehouse: Connection
    state: Connection


@dataclass(frozen=True)
class Variables:
    """Environment variables.

    Attributes:
        values: All of them.
        secrets: The values that must not be logged.
    """

    values: Mapping[str, str]
    secrets: tuple[str, ...]


def command(load: Load, loader: Loader, system_folder: str) -> list[str]:
    """Return the command; it contains no secret. A worker installs nothing: its image did.

    Args:
        load: What to load.
        loader: What to load it by.
        system_folder: Meltano's own files for this run.
    """
    return [
        "meltano",
        "--log-format=json",
        # An empty one: a setting in that of the project would reach every tenant.
        f"--env-file={system_folder}/{ENVIRONMENT_FILE}",
        "run",
        "--no-install",
        f"--state-id-suffix={load.state}",
        EXTRACTOR,
        loader.name,
    ]


def state_id(load: Load, loader: Loader, worker: Mapping[str, str]) -> str:
    """Return the id that Meltano gives the state of a load."""
    return f"{_environment(worker)}:{EXTRACTOR}-to-{loader.name}:{load.state}"


def variables(
    load: Load, loader: Loader, connections: Connections, worker: Mapping[str, str], system_folder: str
) -> Variables:
    """Make the environment variables.

    Args:
        load: What to load.
        loader: What to load it by.
        connections: Where the secrets come from.
        worker: The worker's own variables.
        system_folder: Where Meltano has its own files, in place of `.meltano`.
    """
    kept = {
        name: value
        for name, value in worker.items()
        if name in PASSED_ON or name in loader.variables or name.startswith(PREFIXES_PASSED_ON)
    }
    credentials = {
        CLIENT_ID: connections.zuora.login or "",
        CLIENT_SECRET: connections.zuora.password or "",
        DATABASE: postgres_url(connections.state),
    }
    fields = _fields(load, connections.warehouse)
    prefix = loader.name.upper().replace("-", "_")
    settings = {
        f"{prefix}_{name.upper()}": FIELD.sub(lambda match: fields.get(match[1], ""), value)
        for name, value in loader.settings.items()
    }
    with_secrets = {
        f"{prefix}_{name.upper()}"
        for name, value in loader.settings.items()
        if not OPEN_FIELDS.issuperset(FIELD.findall(value))
    }
    values = {
        **kept,
        ENVIRONMENT: _environment(worker),
        **load.settings,
        **settings,
        **credentials,
        SYSTEM_FOLDER: system_folder,
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
    }
    secrets = (*credentials.values(), *(settings[name] for name in sorted(with_secrets)))
    return Variables(values, tuple(filter(None, secrets)))


def is_elsewhere(connection: Connection, base_url: str) -> bool:
    """Return whether a connection names another host than the one that its password would be sent to."""
    if not connection.host:
        return False
    # Airflow's HTTP connections may have a scheme in the host.
    host = connection.host if "//" in connection.host else f"//{connection.host}"
    return urlsplit(host).hostname != urlsplit(base_url).hostname


def postgres_url(connection: Connection) -> str:
    """Write a connection to PostgreSQL as Meltano and the target take it; its extra contains libpq's parameters."""
    return _url(connection, "postgresql+psycopg")


def _environment(worker: Mapping[str, str]) -> str:
    return worker.get(ENVIRONMENT) or "prod"


def _fields(load: Load, warehouse: Connection) -> dict[str, str]:
    kind = warehouse.conn_type or ""
    return {
        "database": warehouse.schema or "",
        "host": warehouse.host or "",
        "login": warehouse.login or "",
        "password": warehouse.password or "",
        "port": str(warehouse.port or ""),
        "url": _url(warehouse, "postgresql+psycopg" if kind.startswith("postgres") else kind),
        "schema": load.schema,
        "tenant": load.tenant,
        **{f"extra.{name}": str(value) for name, value in warehouse.extra_dejson.items()},
    }


def _url(connection: Connection, driver: str) -> str:
    url = URL.create(
        driver,
        connection.login,
        connection.password,
        connection.host,
        connection.port,
        connection.schema,
        query={name: str(value) for name, value in connection.extra_dejson.items()},
    )
    return url.render_as_string(hide_password=False)
