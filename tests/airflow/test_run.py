"""The DAG runs: Airflow, Meltano, the tap and the target, from emulated Zuoras into a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import psycopg
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.log import configure_logging
from psycopg import sql
from psycopg.rows import dict_row

from dev.demo.airflow_installation import meltano_on_the_path
from dev.testbed.embedded_postgres import USER
from dev.testbed.meltano_project import MeltanoProject
from dev.testbed.table_comparison import check_tables
from tap_zuora_testenv.emulator.tokens import Tokens
from tests.loading import emulated_zuora, postgres_in_another_zone
from zuora_testenv import meltano
from zuora_testenv import operator as operators
from zuora_testenv.loads import loads
from zuora_testenv.operator import LoadFailed, LoadFromZuora
from zuora_testenv.tenants_file import VARIABLE, read_tenants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import DAG

    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from zuora_testenv.loads import Load

# Airflow's own, of what it imports to run a task in this process.
pytestmark = pytest.mark.filterwarnings("ignore")

DAGS = Path(__file__).resolve().parents[2] / "examples" / "airflow" / "dags"
CLIENT_ID, CLIENT_SECRET = "client_of_a_tenant", "secret_of_a_tenant"


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with postgres_in_another_zone() as url:
        yield url


@pytest.fixture
def zuora() -> Iterator[EmulatorServer]:
    with emulated_zuora(environments=7, tokens=Tokens(CLIENT_ID, CLIENT_SECRET)) as server:
        yield server


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Path:
    folder = tmp_path_factory.mktemp("meltano") / "a project"
    database = database_url.replace("postgresql:", "postgresql+psycopg:")
    meltano = MeltanoProject(folder, {"MELTANO_DATABASE_URI": database})
    meltano.use_what_make_installed()
    # It makes its tables.
    meltano("state", "list")
    return folder


@pytest.fixture
def worker(
    project: Path,
    database_url: str,
    airflow_database: None,  # noqa: ARG001 - what a task asks for its connections
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = {"conn_type": "postgres", "login": USER, "schema": "postgres"}
    where["extra"] = json.dumps({"host": unquote(database_url.partition("host=")[2])})
    given = {
        "ZUORA_A": {"conn_type": "http", "login": CLIENT_ID, "password": CLIENT_SECRET},
        "ZUORA_WRONG": {"conn_type": "http", "login": CLIENT_ID, "password": "not-the-secret"},
        "ZUORA_TESTENV_WAREHOUSE": where,
        "ZUORA_TESTENV_STATE": where,
    }
    for name, connection in given.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(project))
    monkeypatch.setenv("PATH", meltano_on_the_path())


def tenants_file(folder: Path, zuora: EmulatorServer, *tenants: dict[str, Any]) -> Path:
    path = folder / "tenants.yml"
    common = {"base_url": zuora.url, "connection": "zuora_a", "pool": "zuora", "max_parallel_requests": 4}
    path.write_text(yaml.safe_dump({"pools": {"zuora": 40}, "tenants": [common | each for each in tenants]}))
    return path


def dag() -> DAG:
    (read,) = DagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="tests").dags.values()
    return read


def operator(path: Path) -> LoadFromZuora:
    (load,) = loads(read_tenants(path).tenants[0])
    return LoadFromZuora(load=load, warehouse="zuora_testenv_warehouse", state="zuora_testenv_state")


def ids_of(zuora: EmulatorServer) -> list[str]:
    return [str(each["id"]) for each in zuora.zuora.environments()]


def rows(database_url: str, schema: str, table: str) -> list[Row]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, table))).fetchall()


def remembered(row: Row) -> list[str]:
    """Name the test environments that a state in Meltano's database has bookmarks of."""
    state = json.loads(row["completed_state"])["singer_state"]
    return [each["context"]["testEnvironmentId"] for each in state["bookmarks"]["test_environment_jobs"]["partitions"]]


