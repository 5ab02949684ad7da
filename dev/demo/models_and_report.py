"""What `make report` runs: dbt builds the models, then `zuora-testenv-report` writes the report of them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dev.demo.walkthrough import BEGINS_AGO, DUE, PASSES, SEED
from dev.demo.warehouse import warehouse
from dev.testbed.dbt_package import Place, build
from dev.testbed.emulator_process import emulator
from dev.testbed.tap_to_target import Pipe
from dev.testbed.tool_error import ToolError
from tap_zuora_testenv.report.marts import ReportError
from tap_zuora_testenv.report.report_command import OUTPUT, write_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = "zuora_testenv"


def build_and_report(place: Place, output: Path, now: datetime | None = None) -> None:
    """Build the models and write the report.

    Args:
        place: Where the tap's tables are and where the models go.
        output: The file.
        now: The instant that the models use as the present, with a zone; None for the present.

    Raises:
        ToolError: The models cannot be built, or the report cannot be written.
    """
    build(place, now)
    try:
        write_report(place.url, place.models_schema, output, now)
    except ReportError as error:
        raise ToolError(str(error)) from None


@contextmanager
def emulated() -> Iterator[tuple[Place, datetime]]:
    """Load an emulated Zuora into an embedded PostgreSQL, while the context lasts; with the emulator's time."""
    begins = (datetime.now(UTC) - BEGINS_AGO).replace(second=0, microsecond=0)
    with (
        tempfile.TemporaryDirectory(prefix="testenv-") as folder,
        emulator(begins, SEED, Path(folder)) as zuora,
        warehouse() as store,
    ):
        due = next(row for row in zuora.documents()["test_environments"] if row["tenantName"].endswith(DUE))
        zuora.refresh(due["id"])
        zuora.advance(PASSES)
        Pipe(Path(folder), zuora.tap_settings, store.settings).run()
        yield Place(store.url, store.schema, store.schema), begins + PASSES


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the models and the report of the database that DATABASE_URL names, or of an emulated Zuora.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="make report", description=main.__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write (%(default)s)")
    parser.add_argument("--now", type=datetime.fromisoformat, help="the time to use as the present, as ISO 8601")
    options = parser.parse_args(arguments)
    now = options.now if options.now is None or options.now.tzinfo else options.now.replace(tzinfo=UTC)
    try:
        if url := os.environ.get("DATABASE_URL", ""):
            schema = os.environ.get("ZUORA_TESTENV_SCHEMA", SCHEMA)
            models = os.environ.get("ZUORA_TESTENV_MODELS_SCHEMA", f"{schema}_models")
            build_and_report(Place(url, schema, models), options.output, now)
        else:
            with emulated() as (place, emulated_now):
                build_and_report(place, options.output, now or emulated_now)
    except ToolError as error:
        sys.stderr.write(f"No report. {error}\n")
        return 1
    sys.stdout.write(f"The report is {options.output.resolve().as_uri()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
