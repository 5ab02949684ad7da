"""The dbt package, run on the tap's tables in a PostgreSQL by the dbt that make installed apart from the rest."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dev.testbed.processes import environment, running
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
LINES_OF_THE_LOG = 40
WITHOUT_UNIT_TESTS = ("--exclude-resource-type=unit_test",)
# What says in libpq's connection parameters where the database is, and by what variables dbt gets to know it.
PARAMETERS = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}


@dataclass(frozen=True)
class Place:
    """Where the tap's tables are and where the models go.

    Attributes:
        url: The database's URL, which may hold a password.
        schema: The schema of the tap's tables.
        models_schema: The schema of the models.
    """

    url: str
    schema: str
    models_schema: str


def build(place: Place, now: datetime | None = None, options: Sequence[str] = WITHOUT_UNIT_TESTS) -> None:
    """Build the models and test them.

    Args:
        place: Where.
        now: What "now" means in them, with a zone; None for the present.
        options: More options of `dbt build`. Unit tests say something of the models and nothing of the rows, so they
            are left out by default.

    Raises:
        ToolError: When dbt cannot be run or anything fails, with the end of what it said.
    """
    variables = {} if now is None else {"zuora_testenv_now": now.isoformat()}
    with tempfile.TemporaryDirectory(prefix="testenv-") as folder:
        line = [
            *dbt(), "--no-use-colors", "build", "--quiet", *options,
            f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={folder}/target",
            f"--log-path={folder}/logs", f"--vars={json.dumps(variables)}",
        ]  # fmt: skip
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        with running(line, stdin=subprocess.DEVNULL, stdout=pipe, stderr=both, env=_environment(place)) as process:
            said, _ = process.communicate()
    if process.returncode:
        end = "\n".join(said.decode(errors="replace").splitlines()[-LINES_OF_THE_LOG:])
        raise ToolError(f"dbt could not build the models, or a test of them failed. It said:\n{end}")


def dbt() -> list[str]:
    """Return the command of dbt, whose packages conflict with the others: it has an environment within this one.

    Raises:
        ToolError: When it is not installed.
    """
    for folder in ("bin", "Scripts"):
        if found := sorted(Path(sys.prefix, "dbt", folder).glob("dbt*")):
            return [str(found[0])]
    raise ToolError("dbt is not installed beside this Python: run make report, which sets it up.")


def variables(place: Place) -> dict[str, str]:
    """Give the environment variables by which dbt gets to know where.

    Raises:
        ToolError: When the URL is not understood.
    """
    try:
        parameters = conninfo_to_dict(place.url)
    except psycopg.ProgrammingError:
        # Its text may quote the password.
        raise ToolError("DATABASE_URL is not written as PostgreSQL understands it.") from None
    where = {variable: str(parameters[name]) for name, variable in PARAMETERS.items() if parameters.get(name)}
    return where | {"ZUORA_TESTENV_SCHEMA": place.schema, "ZUORA_TESTENV_MODELS_SCHEMA": place.models_schema}


def _environment(place: Place) -> dict[str, str]:
    # What other packages warn of is no news of the models.
    return environment() | {"PYTHONWARNINGS": "ignore"} | variables(place)
