"""The operator: Meltano loads a tenant, or a share of one, from Zuora into the warehouse."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
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

# The tap ends within 5 seconds, with the state of what was emitted; the target then has some left to store.
ENDING_TAKES_AT_MOST_SECONDS = 30


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

    ui_color = "#e8f0fa"

    def __init__(self, *, load: Load, warehouse: str, state: str, **kwargs: Any) -> None:  # noqa: ANN401 - those of Airflow
        super().__init__(task_id=load.name, pool=load.pool, pool_slots=load.pool_slots, **kwargs)
        self.load = load
        self.warehouse = warehouse
        self.state = state
        self.process: subprocess.Popen[str] | None = None

    @override
    def execute(self, context: Context) -> None:
        """Run Meltano.

        Raises:
            AirflowException: When it fails, with the tap's last line.
        """
        if meltano.PROJECT not in os.environ:
            raise AirflowException(
                f"{meltano.PROJECT} is not set on this worker: it must name the Meltano project, its plugins installed."
            )
        if shutil.which("meltano") is None:
            raise AirflowException("There is no command meltano on this worker's PATH: install Meltano there.")
        connections = meltano.Connections(*map(Connection.get, (self.load.connection, self.warehouse, self.state)))
        # Airflow masks the passwords of connections by itself; a client id is half of a credential too.
        mask_secret(connections.zuora.login)
        with _system_folder() as folder:
            self._run(meltano.variables(self.load, connections, os.environ, folder))

    def _run(self, variables: dict[str, str]) -> None:
        log: list[meltano.Entry] = []
        with subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
            meltano.command(self.load),
            cwd=variables[meltano.PROJECT],
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
                for line in self.process.stdout or ():
                    log.append(meltano.entry(line.rstrip()))
                    self.log.log(log[-1].level, "%s", log[-1])
            except BaseException:
                # Airflow's time limit interrupts here, and tells `on_kill` only when all of this has ended.
                self.on_kill()
                raise
        if self.process.returncode != 0:
            raise AirflowException(meltano.failure(log))

    @override
    def on_kill(self) -> None:
        """End Meltano, the tap and the target: when the time is up, or somebody ends the task."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(ENDING_TAKES_AT_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _system_folder() -> Iterator[str]:
    """Give Meltano a folder of its own for one run, with the plugins that are installed.

    The files of a run have the same names in every run of a tap (https://github.com/meltano/meltano/issues/8763), so
    of two at a time one could find the other's state. And one of them holds the tap's settings, secrets included.
    """
    usual = Path(os.environ.get(meltano.SYSTEM_FOLDER) or Path(os.environ[meltano.PROJECT], ".meltano"))
    with TemporaryDirectory(prefix="meltano-") as folder:
        for plugins in ("extractors", "loaders"):
            Path(folder, plugins).symlink_to(usual / plugins)
        yield folder
