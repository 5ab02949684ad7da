"""What happens in `make meltano`: the demo's story, with Meltano to run the pipe, keep its state and know when."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from analytics.models import Place, variables
from demo.meltano import EXTRACTOR, JOB, SCHEDULE, STATE_ID, Meltano
from demo.story import PASSES, Story, say, spell, tap_settings
from demo.tables import count

if TYPE_CHECKING:
    from pathlib import Path

    from demo.emulator import Zuora
    from demo.warehouse import Warehouse

UNTIL_THE_SCHEDULE = timedelta(days=1, hours=1)


class MeltanoStory(Story[Meltano]):
    """Tells the story while it happens."""

    def tell(self) -> None:
        """Run the job, let time pass, run it again, let the schedule run it, and check what came of it.

        Raises:
            DemoError: When anything is not as it must be.
        """
        say(f"\n1  meltano config test {EXTRACTOR}\n")
        output, _ = self.pipe("config", "test", EXTRACTOR)
        say(f"  {output.strip()}")
        say(f"\n2  First run: meltano run {JOB}\n")
        first = self.pipe.run("run", JOB)
        self.store.remember()
        self.show(first)
        say(f"\n3  Somebody asks Zuora to refresh {self.due['tenantName']}, and {spell(PASSES)} pass.")
        self.zuora.refresh(self.due["id"])
        self.zuora.advance(PASSES)
        say(f"\n4  Second run: meltano run {JOB}, from the state that Meltano kept\n")
        second = self.pipe.run("run", JOB)
        self.show(second)
        self.explain()
        say(f"\n5  The state: meltano state get {STATE_ID}\n")
        say(f"  {_summary(second.state)}")
        self.zuora.advance(UNTIL_THE_SCHEDULE)
        say(f"\n6  After {spell(UNTIL_THE_SCHEDULE)} more: meltano schedule run {SCHEDULE}\n")
        self.show(self.pipe.run("schedule", "run", SCHEDULE))
        say("\n7  Does PostgreSQL hold what Zuora holds?\n")
        say(f"  {self.check()}")


def tell(zuora: Zuora, store: Warehouse, folder: Path, *, installed_by_make: bool = False) -> None:
    """Make a project and tell the story in it.

    Args:
        zuora: The emulated Zuora.
        store: Where the rows go.
        folder: A private folder.
        installed_by_make: Take the plugins that make installed, without network, instead of `meltano install`.

    Raises:
        DemoError: When anything is not as it must be.
    """
    tap = {f"TAP_ZUORA_TESTENV_{name.upper()}": value for name, value in tap_settings(zuora).items()}
    target = {f"TARGET_POSTGRES_{name.upper()}": value for name, value in store.settings.items()}
    models = variables(Place(store.url, store.schema, store.schema))
    models |= {f"DBT_POSTGRES_{name}_SCHEMA": store.schema for name in ("SOURCE", "MODELS")}
    meltano = Meltano(folder / "project", tap | target | models)
    if installed_by_make:
        meltano.use_what_make_installed()
    else:
        started = time.monotonic()
        meltano.install()
        say(f"  Meltano     installed the plugins of meltano.yml in {time.monotonic() - started:.0f} s")
    MeltanoStory(zuora, store, meltano).tell()


def tell_without_network(zuora: Zuora, store: Warehouse, folder: Path) -> None:
    """Tell the story with the plugins that make installed."""
    tell(zuora, store, folder, installed_by_make=True)


def _summary(state: str) -> str:
    partitions = json.loads(state)["singer_state"]["bookmarks"]["test_environment_jobs"]["partitions"]
    unfinished = sum(len(partition.get("unfinished", [])) for partition in partitions)
    return (
        f"{count(len(partitions), 'bookmark', 'bookmarks')}, one an environment, and the ids of "
        f"{count(unfinished, 'job', 'jobs')} under way: {len(state):,} bytes."
    )
