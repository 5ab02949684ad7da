"""The databases that the models are built on in tests: tables as a target writes them, dbt, and the marts."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import dataclass
from datetime import datetime
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
from psycopg import sql

from dev.testbed.dbt_package import PROJECT, Place, dbt, variables
from dev.testbed.processes import environment
from dev.testbed.table_comparison import schema as fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

Row = dict[str, Any]

STREAMS = ("test_environments", "test_environment_jobs")
MARTS = {
    "zuora_test_environments__readiness": "test_environment_id",
    "zuora_test_environments__refreshes": "job_id",
    "zuora_test_environments__refresh_statistics": "statistics_id",
    "zuora_test_environments__notices": "notice_id",
}
# The text for null in a file of comma-separated values; no test uses it as a value.
NULL = "\\N"
SDC = ("_sdc_extracted_at", "_sdc_received_at")


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server."""

    url: str
    name = "postgres"

    def environment(self, schema: str, models_schema: str) -> dict[str, str]:
        return variables(Place(self.url, schema, models_schema))

    def make(self, schema: str, table: str, columns: Mapping[str, str], rows: Iterable[Row]) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
            name = sql.Identifier(schema, table)
            types = [sql.SQL("{} {}").format(sql.Identifier(each), sql.SQL(kind)) for each, kind in columns.items()]
            connection.execute(sql.SQL("create table {} ({})").format(name, sql.SQL(", ").join(types)))
            with (
                connection.cursor() as cursor,
                cursor.copy(sql.SQL("copy {} from stdin").format(name)) as copy,
            ):
                for row in rows:
                    copy.write_row([row.get(each) for each in columns])

    def read(self, schema: str, table: str) -> list[Row]:
        with psycopg.connect(self.url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, table))).fetchall()


@dataclass(frozen=True)
class DuckDB:
    """A DuckDB file, which one process at a time may open."""

    path: Path
    name = "duckdb"

    def environment(self, schema: str, models_schema: str) -> dict[str, str]:
        return {
            "ZUORA_TESTENV_TARGET": "duckdb", "ZUORA_TESTENV_DUCKDB": str(self.path), "ZUORA_TESTENV_SCHEMA": schema,
            "ZUORA_TESTENV_MODELS_SCHEMA": models_schema,
        }  # fmt: skip

    def make(self, schema: str, table: str, columns: Mapping[str, str], rows: Iterable[Row]) -> None:
        types = ", ".join(f'"{each}" {kind}' for each, kind in columns.items())
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(f'create schema if not exists "{schema}"')
            connection.execute(f'create table "{schema}"."{table}" ({types})')
            with NamedTemporaryFile("w", newline="", suffix=".csv") as file:
                given = ([NULL if row.get(each) is None else row[each] for each in columns] for row in rows)
                csv.writer(file).writerows(given)
                file.flush()
                connection.execute(f"copy \"{schema}\".\"{table}\" from '{file.name}' (header false, nullstr '{NULL}')")

    def read(self, schema: str, table: str) -> list[Row]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            found = connection.execute(f'select * from "{schema}"."{table}"')  # noqa: S608 - a name of ours
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


Engine = Postgres | DuckDB


def fill(
    engine: Engine,
    schema: str,
    rows: Mapping[str, Sequence[Row]],
    *,
    name: Callable[[str], str] = str,
    sdc: Sequence[str] = SDC,
    instant: str = "timestamp",
) -> None:
    """Make the two tables as a target does.

    Args:
        engine: The database.
        schema: The schema of the tables.
        rows: The rows of each stream, with Zuora's field names; a missing field is null.
        name: What the target calls a field.
        sdc: The columns that the target adds.
        instant: The type of columns for instants.
    """
    for stream in STREAMS:
        properties = fields_of(stream)["properties"]
        types = {field: _type(definition, instant) for field, definition in properties.items()}
        types |= dict.fromkeys(sdc, instant)
        columns = {name(field): kind for field, kind in types.items()}
        renamed = ({name(field): value for field, value in row.items() if field in types} for row in rows[stream])
        engine.make(schema, stream, columns, renamed)


def _type(definition: Mapping[str, Any], instant: str) -> str:
    if definition.get("format") == "date-time":
        return instant
    return "bigint" if "integer" in definition["type"] else "text"


def run(
    engine: Engine,
    folder: Path,
    command: Sequence[str],
    schema: str,
    *,
    given: Mapping[str, object] | None = None,
    profiles: Path = PROJECT,
) -> subprocess.CompletedProcess[str]:
    """Run dbt; the models go into the schema named `<schema>_models`.

    Args:
        engine: The database.
        folder: A folder for what dbt writes.
        command: dbt's command with its options.
        schema: The schema of the tables.
        given: Variables.
        profiles: The folder of profiles.yml.
    """
    line = [
        *dbt(), "--no-use-colors", *command, f"--project-dir={PROJECT}",
        f"--profiles-dir={profiles}",
        f"--vars={json.dumps(given or {})}", f"--target-path={folder / 'target'}", f"--log-path={folder / 'logs'}",
    ]  # fmt: skip
    known = environment() | {"PYTHONWARNINGS": "ignore"} | engine.environment(schema, f"{schema}_models")
    return subprocess.run(line, env=known, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    """Return what dbt printed, if it succeeded."""
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def marts(engine: Engine, schema: str) -> dict[str, dict[str, Row]]:
    """Read the marts, each by its key."""
    return {table: {row[key]: row for row in engine.read(f"{schema}_models", table)} for table, key in MARTS.items()}


def documents_as_rows(documents: Mapping[str, Sequence[Row]], extracted: datetime) -> dict[str, list[Row]]:
    """Turn what Zuora answers into rows as targets write them: instants in UTC, without a zone."""
    rows: dict[str, list[Row]] = {}
    for stream in STREAMS:
        properties = fields_of(stream)["properties"]
        rows[stream] = [
            {field: _value(document.get(field), definition) for field, definition in properties.items()}
            | dict.fromkeys(SDC, extracted.replace(tzinfo=None))
            for document in documents[stream]
        ]
    return rows


def _value(value: object, definition: Mapping[str, Any]) -> object:
    if value is None:
        return None
    if definition.get("format") == "date-time":
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    return value if "integer" in definition["type"] else str(value)
