"""The command `zuora-testenv-report`: its options, and what it writes and prints."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zuora_testenv.report.csv_files import write_csv
from tap_zuora_testenv.report.marts import ReportError, has_password, marts
from tap_zuora_testenv.report.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_zuora_testenv.report.marts import Marts, Notice

DATABASE = "DATABASE_URL"
SCHEMA = "zuora_testenv_models"
OUTPUT = Path("build", "report.html")
NO_REPORT, ALERT = 1, 3


def write_report(database: str, schema: str, output: Path, now: datetime | None = None) -> None:
    """Read the tables that the dbt package built, and write the page.

    Args:
        database: The URL of the database, which may hold a password.
        schema: The schema of the tables.
        output: The file to write; its folders are created.
        now: The time by which the rows may be old, with a zone; None for the present.

    Raises:
        ReportError: The tables cannot be read, or the file cannot be written.
    """
    with marts(database, schema) as opened:
        _write_page(opened, output, now)


def _write_page(opened: Marts, output: Path, now: datetime | None = None) -> None:
    text = render(opened.rows(), now or datetime.now(UTC))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"The file {output} cannot be written: {error.strerror}.") from None


def _write_csv(opened: Marts, folder: Path) -> None:
    try:
        write_csv(opened, folder)
    except OSError as error:
        raise ReportError(f"The files in {folder} cannot be written: {error.strerror}.") from None


def as_text(notices: list[Notice]) -> str:
    """Write one line per notice: its severity, its environment and its sentence."""
    lines = []
    for notice in notices:
        tenant = f" (tenant {notice.tenant_id})" if notice.tenant_id else ""
        name = notice.environment_name or notice.test_environment_id
        lines.append(" ".join(f"{notice.severity}: {name}{tenant}: {notice.sentence}".split()) + "\n")
    return "".join(lines)


def as_json(notices: list[Notice]) -> str:
    """Write the notices as a JSON array of objects with the mart's columns, instants as ISO 8601."""
    return json.dumps([asdict(notice) for notice in notices], default=datetime.isoformat, indent=2) + "\n"


NOTICES = {"text": as_text, "json": as_json}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = argparse.ArgumentParser(
        prog="zuora-testenv-report",
        description="Write a report on Zuora test environments as one HTML file. "
        "It reads the tables that the dbt package of tap-zuora-testenv built, and changes nothing in the database.",
        epilog="Exit status: 0; 1 if there is no report; 2 for an unknown option; 3 if --notices printed an alert.",
    )
    made.add_argument(
        "--database",
        metavar="URL",
        help="the database, as postgresql://user@host:5432/database or duckdb:///file.duckdb (default: the environment "
        f"variable {DATABASE}; a URL with a password must be there, because other users can see a command's options)",
    )
    made.add_argument("--schema", default=SCHEMA, help="the schema of the tables (default: %(default)s)")
    made.add_argument(
        "--output", type=Path, metavar="FILE", help=f"the page to write (default: {OUTPUT}; with --notices, none)"
    )
    made.add_argument(
        "--csv", type=Path, metavar="DIR", help="write all rows of the tables into files in this folder too"
    )
    made.add_argument(
        "--notices",
        choices=list(NOTICES),
        help="print the notices, for a mail or a webhook, and exit with 3 if one of them is an alert",
    )
    return made


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The arguments; None for those of the process.

    Returns:
        The exit status: 0, 1 when there is no report, or 3 when a notice that was printed is an alert.
    """
    options = parser().parse_args(arguments)
    output: Path | None = options.output or (None if options.notices else OUTPUT)
    notices: list[Notice] = []
    try:
        with marts(_database(options.database), options.schema) as opened:
            if output:
                _write_page(opened, output)
            if options.csv:
                _write_csv(opened, options.csv)
            if options.notices:
                notices = opened.notices()
    except ReportError as error:
        sys.stderr.write(f"No report. {error}\n")
        return NO_REPORT
    if options.notices:
        sys.stdout.write(NOTICES[options.notices](notices))
        return ALERT if any(notice.severity == "alert" for notice in notices) else 0
    sys.stdout.write(f"The report is {(output or OUTPUT).resolve().as_uri()}\n")
    return 0


def _database(option: str | None) -> str:
    if option and has_password(option):
        raise ReportError(
            f"A password in --database can be seen by other users of this machine: set {DATABASE} to the URL instead."
        )
    if database := option or os.environ.get(DATABASE, ""):
        return database
    raise ReportError(f"No database is named: set --database or the environment variable {DATABASE}.")
