"""Pure: the command and the variables for Meltano, and what a line of its log says."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.sdk import Connection

    from zuora_testenv.loads import Load

EXTRACTOR = "tap-zuora-testenv"
LOADER = "target-postgres"
PROJECT = "MELTANO_PROJECT_ROOT"
ENVIRONMENT = "MELTANO_ENVIRONMENT"
SYSTEM_FOLDER = "MELTANO_SYS_DIR_ROOT"
ENVIRONMENT_FILE = "empty.env"
# Of the variables below, those that are secrets or hold one.
SECRETS = (
    "TAP_ZUORA_TESTENV_CLIENT_ID",
    "TAP_ZUORA_TESTENV_CLIENT_SECRET",
    "TARGET_POSTGRES_SQLALCHEMY_URL",
    "MELTANO_DATABASE_URI",
)
# Airflow's own may hold secrets of others; a setting that a worker has must not reach every tenant.
NOT_HANDED_ON = ("AIRFLOW_", "_AIRFLOW_", "TAP_ZUORA_TESTENV_", "TARGET_POSTGRES_")
# What Meltano says when the tap failed, and how the target's errors end Python's tracebacks.
EXTRACTOR_FAILED = "Extractor failed"
ERROR = re.compile(r"[\w.]+(Error|Exception)\b")
LEVELS = logging.getLevelNamesMapping()


@dataclass(frozen=True)
class Connections:
    """Where the secrets come from.

    Attributes:
        zuora: Its login is a client id, its password that client's secret.
        warehouse: The PostgreSQL that is loaded into.
        state: The PostgreSQL that Meltano keeps its state in, where every worker finds it.
    """

    zuora: Connection
    warehouse: Connection
    state: Connection


@dataclass(frozen=True)
class Entry:
    """A line of Meltano's log.

    Attributes:
        level: A level of Python's logging.
        source: The plugin that said it; empty for Meltano itself.
        text: What it said.
    """

    level: int
    source: str
    text: str

    @override
    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.source}: {self.text}" if self.source else self.text


def command(load: Load, system_folder: str) -> list[str]:
    """Give the command; no secret is in it. A worker installs nothing: that was done when it was made.

    Args:
        load: What to load.
        system_folder: Meltano's own files for this run.
    """
    return [
        "meltano",
        "--log-format=json",
        # An empty one: a setting in that of the project would reach every tenant.
        f"--env-file={system_folder}/{ENVIRONMENT_FILE}",
        "run",
        "--no-install",
        f"--state-id-suffix={load.name}",
        EXTRACTOR,
        LOADER,
    ]


def variables(load: Load, connections: Connections, worker: Mapping[str, str], system_folder: str) -> dict[str, str]:
    """Make the environment variables.

    Args:
        load: What to load.
        connections: Where the secrets come from.
        worker: The worker's own variables.
        system_folder: Where Meltano has its own files, in place of `.meltano`.
    """
    kept = {name: value for name, value in worker.items() if not name.startswith(NOT_HANDED_ON)}
    return {
        ENVIRONMENT: "prod",
        **kept,
        **load.settings,
        "TAP_ZUORA_TESTENV_CLIENT_ID": connections.zuora.login or "",
        "TAP_ZUORA_TESTENV_CLIENT_SECRET": connections.zuora.password or "",
        "TARGET_POSTGRES_SQLALCHEMY_URL": postgres_url(connections.warehouse),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": load.schema,
        "MELTANO_DATABASE_URI": postgres_url(connections.state),
        SYSTEM_FOLDER: system_folder,
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
    }


def postgres_url(connection: Connection) -> str:
    """Write a connection to PostgreSQL as both Meltano and the target take it; its extra holds libpq's parameters."""
    url = URL.create(
        "postgresql+psycopg",
        connection.login,
        connection.password,
        connection.host,
        connection.port,
        connection.schema,
        query={name: str(value) for name, value in connection.extra_dejson.items()},
    )
    return url.render_as_string(hide_password=False)


def entry(line: str) -> Entry:
    """Read a line of the log; what is no JSON object is a line of something that failed before it could log."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Entry(logging.WARNING, "", line)
    level = LEVELS.get(str(fields.get("level", "")).upper(), logging.INFO)
    text = str(fields.get("event") or _exceptions(fields.get("exception")))
    if "metric_info" in fields:
        text += f" {json.dumps(fields['metric_info'])}"
    return Entry(level, str(fields.get("name") or ""), text)


def _exceptions(told: object) -> str:
    """Name the exceptions of an entry, when they have no text of their own."""
    chain = told if isinstance(told, list) else []
    return ", ".join(str(each.get("exc_type")) for each in chain if isinstance(each, dict))


def failure(log: Sequence[Entry]) -> str:
    """Say why a run failed: the tap's last line, the target's error if it was that, and what Meltano complained of."""
    verdict = next(_last(log, EXTRACTOR), "The tap did not start.")
    complaint = next(
        (line.text for line in log if not line.source and line.level >= logging.ERROR), "see the log above"
    )
    if complaint != EXTRACTOR_FAILED:
        errors = [text for text in _last(log, LOADER) if ERROR.match(text)]
        verdict = " ".join([verdict, *(f"{LOADER}: {text}." for text in errors[:1])])
    return f"{verdict} (Meltano: {complaint})"


def _last(log: Sequence[Entry], source: str) -> Iterator[str]:
    """Give what one of them said, the last first."""
    return (line.text for line in reversed(log) if line.source == source)
