"""What `make demo` shows: two runs of the pipe `tap-zuora-testenv | target-postgres`, and the report at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dev.demo.models_and_report import build_and_report
from dev.demo.walkthrough import PASSES, Walkthrough, run_demo, say, spell
from dev.testbed.dbt_package import Place
from dev.testbed.tap_to_target import Pipe
from tap_zuora_testenv.report.report_command import OUTPUT

if TYPE_CHECKING:
    from pathlib import Path

    from dev.demo.warehouse import Warehouse
    from dev.testbed.emulator_process import EmulatedZuora


class PipeWalkthrough(Walkthrough[Pipe]):
    """Two runs of the pipe, between which time passes."""

    def show_runs(self) -> None:
        """Run the pipe, let time pass, run it again, and check the tables.

        Raises:
            ToolError: Something is not as it should be.
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
        say("\n4  Does PostgreSQL have the same rows as Zuora?\n")
        say(f"  {self.check()}")

    def show_report(self) -> None:
        """Build the models and write the report.

        Raises:
            ToolError: The models cannot be built.
        """
        started = time.monotonic()
        build_and_report(Place(self.store.url, self.store.schema, self.store.schema), OUTPUT, self.zuora.now())
        seconds = time.monotonic() - started
        say("\n5  Which sandbox is ready, how old are its data, and when may it be refreshed again?\n")
        say(f"  {OUTPUT} shows it; open it in a browser. Models and report took {seconds:.1f} s.")


def run() -> None:
    """Run the demo.

    Raises:
        ToolError: Something is not as it should be.
    """
    run_demo(_show)


def _show(zuora: EmulatedZuora, store: Warehouse, folder: Path) -> None:
    walkthrough = PipeWalkthrough(zuora, store, Pipe(folder, zuora.tap_settings, store.settings))
    walkthrough.show_runs()
    walkthrough.show_report()
