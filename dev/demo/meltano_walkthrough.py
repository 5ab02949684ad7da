"""What `make meltano` shows: the pipe run by Meltano, which keeps the state and the schedule."""

from __future__ import annotations

import functools
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from dev.demo.text_tables import count
from dev.demo.walkthrough import PASSES, Walkthrough, run_demo, say, spell
from dev.testbed.dbt_package import Place, variables
from dev.testbed.meltano_project import EXTRACTOR, JOB, SCHEDULE, STATE_ID, MeltanoProject

if TYPE_CHECKING:
    from pathlib import Path

    from dev.demo.warehouse import Warehouse
    from dev.testbed.emulator_process import EmulatedZuora

UNTIL_THE_SCHEDULE = timedelta(days=1, hours=1)


class MeltanoWalkthrough(Walkthrough[MeltanoProject]):
    """Three runs by Meltano, between which time passes."""

    def show_runs(self) -> None:
        """Run the job, let time pass, run it again, let the schedule run it, and check the result.

        Raises:
            ToolError: Something is not as it should be.
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
        say("\n7  Does PostgreSQL have the same rows as Zuora?\n")
        say(f"  {self.check()}")


def run() -> None:
    """Run the demo with plugins that `meltano install` installs.

    Raises:
        ToolError: Something is not as it should be.
    """
    run_demo(_show)


def run_without_network() -> None:
    """Run the demo with the plugins that make installed.

    Raises:
        ToolError: Something is not as it should be.
    """
    run_demo(functools.partial(_show, is_installed_by_make=True))


def _show(zuora: EmulatedZuora, store: Warehouse, folder: Path, *, is_installed_by_make: bool = False) -> None:
    tap = {f"TAP_ZUORA_TESTENV_{name.upper()}": value for name, value in zuora.tap_settings.items()}
    target = {f"TARGET_POSTGRES_{name.upper()}": value for name, value in store.settings.items()}
    models = variables(Place(store.url, store.schema, store.schema))
    models |= {f"DBT_POSTGRES_{name}_SCHEMA": store.schema for name in ("SOURCE", "MODELS")}
    project = MeltanoProject(folder / "project", tap | target | models)
    if is_installed_by_make:
        project.use_what_make_installed()
    else:
        started = time.monotonic()
        project.install()
        say(f"  Meltano     installed the plugins of meltano.yml in {time.monotonic() - started:.0f} s")
    MeltanoWalkthrough(zuora, store, project).show_runs()


def _summary(state: str) -> str:
    partitions = json.loads(state)["singer_state"]["bookmarks"]["test_environment_jobs"]["partitions"]
    unfinished = sum(len(partition.get("unfinished", [])) for partition in partitions)
    return (
        f"{count(len(partitions), 'bookmark', 'bookmarks')}, one per environment, and the ids of "
        f"{count(unfinished, 'unfinished job', 'unfinished jobs')}: {len(state):,} bytes."
    )
