"""`python -m dev.benchmarks.airflow_scale`: Airflow with 100, 500 and 2,000 tenants, and nothing to load."""

from __future__ import annotations

import argparse
import json
import os
import stat
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import unquote

import psutil
import psycopg
import yaml

from dev.benchmarks.results_page import described
from dev.testbed.airflow_api import Run
from dev.testbed.airflow_installation import Airflow
from dev.testbed.embedded_postgres import USER, postgres
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = (100, 500, 2000)
# Of the time in which tasks run, so that 2,000 of them need not all run.
WINDOW_SECONDS = 180
PARALLELISM = 16
TASK = "load"
ALL_ARE_KNOWN_WITHIN_SECONDS = 900
ROUNDS = 5
# What the page of a DAG asks the API server for before it shows its grid and its graph.
GRAPH = ("structure/structure_data?dag_id={dag}", "grid/structure/{dag}", "grid/runs/{dag}")
SESSIONS = "max_connections=300"
HEAD = (
    "tenants",
    "parse, all DAGs",
    "parse, one task's DAG",
    "serialised, each",
    "serialised, all",
    "all known after",
    "CPU to read the file again",
    "tasks per minute",
    "graph of one",
)

# Runs apart, as Airflow parses: what it imports does not count, what it makes of the file does.
PARSE = """
import json, os, sys, time
from airflow.serialization.serialized_objects import DagSerialization
from tap_zuora_testenv.airflow import tenant_dags
file, wanted = sys.argv[1:]
def timed():
    started = time.perf_counter()
    dags = tenant_dags(file)
    return time.perf_counter() - started, dags
tenant_dags(file)
everything, dags = timed()
size = sum(len(json.dumps(DagSerialization.to_dict(dag))) for dag in dags)
os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = wanted
one, (dag,) = timed()
print(json.dumps([everything, one, size]))
"""
# In place of Meltano: it logs what a run with nothing new logs, and takes no time.
NO_OP = """#!/bin/sh
echo '{"level": "info", "name": "tap-zuora-testenv", "event": "Done: emitted 0 jobs and 0 test environments."}'
"""


