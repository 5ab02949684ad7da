"""The DAGs run: Airflow, Meltano, the tap and a target, from emulated Zuoras into a real PostgreSQL and DuckDB."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import duckdb
import psycopg
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.sdk import BaseNotifier
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk.log import configure_logging
from airflow.utils.session import create_session
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import select
from typing_extensions import override

from dev.testbed.airflow_installation import meltano_on_the_path
from dev.testbed.embedded_postgres import USER
from dev.testbed.meltano_project import MeltanoProject
from dev.testbed.table_comparison import check_tables
from tap_zuora_testenv.airflow import LoadFromZuora, meltano_command, meltano_log
from tap_zuora_testenv.airflow.loads import loads
from tap_zuora_testenv.airflow.operators import LoadFailed
from tap_zuora_testenv.airflow.tenants_file import VARIABLE, read_tenants
from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.emulator.tokens import Tokens
from tests.airflow.sessions import members
from tests.loading import emulated_zuora, postgres_in_another_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import DAG, Context

    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer

# Airflow's own, of what it imports to run a task in this process.
pytestmark = pytest.mark.filterwarnings("ignore")

DAGS = Path(__file__).resolve().parents[2] / "examples" / "airflow"
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
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("meltano") / "a project"


@pytest.fixture(scope="module")
def meltano(project: Path, database_url: str) -> MeltanoProject:
    database = database_url.replace("postgresql:", "postgresql+psycopg:")
    meltano = MeltanoProject(project, {"MELTANO_DATABASE_URI": database})
    meltano.use_what_make_installed()
    # It makes its tables.
    meltano("state", "list")
    return meltano


@pytest.fixture
def worker(
    project: Path,
    database_url: str,
    meltano: MeltanoProject,  # noqa: ARG001 - makes the project
    airflow_database: None,  # noqa: ARG001 - what a task asks for its connections
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = {"conn_type": "postgres", "login": USER, "schema": "postgres"}
    where["extra"] = json.dumps({"host": unquote(database_url.partition("host=")[2])})
    given = {
        "ZUORA_A": {"conn_type": "http", "login": CLIENT_ID, "password": CLIENT_SECRET},
        "ZUORA_ELSEWHERE": {"conn_type": "http", "login": "hush", "password": "hush", "host": "rest.zuora.com"},
        "ZUORA_WRONG": {"conn_type": "http", "login": CLIENT_ID, "password": "not-the-secret"},
        "ZUORA_TESTENV_WAREHOUSE": where,
        "ZUORA_TESTENV_STATE": where,
    }
    for name, connection in given.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(project))
    monkeypatch.setenv("PATH", meltano_on_the_path())


def tenants_file(folder: Path, zuora: EmulatorServer, *tenants: dict[str, Any], **common: Any) -> Path:
    path = folder / "tenants.yml"
    tenant = {"base_url": zuora.url, "connection": "zuora_a", "max_parallel_requests": 4}
    path.write_text(yaml.safe_dump({"tenants": [tenant | each for each in tenants]} | common))
    return path


def dag(tenant: str) -> DAG:
    bag = DagBag(dag_folder=str(DAGS / "zuora_test_environments.py"), bundle_path=DAGS, bundle_name="tests")
    assert bag.import_errors == {}
    return bag.dags[f"zuora_testenv_{tenant}"]


def operator(path: Path) -> LoadFromZuora:
    tenants = read_tenants(path)
    (load,) = loads(tenants.tenants[0])
    return LoadFromZuora(load=load, loader=tenants.common.loader)


def ids_of(zuora: EmulatorServer) -> list[str]:
    return [str(each["id"]) for each in zuora.zuora.environments()]


def rows(database_url: str, schema: str, table: str) -> list[Row]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return connection.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, table))).fetchall()


def remembered(row: Row) -> list[str]:
    """Name the test environments that a state in Meltano's database has bookmarks of."""
    state = json.loads(row["completed_state"])["singer_state"]
    return [each["context"]["testEnvironmentId"] for each in state["bookmarks"]["test_environment_jobs"]["partitions"]]


def events(tenant: str) -> list[dict[str, Any]]:
    """Return what came with each publication of a tenant's asset, the oldest first."""
    with create_session() as session:
        query = select(AssetEvent).order_by(AssetEvent.id)
        return [event.extra for event in session.scalars(query) if event.asset.name == f"zuora_testenv_{tenant}"]