@pytest.mark.usefixtures("worker")
def test_the_dag_loads_what_zuora_holds_by_one_task_and_by_several(
    tmp_path: Path,
    zuora: EmulatorServer,
    project: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ids = ids_of(zuora)
    whole, shared = {"name": "whole"}, {"name": "shared", "test_environments": ids, "shards": 2}
    monkeypatch.setenv(VARIABLE, str(tenants_file(tmp_path, zuora, whole, shared)))
    assert dag().test().state == "success"
    for schema in ("zuora_testenv_whole", "zuora_testenv_shared"):
        check_tables(zuora.zuora.documents(), partial(rows, database_url, schema))

    states = {row["state_id"].rpartition(":")[2]: remembered(row) for row in rows(database_url, "public", "state")}
    assert states.keys() >= {"whole", "shared-1-of-2", "shared-2-of-2"}
    assert sorted(states["whole"]) == sorted(ids)
    assert sorted(states["shared-1-of-2"] + states["shared-2-of-2"]) == sorted(ids)
    assert not list((project / ".meltano").rglob("tap.*"))
    said = "".join(capfd.readouterr())
    assert "Done: emitted" in said
    assert CLIENT_ID not in said
    assert CLIENT_SECRET not in said


@pytest.mark.usefixtures("worker")
def test_a_credential_that_somebody_logs_is_masked(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Meltano logs the id of the state, and that ends with the tenant's name.
    monkeypatch.setenv(VARIABLE, str(tenants_file(tmp_path, zuora, {"name": CLIENT_ID}, {"name": CLIENT_SECRET})))
    # As Airflow's own processes do.
    configure_logging()
    assert dag().test().state == "success"
    said = [line for line in "".join(capfd.readouterr()).splitlines() if "Running job with name" in line]
    assert len(said) == 2
    assert all("prod:tap-zuora-testenv-to-target-postgres:***" in line for line in said)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("tenant", "sentence"),
    [
        (
            {"connection": "zuora_wrong"},
            r"^Misconfigured: .* 401 .*check client_id.* \(Meltano: Extractor failed\)$",
        ),
        (
            {"settings": {"max_attempts": 99}},
            r"^Misconfigured: Setting `max_attempts` must be a whole number from 1 to 20\. \(Melt",
        ),
    ],
)
def test_the_message_of_a_failed_task_is_the_last_line_of_the_tap(
    tmp_path: Path, zuora: EmulatorServer, tenant: dict[str, Any], sentence: str
) -> None:
    task = operator(tenants_file(tmp_path, zuora, {"name": "failing"} | tenant))
    with pytest.raises(LoadFailed, match=sentence):
        task.execute({})


@pytest.mark.usefixtures("worker")
def test_a_warehouse_that_is_not_there_fails_the_task(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"conn_type": "postgres", "login": USER, "schema": "postgres", "host": "127.0.0.1", "port": 1}
    monkeypatch.setenv("AIRFLOW_CONN_ZUORA_TESTENV_WAREHOUSE", json.dumps(nowhere))
    sentence = (
        r"^Done: .* target-postgres: .*OperationalError.* failed: .*\(Meltano: (Loader failed|BrokenPipeError)\)$"
    )
    with pytest.raises(LoadFailed, match=sentence):
        operator(tenants_file(tmp_path, zuora, {"name": "lost"})).execute({})


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("MELTANO_PROJECT_ROOT", None, "MELTANO_PROJECT_ROOT must name the Meltano project .* it is not set"),
        (
            "MELTANO_PROJECT_ROOT",
            "elsewhere",
            "MELTANO_PROJECT_ROOT must name .* in .*/elsewhere there is no meltano.yml",
        ),
        ("AIRFLOW_CONN_ZUORA_A", '{"conn_type": "http"}', "The connection zuora_a must have the client id as login"),
        ("PATH", "/nowhere", "There is no command meltano on this worker's PATH"),
        ("MELTANO_SYS_DIR_ROOT", "elsewhere", "This worker has no folder .*elsewhere/extractors: run meltano install"),
    ],
)
def test_a_worker_that_lacks_something_says_so(
    tmp_path: Path,
    zuora: EmulatorServer,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str | None,
    sentence: str,
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(LoadFailed, match=sentence):
        operator(tenants_file(tmp_path, zuora, {"name": "lost"})).execute({})


def assert_none_is_left(task: LoadFromZuora) -> None:
    assert task.process
    deadline = time.monotonic() + 10
    # A process that was killed is there until its parent, which may be the machine's first one, looks after it.
    while time.monotonic() < deadline:
        try:
            os.killpg(task.process.pid, 0)
        except ProcessLookupError:
            return
    pytest.fail("A process of the group is left.")


def act_while_the_tap_waits(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something while a line of the tap is read, after which it waits for its first answer."""
    read_entry = meltano.entry

    def act_and_read(line: str) -> meltano.Entry:
        if "Beginning sync" in line:
            act()
        return read_entry(line)

    monkeypatch.setattr(meltano, "entry", act_and_read)


@pytest.mark.usefixtures("worker")
def test_a_task_that_is_ended_ends_all_that_it_started(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    zuora.zuora.latency_seconds = 60
    task = operator(tenants_file(tmp_path, zuora, {"name": "slow"}))
    act_while_the_tap_waits(monkeypatch, task.on_kill)
    with pytest.raises(LoadFailed, match="SIGTERM"):
        task.execute({})
    assert_none_is_left(task)
    # What lay there held the tap's settings.
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("worker")
def test_a_task_that_is_ended_before_meltano_begins_does_not_begin_it(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator(tenants_file(tmp_path, zuora, {"name": "early"}))
    make_command = meltano.command

    def be_ended_meanwhile(load: Load, system_folder: str) -> list[str]:
        task.on_kill()
        return make_command(load, system_folder)

    monkeypatch.setattr(meltano, "command", be_ended_meanwhile)
    with pytest.raises(LoadFailed, match="ended before Meltano had begun"):
        task.execute({})
    assert task.process is None


@pytest.mark.usefixtures("worker")
def test_the_time_limit_ends_all_that_was_started(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise AirflowTaskTimeout

    zuora.zuora.latency_seconds = 60
    task = operator(tenants_file(tmp_path, zuora, {"name": "slow"}))
    act_while_the_tap_waits(monkeypatch, interrupt)
    with pytest.raises(AirflowTaskTimeout):
        task.execute({})
    assert_none_is_left(task)
    sent: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda *_: sent.append(1))
    # As Airflow does then.
    task.on_kill()
    assert sent == []


# It holds none of its parent's pipes, as the tap does not hold those of Meltano.
CHILD = "sleep 60 >/dev/null 2>&1 & :"


def put_in_place_of_meltano(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Let a line of a shell run where Meltano would: something that Meltano does only when it has a fault."""
    program = folder / "meltano"
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), os.environ["PATH"])))


