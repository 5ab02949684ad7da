"""What `make airflow` shows: three tenants, one of them down at first, loaded by Airflow over two intervals."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dev.demo.airflow_api import DAG
from dev.demo.airflow_installation import EXECUTOR, Airflow
from dev.demo.airflow_tenants import SIZES, connections, described, file_of, first_tasks, load_names, tenant
from dev.demo.text_tables import count, table
from dev.demo.walkthrough import BEGINS_AGO, PASSES, say, spell
from dev.testbed.embedded_postgres import USER, postgres
from dev.testbed.table_comparison import check_tables
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dev.demo.airflow_api import Run
    from dev.testbed.emulator_process import EmulatedZuora, Row

DOWN = "south"
# How often the DAG must have run at least.
RUNS = 2
DATABASES = ("airflow", "meltano", "warehouse")
# Airflow has many sessions, and each task three.
SESSIONS = "max_connections=200"
INTERVAL_TAKES_AT_MOST_SECONDS = 300


class AirflowWalkthrough:
    """Two intervals of the DAG.

    Args:
        tenants: The emulated Zuoras, by name.
        databases: Sessions in the databases, by name.
        airflow: What loads the ones into the others.
    """

    def __init__(
        self, tenants: Mapping[str, EmulatedZuora], databases: Mapping[str, psycopg.Connection[Row]], airflow: Airflow
    ) -> None:
        self._tenants = tenants
        self._databases = databases
        self._airflow = airflow

    def show(self) -> None:
        """Run the DAG over two intervals, and check what came of it.

        Raises:
            ToolError: Something is not as it must be.
        """
        say(f"\n1  {DOWN} goes down. Airflow starts its API server, DAG processor and scheduler.\n")
        self._tenants[DOWN].go_down()
        with self._airflow.running():
            self._first_interval()
            self._second_interval()
            self._airflow.api.pause()
            # The next run may have started by now.
            self._airflow.wait(self._airflow.api.is_idle, "the end of the last task", INTERVAL_TAKES_AT_MOST_SECONDS)
            say("\n4  What is in PostgreSQL, what Zuora was asked for, and what is in the logs\n")
            self._check()

    def _first_interval(self) -> None:
        airflow = self._airflow
        run = airflow.wait(lambda: next(iter(airflow.api.runs()), None), "a first run of the DAG", 120)
        failed = airflow.wait(lambda: self._failed(run), f"the failure of {DOWN}", INTERVAL_TAKES_AT_MOST_SECONDS)
        say(f"  The task {DOWN} failed ({failed['state']}), and says:\n\n  {airflow.api.error(run, DOWN, 1)}\n")
        self._tenants[DOWN].come_back()
        say(f"2  {DOWN} comes back, and Airflow tries its task again.\n")
        tasks = self._until_done(run)
        if any((task["try_number"] > 1) != (name == DOWN) for name, task in tasks.items()):
            raise ToolError(f"In the first interval the task {DOWN}, and no other, should have been tried again.")

    def _failed(self, run: Run) -> Row | None:
        """Give the task that must fail, when it has."""
        task = self._airflow.api.tasks(run).get(DOWN, {})
        return task if task.get("state") in ("up_for_retry", "failed") else None

    def _second_interval(self) -> None:
        asked = 0
        for zuora in self._tenants.values():
            for environment in _due(zuora):
                zuora.refresh(environment["id"])
                asked += 1
            zuora.advance(PASSES)
        say(
            f"\n3  {count(asked, 'refresh', 'refreshes')} are asked for, and {spell(PASSES)} pass. The next interval:\n"
        )
        since = datetime.now(UTC)
        airflow = self._airflow
        run = airflow.wait(
            lambda: next((run for run in airflow.api.runs() if run.after > since), None), "a second run of the DAG", 120
        )
        self._until_done(run)

    def _until_done(self, run: Run) -> Mapping[str, Row]:
        """Wait for the end of a run, and show its tasks.

        Raises:
            ToolError: When it fails.
        """
        airflow = self._airflow
        state = airflow.wait(
            lambda: airflow.api.state(run), f"the end of the run {run.id}", INTERVAL_TAKES_AT_MOST_SECONDS
        )
        tasks = airflow.api.tasks(run)
        say(table([_task_row(name, tasks[name]) for name in sorted(tasks)]))
        if state != "success":
            raise ToolError(f"The run {run.id} of the DAG {DAG} is {state}.")
        return tasks

    def _check(self) -> None:
        rows = []
        for name, zuora in self._tenants.items():
            most, size = zuora.most_in_flight(), SIZES[name]
            if most > size.pool:
                raise ToolError(f"{name} had {most} requests in flight, and its pool has {size.pool} slots.")
            documents = zuora.documents()
            check_tables(documents, partial(self._rows, name))
            rows.append(
                {
                    "tenant": name,
                    **{stream: len(found) for stream, found in documents.items()},
                    "all values": "as in Zuora",
                    "most in flight": f"{most} of {size.pool}",
                }
            )
        say(table(rows))
        published = Counter(self._airflow.api.assets())
        if any(published[f"zuora_testenv_{name}"] < RUNS for name in self._tenants):
            raise ToolError(f"Each asset should have been published {RUNS} times at least: {dict(published)}.")
        if (states := self._states()) != load_names():
            raise ToolError(f"Meltano should keep a state for each of {load_names()}, and does for {states}.")
        say(f"\n  States in Meltano: {', '.join(states)}.")
        say(f"  Assets published: {', '.join(f'{name} {times} times' for name, times in sorted(published.items()))}.")
        say(f"  {self._search_logs()}")

    def _rows(self, tenant_name: str, stream: str) -> list[Row]:
        place = sql.Identifier(f"zuora_testenv_{tenant_name}", stream)
        return self._databases["warehouse"].execute(sql.SQL("select * from {}").format(place)).fetchall()

    def _states(self) -> list[str]:
        rows = self._databases["meltano"].execute("select state_id from state order by state_id").fetchall()
        return [row["state_id"].rpartition(":")[2] for row in rows]

    def _search_logs(self) -> str:
        """Look for the tenants' credentials in all that Airflow logged.

        Raises:
            ToolError: When one is there.
        """
        logs = [path for path in self._airflow.folder.rglob("*.log") if path.is_file()]
        credentials = [each for zuora in self._tenants.values() for each in (zuora.client_id, zuora.client_secret)]
        for path in logs:
            text = path.read_text(errors="replace")
            if any(credential in text for credential in credentials):
                raise ToolError(f"A credential of a tenant is in the log {path.name}.")
        if not any("Done: emitted" in path.read_text(errors="replace") for path in logs):
            raise ToolError("Airflow's logs are not where they were looked for.")
        return f"No credential of a tenant stands in any of the {count(len(logs), 'log', 'logs')}."


def run() -> None:
    """Run the demo.

    Raises:
        ToolError: Something is not as it must be.
    """
    started = time.monotonic()
    begins = (datetime.now(UTC) - BEGINS_AGO).replace(second=0, microsecond=0)
    say("Three Zuora tenants, emulated; a PostgreSQL; and an Airflow that loads the ones into the other.\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="testenv-")))
        tenants = {name: stack.enter_context(tenant(name, begins, folder)) for name in SIZES}
        say(table([described(name, zuora) for name, zuora in tenants.items()]))
        url = stack.enter_context(postgres(SESSIONS))
        databases = {name: stack.enter_context(database) for name, database in _databases(url)}
        socket = unquote(url.partition("host=")[2])
        airflow = Airflow(folder, url.replace("/postgres?", "/airflow?"))
        given = {
            f"zuora_testenv_{purpose}": {"login": USER, "schema": name, "extra": {"host": socket}}
            for purpose, name in (("warehouse", "warehouse"), ("state", "meltano"))
        }
        state_url = url.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", "/meltano?")
        airflow.set_up(file_of(tenants), connections(tenants, given), state_url, first_tasks())
        seconds = time.monotonic() - started
        say(f"\n  Set up in {seconds:.0f} s: pools, connections, and the tables of the tenant in shards.")
        say(f"  Tasks run by the {EXECUTOR}.")
        AirflowWalkthrough(tenants, databases, airflow).show()
    say(f"\nAll of this took {time.monotonic() - started:.0f} s.")


def _databases(url: str) -> Iterator[tuple[str, psycopg.Connection[Row]]]:
    with psycopg.connect(url, autocommit=True) as server:
        for name in DATABASES:
            server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            place = url.replace("/postgres?", f"/{name}?")
            yield name, psycopg.connect(place, autocommit=True, row_factory=dict_row)


def _due(zuora: EmulatedZuora) -> list[Row]:
    """Give the environments that can be refreshed now."""
    now = zuora.now()
    return [
        row
        for row in zuora.documents()["test_environments"]
        if row["status"] == "ACTIVE"
        and ("nextRefreshTime" not in row or datetime.fromisoformat(row["nextRefreshTime"]) <= now)
    ]


def _task_row(name: str, task: Row) -> Mapping[str, object]:
    return {
        "task": name,
        "state": task["state"],
        "attempts": task["try_number"],
        "slots": f"{task['pool_slots']} of {task['pool']}",
        "seconds": f"{task['duration'] or 0:.1f}",
    }
