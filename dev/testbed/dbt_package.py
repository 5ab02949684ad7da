"""The dbt package, run on the tap's tables in PostgreSQL by the dbt that make installed in a separate environment."""

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
# The parameters of libpq that locate the database, and the variables that pass them to dbt.
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
        place: Where the tables are and the models go.
        now: What "now" means in the models, with a zone; None for the present.
        options: More options of `dbt build`. Unit tests check the models and not the rows, so they are left out by
            default.

    Raises:
        ToolError: dbt cannot be run or anything fails; with the end of its output.
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
        raise ToolError(f"dbt could not build the models, or a test of them failed. Its output:\n{end}")


def dbt() -> list[str]:
    """Return the command of dbt, which has an environment inside this one, since its packages conflict with the others.

    Raises:
        ToolError: dbt is not installed.
    """
    for folder in ("bin", "Scripts"):
        if found := sorted(Path(sys.prefix, "dbt", folder).glob("dbt*")):
            return [str(found[0])]
    raise ToolError("dbt is not installed for this Python: run make report, which installs it.")


def variables(place: Place) -> dict[str, str]:
    """Return the environment variables that locate the database for dbt.

    Raises:
        ToolError: The URL cannot be parsed.
    """
    try:
        parameters = conninfo_to_dict(place.url)
    except psycopg.ProgrammingError:
        # Its text may quote the password.
        raise ToolError("DATABASE_URL is not a URL that PostgreSQL accepts.") from None
    where = {variable: str(parameters[name]) for name, variable in PARAMETERS.items() if parameters.get(name)}
    return where | {"ZUORA_TESTENV_SCHEMA": place.schema, "ZUORA_TESTENV_MODELS_SCHEMA": place.models_schema}


def _environment(place: Place) -> dict[str, str]:
    # Warnings of other packages are not about the models.
    return environment() | {"PYTHONWARNINGS": "ignore"} | variables(place)
