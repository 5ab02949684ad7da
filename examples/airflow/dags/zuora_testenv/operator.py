"""The operator: Meltano loads a tenant, or a share of one, from Zuora into the warehouse."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import mask_secret
from typing_extensions import override

from zuora_testenv import meltano

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

    from zuora_testenv.loads import Load

# Airflow itself ends a task for good 5 seconds after it told it to end; what it started must be gone by then.
ENDING_TAKES_AT_MOST_SECONDS = 4


class LoadFailed(AirflowException):
    """A load failed; the text begins with the tap's last line, or says what the worker lacks."""


class LoadFromZuora(BaseOperator):
    """Runs `meltano run tap-zuora-testenv target-postgres` for one load.

    Nothing of it is a template, so no secret can be in a rendered one: they come from Airflow's connections when the
    task runs, and go to Meltano as environment variables.

    Args:
        load: What to load.
        warehouse: The id of the connection to the warehouse.
        state: The id of the connection to the database in which Meltano keeps its state.
        kwargs: Arguments of `BaseOperator`.
    """

    def __init__(self, *, load: Load, warehouse: str, state: str, **kwargs: Any) -> None:  # noqa: ANN401 - those of Airflow
        super().__init__(task_id=load.name, pool=load.pool, pool_slots=load.pool_slots, **kwargs)
        self.load = load
        self.warehouse = warehouse
        self.state = state
        self.process: subprocess.Popen[str] | None = None
        self._is_ended = False

    @override
    def execute(self, context: Context) -> None:
        """Run Meltano.

        Raises:
            LoadFailed: When it fails, or cannot be started.
        """
        named = os.environ.get(meltano.PROJECT)
        project = Path(named or "").resolve()
        if not named or not (project / "meltano.yml").is_file():
            place = f"in {project} there is no meltano.yml" if named else "it is not set"
            raise LoadFailed(f"{meltano.PROJECT} must name the Meltano project on this worker, and {place}.")
        if shutil.which("meltano") is None:
            raise LoadFailed("There is no command meltano on this worker's PATH: install Meltano there.")
        connections = meltano.Connections(*map(Connection.get, (self.load.connection, self.warehouse, self.state)))
        if not (connections.zuora.login and connections.zuora.password):
            raise LoadFailed(
                f"The connection {self.load.connection} must have the client id as login and its secret as password."
            )
        with _system_folder(project) as folder:
            variables = meltano.variables(self.load, connections, os.environ, folder)
            # Airflow masks the passwords of connections by itself, but no client id, and no password within an address.
            for name in meltano.SECRETS:
                mask_secret(variables[name])
            self._run(meltano.command(self.load, folder), variables | {meltano.PROJECT: str(project)})

    def _run(self, command: list[str], variables: dict[str, str]) -> None:
        log: list[meltano.Entry] = []
        self._check_that_it_goes_on()
        with subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own, so that a signal reaches Meltano, the tap and the target alike.
            start_new_session=True,
        ) as self.process:
            try:
                self._check_that_it_goes_on()
                for line in self.process.stdout or ():
                    log.append(meltano.entry(line.rstrip()))
                    self.log.log(log[-1].level, "%s", log[-1])
            except BaseException:
                # Airflow's time limit interrupts here, and calls `on_kill` only when all of this has ended.
                self.on_kill()
                raise
            finally:
                code = self.process.wait()
                if code != 0:
                    # What Meltano may have left behind.
                    _signal(self.process, signal.SIGKILL)
        if code != 0:
            raise LoadFailed(meltano.failure(log))

    def _check_that_it_goes_on(self) -> None:
        """Stop when the task was ended before there was a process to end; Airflow itself does not stop it."""
        if self._is_ended:
            raise LoadFailed("The task was ended before Meltano had begun.")

    @override
    def on_kill(self) -> None:
        """End Meltano, the tap and the target: when the time is up, or somebody ends the task.

        It does not wait for that: it may be called while `execute` reads what they say, and that must go on.
        """
        self._is_ended = True
        # After a time limit Airflow calls this once more, when all is over and the number may be another process's.
        if self.process is not None and self.process.returncode is None:
            _signal(self.process, signal.SIGTERM)
            last_resort = threading.Timer(ENDING_TAKES_AT_MOST_SECONDS, _kill, [self.process])
            last_resort.daemon = True
            last_resort.start()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to Meltano and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _kill(process: subprocess.Popen[str]) -> None:
    if process.returncode is None:
        _signal(process, signal.SIGKILL)


@contextmanager
def _system_folder(project: Path) -> Iterator[str]:
    """Give Meltano a folder of its own for one run, with the plugins that are installed.

    The files of a run have the same names in every run of a tap (https://github.com/meltano/meltano/issues/8763), so
    of two at a time one could find the other's state. And one of them holds the tap's settings, secrets included.
    """
    usual = project / (os.environ.get(meltano.SYSTEM_FOLDER) or ".meltano")
    with TemporaryDirectory(prefix="meltano-") as folder:
        Path(folder, meltano.ENVIRONMENT_FILE).touch()
        for plugins in ("extractors", "loaders"):
            if not (usual / plugins).is_dir():
                raise LoadFailed(f"This worker has no folder {usual / plugins}: run meltano install in {project}.")
            Path(folder, plugins).symlink_to(usual / plugins)
        yield folder
