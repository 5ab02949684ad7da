"""An Airflow in its own folder: its configuration, its command, and the three processes of an installation."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from dev.testbed.airflow_api import Api
from dev.testbed.meltano_project import MeltanoProject
from dev.testbed.processes import command, environment, running
from dev.testbed.tap_to_target import LINES_OF_A_LOG, private
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dev.testbed.emulator_process import Row

DAGS = Path(__file__).resolve().parents[2] / "examples" / "airflow" / "zuora_test_environments.py"
EXECUTOR = "LocalExecutor"
HOST = "127.0.0.1"
# What an installation consists of, in the order of their start; the scheduler's tasks talk only to the API server.
PROCESSES = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    # It would serve its logs on a fixed port, for an API server on another machine.
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
LOOK_EVERY_SECONDS = 0.5
API_SERVER_STARTS_WITHIN_SECONDS = 180

Found = TypeVar("Found")


class Airflow:
    """An installation, and what can be asked of it.

    Args:
        folder: A private folder.
        database_url: Its own database, empty.
        path: The PATH of its processes, where their Meltano is.
        settings: More of its settings, by their names in upper case, such as `CORE__PARALLELISM`.
    """

    def __init__(
        self, folder: Path, database_url: str, path: str, settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.folder = folder / "airflow"
        self.folder.mkdir()
        self.project = folder / "project"
        self._dags = folder / "dags"
        self._dags.mkdir()
        shutil.copy(DAGS, self._dags)
        # Beside the file of the DAGs.
        self._tenants = self._dags / "tenants.yml"
        self._url = f"http://{HOST}:{_free_port()}"
        self.api = Api(self._url)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._variables = self._environment(database_url.partition("://")[2], path, settings)

    def _environment(self, database: str, path: str, more: Mapping[str, str]) -> dict[str, str]:
        settings = {
            "API__BASE_URL": self._url,
            "API__HOST": HOST,
            "API__PORT": self._url.rpartition(":")[2],
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGS_FOLDER": str(self._dags),
            # Seconds; five minutes would be usual.
            "CORE__DEFAULT_TASK_RETRY_DELAY": "5",
            "CORE__EXECUTOR": EXECUTOR,
            "CORE__LOAD_EXAMPLES": "False",
            # Anyone who can reach the port is admitted.
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{database}",
            "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{database}",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            **more,
        }
        foreign = ("AIRFLOW_", "MELTANO_", "ZUORA_TESTENV_")
        kept = {name: value for name, value in environment().items() if not name.startswith(foreign)}
        # For the time zone of the target's session meltano.yml is to care.
        del kept["PGTZ"]
        return {
            **kept,
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            "AIRFLOW_HOME": str(self.folder),
            "MELTANO_PROJECT_ROOT": str(self.project),
            "PATH": path,
            # So that nothing is left of a task that is killed.
            "TMPDIR": str(self.folder),
        }

    def make_project(self, state_url: str) -> None:
        """Make the Meltano project of the worker.

        Args:
            state_url: The database for Meltano's state, empty.

        Raises:
            ToolError: When that fails.
        """
        meltano = MeltanoProject(self.project, {"MELTANO_DATABASE_URI": state_url})
        meltano.use_what_make_installed()
        # It makes its tables, which several tasks at a time cannot.
        meltano("state", "list")

    def set_up(self, tenants: str, connections: Row) -> None:
        """Make what the DAGs need: the file of the tenants, and the connections.

        Args:
            tenants: The file of the tenants.
            connections: Airflow's connections, by their ids.

        Raises:
            ToolError: When anything of it fails.
        """
        self._tenants.write_text(tenants)
        self("airflow", "db", "migrate")
        self("airflow", "connections", "import", private(self.folder / "connections.json", json.dumps(connections)))

    def make_tables(self, first: Iterable[tuple[str, str]]) -> None:
        """Run the tasks that make the tables of the tenants that several tasks load.

        Args:
            first: The ids of a DAG and of one of its tasks.

        Raises:
            ToolError: When one of them fails.
        """
        for dag, task in first:
            # Its exit code is 0 however it went.
            if "Done: emitted" not in (output := self("airflow", "tasks", "test", dag, task)):
                raise ToolError(f"The task {task} of {dag}, which makes tables, failed. Its output:\n{output}")

    def __call__(self, name: str, *arguments: str) -> str:
        """Give a command, wait for its end, and give its output.

        Raises:
            ToolError: When it fails, with the end of its log.
        """
        log = self.folder / "command.log"
        with log.open("wb") as errors, self._start(name, *arguments, errors=errors) as process:
            if process.stdout is None:
                raise AssertionError
            output = process.stdout.read().decode()
            code = process.wait()
        if code != 0:
            raise ToolError(f"{name} {' '.join(arguments)} ended with {code}. It said:\n{output}\n{_end(log)}")
        return output

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run API server, DAG processor and scheduler while the context lasts."""
        with ExitStack() as stack:
            for name, arguments in PROCESSES.items():
                log = stack.enter_context((self.folder / f"{name}.log").open("wb"))
                process = self._start("airflow", *arguments, errors=log, output=log)
                self._processes[name] = stack.enter_context(process)
                # A task that starts before it fails.
                self.wait(self.api.log_in, "the API server", API_SERVER_STARTS_WITHIN_SECONDS)
            yield

    def process_id(self, name: str) -> int:
        """Return the id of one of the processes of `PROCESSES`."""
        return self._processes[name].pid

    def _start(
        self, name: str, *arguments: str, errors: BinaryIO, output: BinaryIO | None = None
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return running(
            [*command(name), *arguments],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=errors,
        )

    def wait(self, find: Callable[[], Found | None], what: str, seconds: float) -> Found:
        """Look again and again until something is there.

        Args:
            find: Gives it, or None while it is not there.
            what: What it is, for a person.
            seconds: How long at most.

        Raises:
            ToolError: When it does not come in that time, or one of Airflow's processes ends.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    log = self.folder / f"{name}.log"
                    raise ToolError(f"Airflow's {name} ended with {process.returncode}. It said:\n{_end(log)}")
            if (found := find()) is not None:
                return found
            time.sleep(LOOK_EVERY_SECONDS)
        logs = "\n".join(f"{name}:\n{_end(self.folder / f'{name}.log')}" for name in self._processes)
        raise ToolError(f"After {seconds:.0f} s this had not happened in Airflow: {what}.\n{logs}")


def meltano_on_the_path() -> str:
    """Make a PATH with the Meltano that make installed, as a worker has it."""
    return os.pathsep.join((str(Path(sys.prefix, "meltano", "bin")), os.environ["PATH"]))


def _free_port() -> int:
    """Find a port that is free now; Airflow needs a fixed one, which it passes to its tasks."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LINES_OF_A_LOG:])