def measure(tenants: int) -> Iterator[str]:
    """Measure a new Airflow with a number of tenants, and give the cells of the table's row."""
    names = [f"tenant_{number:04}" for number in range(tenants)]
    with tempfile.TemporaryDirectory(prefix="testenv-") as made, postgres(SESSIONS) as url:
        folder = Path(made)
        file = yaml.safe_dump({"schedule": "@once", "tenants": list(map(_tenant, names))})
        yield f"{tenants:,}"
        yield from _parse(folder, file, names[-1])
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("create database airflow")
            server.execute("create database meltano")
        airflow = Airflow(
            folder,
            url.replace("/postgres?", "/airflow?"),
            os.pathsep.join((str(_no_op(folder)), os.environ["PATH"])),
            {
                "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
                "CORE__PARALLELISM": str(PARALLELISM),
                # As docs/airflow.md recommends.
                "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            },
        )
        _make_project(airflow.project)
        airflow.set_up(file, _connections(names, unquote(url.partition("host=")[2])))
        with closing(psycopg.connect(url.replace("/postgres?", "/airflow?"), autocommit=True)) as database:
            yield from _run(airflow, database, tenants, f"zuora_testenv_{names[0]}")


def _tenant(name: str) -> dict[str, object]:
    return {"name": name, "base_url": "https://rest.zuora.com", "connection": f"zuora_{name}"}


def _connections(names: Sequence[str], socket: str) -> dict[str, Any]:
    zuoras = {f"zuora_{name}": {"conn_type": "http", "login": "an-id", "password": "a-secret"} for name in names}
    database = {"conn_type": "postgres", "login": USER, "schema": "meltano", "extra": {"host": socket}}
    return zuoras | {"zuora_testenv_warehouse": database, "zuora_testenv_state": database}


def _no_op(folder: Path) -> Path:
    commands = folder / "commands"
    commands.mkdir()
    command = commands / "meltano"
    command.write_text(NO_OP)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return commands


def _make_project(project: Path) -> None:
    for plugins in ("extractors", "loaders"):
        (project / ".meltano" / plugins).mkdir(parents=True)
    (project / "meltano.yml").touch()


def _parse(folder: Path, file: str, name: str) -> Iterator[str]:
    (folder / "tenants.yml").write_text(file)
    (folder / "home").mkdir()
    line = [sys.executable, "-c", PARSE, str(folder / "dags.py"), f"zuora_testenv_{name}"]
    variables = os.environ | {"AIRFLOW_HOME": str(folder / "home"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    variables.pop("ZUORA_TESTENV_TENANTS", None)
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, env=variables)
    everything, one, size = json.loads(done.stdout)
    yield f"{everything:.2f} s"
    yield f"{one:.2f} s"
    yield f"{size / file.count('name: '):,.0f} B"
    yield f"{size / 1_000_000:.1f} MB"


def _run(airflow: Airflow, database: psycopg.Connection, tenants: int, dag: str) -> Iterator[str]:
    """Start Airflow, wait for its DAGs, open one, and let them all run once."""
    started = time.monotonic()
    with airflow.running():

        def known() -> bool | None:
            return _number(database, "select count(*) from serialized_dag") >= tenants or None

        airflow.wait(known, "all DAGs", ALL_ARE_KNOWN_WITHIN_SECONDS)
        yield f"{time.monotonic() - started:.0f} s"
        yield f"{_read_again(airflow, database, tenants, dag):.1f} s"
        opened = _open(airflow, dag)
        airflow.api.pause(is_paused=False)
        finished = "select count(*) from task_instance where state = 'success'"
        airflow.wait(lambda: _number(database, finished) or None, "a first task", 120)
        began, before = time.monotonic(), _number(database, finished)
        while time.monotonic() - began < WINDOW_SECONDS and (number := _number(database, finished)) < tenants:
            time.sleep(0.5)
        seconds = time.monotonic() - began
        failed = database.execute(
            "select dag_id, run_id from task_instance where state in ('failed', 'up_for_retry') limit 1"
        ).fetchone()
        if failed:
            run = Run(failed[0], failed[1], datetime.now(UTC))
            raise ToolError(f"A task of {run.dag} failed: {airflow.api.error(run, TASK, 1)}")
        yield f"{(number - before) / seconds * 60:.0f}"
        yield f"{opened:.2f} s"
        airflow.api.pause()


def _read_again(airflow: Airflow, database: psycopg.Connection, tenants: int, dag: str) -> float:
    """Let the DAG processor read the file once more, and return the seconds of a core that this takes."""
    (last,) = database.execute("select max(last_parsed_time) from dag").fetchone() or (None,)
    before = _cpu(airflow)
    airflow.api.parse_again(dag)
    read = "select count(*) from dag where last_parsed_time > %s"
    airflow.wait(
        lambda: _number(database, read, last) >= tenants or None, "all DAGs again", ALL_ARE_KNOWN_WITHIN_SECONDS
    )
    return _cpu(airflow) - before


def _cpu(airflow: Airflow) -> float:
    times = psutil.Process(airflow.process_id("dag-processor")).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _open(airflow: Airflow, dag: str) -> float:
    """Return how long the API server takes for the graph of a DAG: the median of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for path in GRAPH:
            airflow.api.ask_ui(path.format(dag=dag))
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _number(database: psycopg.Connection, query: LiteralString, *parameters: object) -> int:
    row = database.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """Measure, and write `AIRFLOW_RESULTS.md`."""
    parser = argparse.ArgumentParser(prog="python -m dev.benchmarks.airflow_scale", description=__doc__)
    parser.add_argument("--tenants", type=int, help="only this number of tenants; no file is written")
    only = parser.parse_args().tenants
    rows = [list(HEAD), ["---:"] * len(HEAD)]
    for tenants in [only] if only else SIZES:
        rows.append(list(measure(tenants)))
        print(", ".join(f"{name} {cell}" for name, cell in zip(HEAD, rows[-1], strict=True)), flush=True)
    if only:
        return
    text = (
        "# Results of `make airflow-scale`\n\n"
        "One DAG per tenant, all in one file, and a program in place of Meltano that loads nothing. LocalExecutor\n"
        f"with {PARALLELISM} tasks at a time, PostgreSQL; everything on the same cores. {described()}.\n\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    )
    (Path(__file__).parent / "AIRFLOW_RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