@pytest.mark.usefixtures("worker")
def test_the_dags_load_what_zuora_has_by_one_task_and_by_several(
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
    for tenant in ("whole", "shared"):
        assert dag(tenant).test().state == "success"
        check_tables(zuora.zuora.documents(), partial(rows, database_url, f"zuora_testenv_{tenant}"))
        # The number of rows of all its tasks.
        assert events(tenant) == [{stream: len(there) for stream, there in zuora.zuora.documents().items()}]

    states = {row["state_id"].rpartition(":")[2]: remembered(row) for row in rows(database_url, "public", "state")}
    assert states.keys() >= {"whole", "shared-1-of-2", "shared-2-of-2"}
    assert sorted(states["whole"]) == sorted(ids)
    assert sorted(states["shared-1-of-2"] + states["shared-2-of-2"]) == sorted(ids)
    assert not list((project / ".meltano").rglob("tap.*"))
    logged = "".join(capfd.readouterr())
    assert "Done: emitted" in logged
    assert CLIENT_ID not in logged
    assert CLIENT_SECRET not in logged

    # Nothing is new.
    assert dag("whole").test().state == "success"
    assert len(events("whole")) == 1


@pytest.mark.usefixtures("worker")
def test_a_credential_that_somebody_logs_is_masked(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Meltano logs the id of the state, and that ends with the tenant's name.
    monkeypatch.setenv(VARIABLE, str(tenants_file(tmp_path, zuora, {"name": CLIENT_SECRET})))
    # As Airflow's own processes do.
    configure_logging()
    assert dag(CLIENT_SECRET).test().state == "success"
    (line,) = (line for line in "".join(capfd.readouterr()).splitlines() if "Running job with name" in line)
    assert "prod:tap-zuora-testenv-to-target-postgres:***" in line


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("tenant", "sentence"),
    [
        ({"connection": "zuora_wrong"}, r"^Misconfigured: .* 401 .*check client_id[^(]*$"),
        (
            {"settings": {"max_attempts": 99}},
            r"^Misconfigured: Setting `max_attempts` must be a whole number from 1 to 20\.$",
        ),
        (
            {"connection": "zuora_elsewhere"},
            r"^The connection zuora_elsewhere is for the host rest.zuora.com, so its password is not sent to http://127",
        ),
    ],
)
def test_what_somebody_must_change_fails_at_once_and_its_message_is_the_last_line_of_the_tap(
    tmp_path: Path, zuora: EmulatorServer, tenant: dict[str, Any], sentence: str
) -> None:
    task = operator(tenants_file(tmp_path, zuora, {"name": "failing"} | tenant))
    with pytest.raises(AirflowFailException, match=sentence):
        task.execute({})


@pytest.mark.usefixtures("worker")
def test_a_fault_that_may_pass_is_tried_again(tmp_path: Path, zuora: EmulatorServer) -> None:
    zuora.zuora.faults.add(Fault.from_json({"path": "*", "status": 503}))
    task = operator(tenants_file(tmp_path, zuora, {"name": "down", "settings": {"max_attempts": "1"}}))
    with pytest.raises(LoadFailed, match=r"^Stopped: .* 503 .*\(Meltano: Extractor failed\)$"):
        task.execute({})


NOTIFIED: list[str] = []


class Notifier(BaseNotifier):
    """Keeps its text, rendered as Airflow's own notifiers do."""

    template_fields = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    @override
    def notify(self, context: Context) -> None:
        NOTIFIED.append(self.text)


@pytest.mark.usefixtures("worker")
def test_the_notifier_of_the_file_gets_the_last_line_of_the_tap(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_failure = {"notifier": f"{__name__}.Notifier", "arguments": {"text": "{{ dag.dag_id }}: {{ exception }}"}}
    tenant = {"name": "wrong", "connection": "zuora_wrong"}
    monkeypatch.setenv(VARIABLE, str(tenants_file(tmp_path, zuora, tenant, on_failure=on_failure)))
    assert dag("wrong").test().state == "failed"
    (text,) = NOTIFIED
    assert text.startswith("zuora_testenv_wrong: Misconfigured: ")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="target-duckdb needs DuckDB 1.2, which has no wheel for this.")
@pytest.mark.usefixtures("worker")
def test_another_target_loads_what_zuora_has(
    tmp_path: Path, zuora: EmulatorServer, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = yaml.safe_load((project / "meltano.yml").read_text())
    settings = [{"name": "path"}, {"name": "default_target_schema"}]
    loader = {"name": "target-duckdb", "namespace": "target_duckdb", "pip_url": "target-duckdb", "settings": settings}
    document["plugins"]["loaders"].append(loader)
    other = tmp_path / "another project"
    shutil.copytree(project, other, symlinks=True)
    (other / "meltano.yml").write_text(yaml.safe_dump(document))
    commands = other / ".meltano" / "loaders" / "target-duckdb" / "venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "target-duckdb").symlink_to(Path(sys.prefix, "target-duckdb", "bin", "target-duckdb"))
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(other))
    warehouse = {"conn_type": "duckdb", "host": str(tmp_path)}
    monkeypatch.setenv("AIRFLOW_CONN_ZUORA_TESTENV_WAREHOUSE", json.dumps(warehouse))
    written = {"path": "{host}/{tenant}.duckdb", "default_target_schema": "{schema}"}
    file = tenants_file(tmp_path, zuora, {"name": "ducks"}, loader={"name": "target-duckdb", "settings": written})
    loaded = operator(file).execute({})
    there = zuora.zuora.documents()
    assert loaded["rows"] == {stream: len(rows) for stream, rows in there.items()}
    with duckdb.connect(str(tmp_path / "ducks.duckdb"), read_only=True) as connection:
        for stream, expected in there.items():
            found = connection.execute(f"select id, status from zuora_testenv_ducks.{stream}").fetchall()  # noqa: S608
            assert sorted(found) == sorted((row["id"], row["status"]) for row in expected)


@pytest.mark.usefixtures("worker")
def test_the_models_of_a_tenant_are_built_from_its_tables(
    tmp_path: Path, zuora: EmulatorServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tenants_file(tmp_path, zuora, {"name": "modelled"}, {"name": "other"}, {"name": "refused", "shards": 2})
    operator(file).execute({})
    monkeypatch.setenv(VARIABLE, str(file))
    monkeypatch.setenv("PATH", str(Path(sys.prefix, "dbt", "bin")), prepend=os.pathsep)
    path = DAGS / "zuora_test_environment_models.py"
    bag = DagBag(dag_folder=str(path), bundle_path=DAGS, bundle_name="tests")
    assert bag.import_errors == {}
    assert bag.dags.keys() == {"zuora_testenv_modelled_models", "zuora_testenv_other_models"}
    schedule: Any = bag.dags["zuora_testenv_modelled_models"].schedule
    assert [asset.name for asset in schedule.asset_condition.objects] == ["zuora_testenv_modelled"]
    assert bag.dags["zuora_testenv_modelled_models"].test().state == "success"
    refreshes = rows(database_url, "zuora_testenv_modelled_models", "zuora_test_environments__readiness")
    assert {row["test_environment_id"] for row in refreshes} == set(ids_of(zuora))


def psql(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.usefixtures("worker")
def test_a_tenant_that_is_renamed_is_loaded_again_unless_its_schema_and_state_are_renamed_too(
    tmp_path: Path, zuora: EmulatorServer, meltano: MeltanoProject, database_url: str
) -> None:
    everything = len(zuora.zuora.documents()["test_environment_jobs"])

    def load(name: str) -> int:
        return operator(tenants_file(tmp_path, zuora, {"name": name})).execute({})["rows"]["test_environment_jobs"]

    assert load("first") == everything
    assert load("second") == everything
    for schema in ("zuora_testenv_first", "zuora_testenv_second"):
        check_tables(zuora.zuora.documents(), partial(rows, database_url, schema))

    # As docs/airflow.md says.
    psql(database_url, "alter schema zuora_testenv_first rename to zuora_testenv_third")
    prefix = "prod:tap-zuora-testenv-to-target-postgres:"
    meltano("state", "move", "--force", f"{prefix}first", f"{prefix}third")
    assert load("third") < everything
    check_tables(zuora.zuora.documents(), partial(rows, database_url, "zuora_testenv_third"))

    # A tenant that was removed, and its schema with it, has its state still.
    psql(database_url, "drop schema zuora_testenv_second cascade")
    assert load("second") < everything


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
        ("AIRFLOW_CONN_ZUORA_A", None, "A connection is missing: .*zuora_a"),
        ("AIRFLOW_CONN_ZUORA_A", '{"conn_type": "http"}', "The connection zuora_a must have the client id as login"),
        (
            "AIRFLOW_CONN_ZUORA_TESTENV_STATE",
            '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1}',
            "Meltano's state cannot be read by the connection zuora_testenv_state: .*port 1.* failed",
        ),
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
    with pytest.raises(AirflowException, match=sentence):
        operator(tenants_file(tmp_path, zuora, {"name": "lost"})).execute({})


def assert_all_end(session: int) -> None:
    deadline = time.monotonic() + 10
    while left := members(session):
        assert time.monotonic() < deadline, left


def act_while_the_tap_waits(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something while a line of the tap is read, after which it waits for its first response."""
    read_entry = meltano_log.entry

    def act_and_read(line: str) -> meltano_log.Entry:
        if "Beginning sync" in line:
            act()
        return read_entry(line)

    monkeypatch.setattr(meltano_log, "entry", act_and_read)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all runs, for one test only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"zuora-testenv-{os.getuid()}"


@pytest.mark.usefixtures("worker")
def test_a_task_that_is_ended_ends_all_that_it_started(
    tmp_path: Path, zuora: EmulatorServer, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zuora.zuora.latency_seconds = 60
    task = operator(tenants_file(tmp_path, zuora, {"name": "slow"}))
    act_while_the_tap_waits(monkeypatch, task.on_kill)
    with pytest.raises(LoadFailed, match="SIGTERM"):
        task.execute({})
    assert task.process
    assert_all_end(task.process.pid)
    # What was there contained the tap's settings.
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("worker")
def test_a_task_whose_process_is_killed_leaves_no_process_and_no_folder(
    tmp_path: Path, zuora: EmulatorServer, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zuora.zuora.latency_seconds = 60
    task = operator(tenants_file(tmp_path, zuora, {"name": "killed"}))
    report, reported = os.pipe()

    def report_the_session() -> None:
        assert task.process
        (folder,) = temporary.iterdir()
        secrets = [path for path in folder.rglob("*") if path.is_file() and CLIENT_SECRET in path.read_text()]
        os.write(reported, f"{task.process.pid} {len(members(task.process.pid))} {len(secrets)}\n".encode())

    act_while_the_tap_waits(monkeypatch, report_the_session)
    # As Airflow's supervisor starts a task.
    if (child := os.fork()) == 0:
        with suppress(BaseException):
            task.execute({})
        os._exit(0)
    os.close(reported)
    with os.fdopen(report) as lines:
        session, processes, secrets = map(int, lines.readline().split())
    # The guardian, Meltano, the tap and the target.
    assert processes >= 4
    assert secrets > 0
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert_all_end(session)
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("worker")
def test_a_task_that_is_ended_before_meltano_starts_does_not_start_it(
    tmp_path: Path, zuora: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator(tenants_file(tmp_path, zuora, {"name": "early"}))
    make_command = meltano_command.command

    def be_ended_meanwhile(*arguments: Any) -> list[str]:
        task.on_kill()
        return make_command(*arguments)

    monkeypatch.setattr(meltano_command, "command", be_ended_meanwhile)
    with pytest.raises(LoadFailed, match="ended before Meltano started"):
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
    assert task.process
    assert_all_end(task.process.pid)
    # As Airflow does then.
    task.on_kill()


@pytest.mark.usefixtures("worker")
def test_several_loads_at_a_time_find_each_its_own_state(tmp_path: Path, database_url: str) -> None:
    tenants = [f"tenant_{number}" for number in range(3)]
    with ExitStack() as stack, ThreadPoolExecutor(len(tenants)) as pool:
        zuoras = {
            name: stack.enter_context(emulated_zuora(seed, tokens=Tokens(CLIENT_ID, CLIENT_SECRET)))
            for seed, name in enumerate(tenants)
        }
        tasks = [operator(tenants_file(tmp_path, zuora, {"name": name})) for name, zuora in zuoras.items()]
        for is_new in (True, False):
            assert [each["is_new"] for each in pool.map(lambda task: task.execute({}), tasks)] == [is_new] * 3
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
