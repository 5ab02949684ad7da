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

from dev.demo.airflow_tenants import SIZES, connections, dag_of, described, file_of, first_tasks, states, tenant
from dev.demo.text_tables import count, table
from dev.demo.walkthrough import BEGINS_AGO, PASSES, say, spell
from dev.testbed.airflow_api import Run
from dev.testbed.airflow_installation import EXECUTOR, Airflow, meltano_on_the_path
from dev.testbed.embedded_postgres import USER, postgres
from dev.testbed.table_comparison import check_tables
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dev.testbed.emulator_process import EmulatedZuora, Row

DOWN = "south"
TASK = "load"
INTERVALS = 2
DATABASES = ("airflow", "meltano", "warehouse")
# Airflow has many sessions, and each task three.
SESSIONS = "max_connections=200"
INTERVAL_TAKES_AT_MOST_SECONDS = 300


class AirflowWalkthrough:
    """Two intervals of the tenants' DAGs.

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
        self._refreshed: list[str] = []

    def show(self) -> None:
        """Run the DAGs over two intervals, and check the result.

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
        run = airflow.wait(
            lambda: self._next_run(DOWN), f"a first run of {dag_of(DOWN)}", INTERVAL_TAKES_AT_MOST_SECONDS
        )
        failed = airflow.wait(lambda: self._failed(run), f"the failure of {DOWN}", INTERVAL_TAKES_AT_MOST_SECONDS)
        state, error = failed["state"], airflow.api.error(run, TASK, 1)
        say(f"  The task {TASK} of {run.dag} failed ({state}). Its message:\n\n  {error}\n")
        self._tenants[DOWN].come_back()
        say(f"2  {DOWN} comes back, and Airflow tries its task again.\n")
        tasks = self._until_done(None)
        for name, task, row in tasks:
            if (row["try_number"] > 1) != (name == DOWN):
                first = Run(row["dag_id"], row["dag_run_id"], datetime.now(UTC))
                raise ToolError(
                    f"In the first interval the task of {DOWN}, and no other, should have been tried again. The first "
                    f"attempt at {task} of {name}: {airflow.api.error(first, task, 1) or 'it did not start'}"
                )

    def _next_run(self, tenant_name: str, since: datetime | None = None) -> Run | None:
        """Return the first run of a tenant's DAG that was due after a time, if there is one."""
        dag = dag_of(tenant_name)
        runs = (run for run in self._airflow.api.runs() if run.dag == dag and (since is None or run.after > since))
        return next(runs, None)

    def _failed(self, run: Run) -> Row | None:
        """Return the task that must fail, if it has."""
        task = self._airflow.api.tasks(run).get(TASK, {})
        return task if task.get("state") in ("up_for_retry", "failed") else None

    def _second_interval(self) -> None:
        for name, zuora in self._tenants.items():
            for environment in _due(zuora):
                zuora.refresh(environment["id"])
                self._refreshed.append(name)
            zuora.advance(PASSES)
        number = count(len(self._refreshed), "refresh", "refreshes")
        say(f"\n3  {number} are asked for, and {spell(PASSES)} pass. The next interval:\n")
        self._until_done(datetime.now(UTC))

    def _until_done(self, since: datetime | None) -> list[tuple[str, str, Row]]:
        """Wait for the end of the first run of each DAG that was due after a time, and show their tasks.

        Returns:
            Each task with the names of its tenant and its own.

        Raises:
            ToolError: When a run fails.
        """
        airflow = self._airflow
        tasks: list[tuple[str, str, Row]] = []
        for name in self._tenants:
            run = airflow.wait(
                partial(self._next_run, name, since), f"a run of {dag_of(name)}", INTERVAL_TAKES_AT_MOST_SECONDS
            )
            state = airflow.wait(
                partial(airflow.api.state, run), f"the end of the run {run.id}", INTERVAL_TAKES_AT_MOST_SECONDS
            )
            tasks += [(name, task, row) for task, row in sorted(airflow.api.tasks(run).items())]
            if state != "success":
                raise ToolError(f"The run {run.id} of the DAG {run.dag} is {state}.")
        say(table([_task_row(*task) for task in tasks]))
        return tasks

    def _check(self) -> None:
        rows = []
        for name, zuora in self._tenants.items():
            most, allowed = zuora.most_in_flight(), SIZES[name].in_flight
            if not 0 < most <= allowed:
                raise ToolError(f"The tap had {most} requests in flight to {name}, and may have {allowed}.")
            documents = zuora.documents()
            check_tables(documents, partial(self._rows, name))
            rows.append(
                {
                    "tenant": name,
                    **{stream: len(found) for stream, found in documents.items()},
                    "all values": "as in Zuora",
                    "most in flight": f"{most} of {allowed}",
                }
            )
        say(table(rows))
        published = self._airflow.api.published()
        times = Counter(name for name, jobs in published if jobs > 0)
        if any(times[dag_of(name)] < (INTERVALS if name in self._refreshed else 1) for name in self._tenants):
            raise ToolError(f"Each asset should have been published in each interval with something new: {published}.")
        if (found := self._states()) != states():
            raise ToolError(f"Meltano should keep the states {states()}, and has {found}.")
        say(f"\n  States in Meltano: {', '.join(found)}.")
        say(f"  Assets published: {', '.join(f'{name} {number} times' for name, number in sorted(times.items()))}.")
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
        return f"No credential of a tenant is in any of the {count(len(logs), 'log', 'logs')}."


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
        airflow = Airflow(folder, url.replace("/postgres?", "/airflow?"), meltano_on_the_path())
        given = {
            f"zuora_testenv_{purpose}": {"login": USER, "schema": name, "extra": {"host": socket}}
            for purpose, name in (("warehouse", "warehouse"), ("state", "meltano"))
        }
        state_url = url.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", "/meltano?")
        airflow.make_project(state_url)
        airflow.set_up(file_of(tenants), connections(tenants, given))
        airflow.make_tables(first_tasks())
        seconds = time.monotonic() - started
        say(f"\n  Set up in {seconds:.0f} s: connections, and the tables of the tenant in shards.")
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


def _task_row(tenant_name: str, name: str, task: Row) -> Mapping[str, object]:
    return {
        "DAG": dag_of(tenant_name),
        "task": name,
        "state": task["state"],
        "attempts": task["try_number"],
        "seconds": f"{task['duration'] or 0:.1f}",
    }