@pytest.mark.usefixtures("worker")
def test_who_does_not_end_when_told_is_ended(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place_of_meltano(tmp_path, monkeypatch, f"trap '' TERM; {CHILD}; echo Beginning sync; exec sleep 60")
    monkeypatch.setattr(operators, "ENDING_TAKES_AT_MOST_SECONDS", 0)
    task = operator(tenants_file(tmp_path, zuora, {"name": "deaf"}))
    act_while_the_tap_waits(monkeypatch, task.on_kill)
    with pytest.raises(LoadFailed):
        task.execute({})
    assert task.process
    assert task.process.returncode == -signal.SIGKILL
    assert_none_is_left(task)


@pytest.mark.usefixtures("worker")
def test_what_meltano_leaves_behind_is_ended(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place_of_meltano(tmp_path, monkeypatch, f"{CHILD}; exit 1")
    task = operator(tenants_file(tmp_path, zuora, {"name": "careless"}))
    with pytest.raises(LoadFailed):
        task.execute({})
    assert_none_is_left(task)


def test_airflow_does_not_end_a_task_before_that_ended_what_it_started() -> None:
    # The supervisor of Airflow 3.3 waits 5 seconds between its signals.
    assert operators.ENDING_TAKES_AT_MOST_SECONDS < 5


@pytest.mark.usefixtures("worker")
def test_several_loads_at_a_time_find_each_its_own_state(tmp_path: Path, database_url: str) -> None:
    tenants = [f"tenant_{number}" for number in range(3)]
    with ExitStack() as stack, ThreadPoolExecutor(len(tenants)) as pool:
        zuoras = {
            name: stack.enter_context(emulated_zuora(seed, tokens=Tokens(CLIENT_ID, CLIENT_SECRET)))
            for seed, name in enumerate(tenants)
        }
        tasks = [operator(tenants_file(tmp_path, zuora, {"name": name})) for name, zuora in zuoras.items()]
        for _ in range(2):
            assert list(pool.map(lambda task: task.execute({}), tasks)) == [None] * len(tasks)
        states = {row["state_id"].rpartition(":")[2]: remembered(row) for row in rows(database_url, "public", "state")}
        for name, zuora in zuoras.items():
            check_tables(zuora.zuora.documents(), partial(rows, database_url, f"zuora_testenv_{name}"))
            assert sorted(states[name]) == sorted(ids_of(zuora))


@pytest.mark.usefixtures("worker")
def test_settings_in_the_project_reach_no_tenant(
    tmp_path: Path, zuora: EmulatorServer, project: Path, database_url: str
) -> None:
    file = project / ".env"
    before = file.read_text()
    file.write_text(f"{before}TAP_ZUORA_TESTENV_START_DATE=2100-01-01\nTAP_ZUORA_TESTENV_ACCESS_TOKEN=another\n")
    try:
        operator(tenants_file(tmp_path, zuora, {"name": "unmoved"})).execute({})
    finally:
        file.write_text(before)
    check_tables(zuora.zuora.documents(), partial(rows, database_url, "zuora_testenv_unmoved"))
