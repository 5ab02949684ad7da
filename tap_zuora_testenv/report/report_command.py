"""The command `zuora-testenv-report`: its options, and the report that it writes."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zuora_testenv.report.marts import ReportError, read
from tap_zuora_testenv.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

DATABASE = "DATABASE_URL"
SCHEMA = "zuora_testenv_models"
OUTPUT = Path("build", "report.html")


def write_report(database: str, schema: str, output: Path, now: datetime | None = None) -> None:
    """Read the tables that the dbt package built, and write the report.

    Args:
        database: The URL of the database, which may hold a password.
        schema: The schema of the tables.
        output: The file to write; its folders are created.
        now: The time by which the rows may be old, with a zone; None for the present.

    Raises:
        ReportError: The tables cannot be read or hold no test environment, or the file cannot be written.
    """
    rows = read(database, schema)
    if not rows.environments:
        raise ReportError(f"The tables in the schema {schema} hold no test environment: run the tap and dbt first.")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(render(rows, now or datetime.now(UTC)), encoding="utf-8")
    except OSError as error:
        raise ReportError(f"The file {output} cannot be written: {error.strerror}.") from None


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = argparse.ArgumentParser(
        prog="zuora-testenv-report",
        description="Write a report on Zuora test environments as one HTML file. "
        "It reads the tables that the dbt package of tap-zuora-testenv built, and changes nothing in the database.",
    )
    made.add_argument(
        "--database",
        metavar="URL",
        help="the database, as postgresql://user@host:5432/database (default: the environment variable "
        f"{DATABASE}; a URL with a password belongs there, because other users can see the options of a command)",
    )
    made.add_argument("--schema", default=SCHEMA, help="the schema of the tables (default: %(default)s)")
    made.add_argument("--output", type=Path, default=OUTPUT, help="the file to write (default: %(default)s)")
    return made


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The arguments; None for those of the process.

    Returns:
        The exit status: 0, or 1 when there is no report.
    """
    options = parser().parse_args(arguments)
    database = options.database or os.environ.get(DATABASE, "")
    if not database:
        sys.stderr.write(f"No report. No database is named: set --database or the environment variable {DATABASE}.\n")
        return 1
    try:
        write_report(database, options.schema, options.output)
    except ReportError as error:
        sys.stderr.write(f"No report. {error}\n")
        return 1
    sys.stdout.write(f"The report is {options.output.resolve().as_uri()}\n")
    return 0
