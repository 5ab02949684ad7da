"""What happens in the demo, step by step, and the words for it."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from demo.compare import differences, schema
from demo.emulator import Zuora, emulator
from demo.failure import DemoError
from demo.pipe import Pipe, Run
from demo.tables import bar, count, table
from demo.warehouse import ARRIVALS, FAILURES, OVERVIEW, Warehouse, warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from demo.emulator import Row

# The tap takes no time for seen that lies ahead of it, so the emulated time must stay behind the real one.
BEGINS_AGO = timedelta(days=21)
PASSES = timedelta(days=3, hours=6)
# Chosen for what happens in that time: the refresh under way is completed, a scheduled one has begun, and one that is
# asked for in between fails.
SEED = 81
DUE = "Performance"
DIFFERENCES_SHOWN = 20

PipeT = TypeVar("PipeT")


class Story(Generic[PipeT]):
    """What there is to tell of, whatever brings the rows.

    Args:
        zuora: The emulated Zuora.
        store: Where the rows go.
        pipe: What brings them there.
    """

    def __init__(self, zuora: Zuora, store: Warehouse, pipe: PipeT) -> None:
        self.zuora = zuora
        self.store = store
        self.pipe = pipe

    @property
    def due(self) -> Row:
        """The environment that can be refreshed."""
        return next(row for row in self.zuora.documents()["test_environments"] if row["tenantName"].endswith(DUE))

    def show(self, run: Run) -> None:
        """Show what is in the warehouse after a run."""
        say(table([row | {"progress": bar(row["progress"])} for row in self.store.ask(OVERVIEW)]))
        say(f"\n  {run.seconds:.1f} s. The tap's last word: {run.verdict}")

    def explain(self) -> None:
        """Say why the rows of the last run came, and what was new."""
        (jobs,) = self.store.ask(ARRIVALS)
        before, rest = jobs["total"] - jobs["new"], jobs["total"] - jobs["arrived"]
        say(
            f"\n  The first run brought {count(before, 'job', 'jobs')}, this one {jobs['arrived']}: "
            f"{jobs['changed']} changed, {jobs['new']} new, {jobs['again']} once more, because\n"
            f"  a bookmark includes its own instant. The other {rest} had ended before the bookmarks."
        )
        for job in self.store.ask(FAILURES):
            say(
                f"  {job['environment']}: the refresh FAILED at {job['progress']} % on {job['ended']:%d %b %H:%M}."
                " Zuora sends no mail about that."
            )

    def check(self) -> str:
        """Compare both sides, and say in a sentence how much was compared.

        Raises:
            DemoError: When there is a difference.
        """
        return check(self.zuora.documents(), self.store.rows)


class PipeStory(Story[Pipe]):
    """Tells the story while it happens."""

    def tell(self) -> None:
        """Run the pipe, let time pass, run it again, and check what came of it.

        Raises:
            DemoError: When anything is not as it must be.
        """
        say("\n1  First run: tap-zuora-testenv --config tap.json | target-postgres --config target.json\n")
        first = self.pipe.run()
        self.store.remember()
        self.show(first)
        say(f"\n2  Somebody asks Zuora to refresh {self.due['tenantName']}, and {spell(PASSES)} pass.")
        self.zuora.refresh(self.due["id"])
        self.zuora.advance(PASSES)
        say("\n3  Second run, from the state of the first: tap-zuora-testenv ... --state state.json | ...\n")
        self.show(self.pipe.run(first.state))
        self.explain()
        say("\n4  Does PostgreSQL hold what Zuora holds?\n")
        say(f"  {self.check()}")


def tell(zuora: Zuora, store: Warehouse, folder: Path) -> None:
    """Tell the story of the pipe.

    Raises:
        DemoError: When anything is not as it must be.
    """
    PipeStory(zuora, store, Pipe(folder, tap_settings(zuora), store.settings)).tell()


def run(tell: Callable[[Zuora, Warehouse, Path], None]) -> None:
    """Set the stage, and have a story told on it.

    Args:
        tell: Tells it, with a private folder.

    Raises:
        DemoError: When anything is not as it must be.
    """
    started = time.monotonic()
    begins = (datetime.now(UTC) - BEGINS_AGO).replace(second=0, microsecond=0)
    say("A Zuora with test environments to load from, emulated, and a PostgreSQL to load into.\n")
    with (
        tempfile.TemporaryDirectory(prefix="testenv-") as folder,
        emulator(begins, SEED, Path(folder)) as zuora,
        warehouse() as store,
    ):
        there = {stream: len(rows) for stream, rows in zuora.documents().items()}
        say(
            f"  Zuora       {zuora.url}: {count(there['test_environments'], 'environment', 'environments')}, "
            f"{count(there['test_environment_jobs'], 'job', 'jobs')}; its clock says {begins:%d %b %Y %H:%M} UTC"
        )
        whose = "embedded" if store.is_embedded else "yours"
        say(f"  PostgreSQL  version {store.version}, {whose}; the rows go into the schema {store.schema}")
        tell(zuora, store, Path(folder))
        say(f"\nAll that took {time.monotonic() - started:.0f} s.")
        if not store.is_embedded:
            say(f"The rows stay. To be rid of them: drop schema {store.schema} cascade;")


def check(documents: Mapping[str, list[Row]], rows_of: Callable[[str], list[Row]]) -> str:
    """Compare everything that Zuora answers with what the tables hold.

    Args:
        documents: What Zuora answers, by stream.
        rows_of: Gives the rows of a stream's table.

    Returns:
        A sentence that says how much was compared.

    Raises:
        DemoError: When there is a difference.
    """
    fields = {stream: schema(stream)["properties"] for stream in documents}
    found = [
        f"{stream}: {difference}"
        for stream, rows in documents.items()
        for difference in differences(rows_of(stream), rows, fields[stream])
    ]
    if found:
        listed = "\n  ".join(found[:DIFFERENCES_SHOWN])
        raise DemoError(f"PostgreSQL holds something else than Zuora ({len(found)} differences):\n  {listed}")
    values = sum(len(rows) * len(fields[stream]) for stream, rows in documents.items())
    return f"Yes: {sum(map(len, documents.values()))} rows with {values:,} values are the same on both sides."


def tap_settings(zuora: Zuora) -> dict[str, object]:
    """Make the tap's settings: where Zuora is, and who asks. Everything that can be seen is loaded."""
    return {"base_url": zuora.url, "client_id": zuora.client_id, "client_secret": zuora.client_secret}


def spell(time_span: timedelta) -> str:
    """Write a time span in days and hours."""
    hours = time_span.seconds // 3600
    return f"{count(time_span.days, 'day', 'days')} and {count(hours, 'hour', 'hours')}"


def say(text: str) -> None:
    """Tell the person who watches, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
