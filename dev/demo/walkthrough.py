"""What the demos have in common: an emulated Zuora, a warehouse, time that passes, and what is printed about it."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from dev.demo.text_tables import bar, count, table
from dev.demo.warehouse import ARRIVALS, FAILURES, OVERVIEW, Warehouse, warehouse
from dev.testbed.emulator_process import EmulatedZuora, emulator
from dev.testbed.table_comparison import check_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.testbed.emulator_process import Row
    from dev.testbed.tap_to_target import Run

# The tap never moves a bookmark into the future, so the emulated time must stay behind the real one.
BEGINS_AGO = timedelta(days=21)
PASSES = timedelta(days=3, hours=6)
# Chosen for what happens in that time: the running refresh is completed, a scheduled one starts, and one that is
# requested in between fails.
SEED = 81
DUE = "Performance"

PipeT = TypeVar("PipeT")


class Walkthrough(Generic[PipeT]):
    """What a demo shows, whatever loads the rows.

    Args:
        zuora: The emulated Zuora.
        store: Where the rows go.
        pipe: What loads them.
    """

    def __init__(self, zuora: EmulatedZuora, store: Warehouse, pipe: PipeT) -> None:
        self.zuora = zuora
        self.store = store
        self.pipe = pipe

    @property
    def due(self) -> Row:
        """The environment that can be refreshed."""
        return next(row for row in self.zuora.documents()["test_environments"] if row["tenantName"].endswith(DUE))

    def show(self, run: Run) -> None:
        """Print what is in the warehouse after a run."""
        say(table([row | {"progress": bar(row["progress"])} for row in self.store.ask(OVERVIEW)]))
        say(f"\n  Finished in {run.seconds:.1f} s. The tap: {run.verdict}")

    def explain(self) -> None:
        """Print why the last run emitted its rows, and what was new."""
        (jobs,) = self.store.ask(ARRIVALS)
        before, rest = jobs["total"] - jobs["new"], jobs["total"] - jobs["arrived"]
        say(
            f"\n  The first run loaded {count(before, 'job', 'jobs')}, this one {jobs['arrived']}: "
            f"{jobs['changed']} changed, {jobs['new']} new, {jobs['again']} sent again, because\n"
            f"  a bookmark includes its own instant. The other {rest} had ended before the bookmarks."
        )
        for job in self.store.ask(FAILURES):
            say(
                f"  {job['environment']}: the refresh FAILED at {job['progress']} % on {job['ended']:%d %b %H:%M}."
                " Zuora sends no email about it."
            )

    def check(self) -> str:
        """Compare both sides, and return a sentence with the numbers of rows and values.

        Raises:
            ToolError: There is a difference.
        """
        return check_tables(self.zuora.documents(), self.store.rows)


def run_demo(show: Callable[[EmulatedZuora, Warehouse, Path], None]) -> None:
    """Start an emulated Zuora and a warehouse, and run a demo with them.

    Args:
        show: Runs the demo, with a private folder.

    Raises:
        ToolError: Something is not as it should be.
    """
    started = time.monotonic()
    begins = (datetime.now(UTC) - BEGINS_AGO).replace(second=0, microsecond=0)
    say("Starting an emulated Zuora and a PostgreSQL database.\n")
    with (
        tempfile.TemporaryDirectory(prefix="testenv-") as folder,
        emulator(begins, SEED, Path(folder)) as zuora,
        warehouse() as store,
    ):
        there = {stream: len(rows) for stream, rows in zuora.documents().items()}
        say(
            f"  Zuora       {zuora.url}: {count(there['test_environments'], 'environment', 'environments')}, "
            f"{count(there['test_environment_jobs'], 'job', 'jobs')}; its clock is at {begins:%d %b %Y %H:%M} UTC"
        )
        whose = "embedded" if store.is_embedded else "yours"
        say(f"  PostgreSQL  version {store.version}, {whose}; the rows go into the schema {store.schema}")
        show(zuora, store, Path(folder))
        say(f"\nAll of this took {time.monotonic() - started:.0f} s.")
        if not store.is_embedded:
            say(f"The rows stay. To remove them: drop schema {store.schema} cascade;")


def spell(time_span: timedelta) -> str:
    """Write a time span in days and hours."""
    hours = time_span.seconds // 3600
    return f"{count(time_span.days, 'day', 'days')} and {count(hours, 'hour', 'hours')}"


def say(text: str) -> None:
    """Print a text at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
