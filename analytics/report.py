"""`python -m analytics.report`: build the models, and write what they say into one HTML file."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analytics.models import Place, build
from analytics.page import render
from analytics.rows import read
from demo.emulator import emulator
from demo.failure import DemoError
from demo.pipe import Pipe
from demo.story import BEGINS_AGO, DUE, PASSES, SEED, tap_settings
from demo.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = "zuora_testenv"
OUTPUT = Path("build", "report.html")


def write_report(place: Place, output: Path, now: datetime | None = None) -> None:
    """Build the models and write the report.

    Args:
        place: Where the tap's tables lie and where the models go.
        output: The file.
        now: What "now" means, with a zone; None for the present.

    Raises:
        DemoError: When the models cannot be built, or hold no environment.
    """
    build(place, now)
    rows = read(place)
    if not rows.environments:
        raise DemoError(f"The tables in the schema {place.schema} hold no test environment: run the tap first.")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(render(rows, now or datetime.now(UTC)), encoding="utf-8")


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
        Pipe(Path(folder), tap_settings(zuora), store.settings).run()
        yield Place(store.url, store.schema, store.schema), begins + PASSES


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report of the database that DATABASE_URL names, or of an emulated Zuora.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m analytics.report", description=main.__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file to write (%(default)s)")
    parser.add_argument("--now", type=datetime.fromisoformat, help="the time to take for now, as ISO 8601")
    options = parser.parse_args(arguments)
    now = options.now if options.now is None or options.now.tzinfo else options.now.replace(tzinfo=UTC)
    try:
        if url := os.environ.get("DATABASE_URL", ""):
            schema = os.environ.get("ZUORA_TESTENV_SCHEMA", SCHEMA)
            models = os.environ.get("ZUORA_TESTENV_MODELS_SCHEMA", f"{schema}_models")
            write_report(Place(url, schema, models), options.output, now)
        else:
            with emulated() as (place, emulated_now):
                write_report(place, options.output, now or emulated_now)
    except DemoError as error:
        sys.stderr.write(f"No report. {error}\n")
        return 1
    sys.stdout.write(f"The report is {options.output.resolve().as_uri()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
