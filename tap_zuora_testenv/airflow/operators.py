"""The tasks of a tenant's DAG: one loads it by Meltano, one publishes its asset, one says why it is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException
from airflow.sdk.log import mask_secret
from typing_extensions import override

from tap_zuora_testenv.airflow import guardian, meltano_command, meltano_log
from tap_zuora_testenv.airflow.meltano_state import StateUnreachable, read_state
from tap_zuora_testenv.airflow.run_folders import run_folder
from tap_zuora_testenv.airflow.tenants_file import STATE, WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.sdk import Context

    from tap_zuora_testenv.airflow.loads import Load
    from tap_zuora_testenv.airflow.tenants_file import Loader


class LoadFailed(AirflowException):
    """A load failed, and another attempt may not; the text begins with the tap's last line, if there is one."""


class Loaded(TypedDict):
    """What a load has done.

    Attributes:
        rows: How many rows were loaded, per stream.
        is_new: Whether any of them was new: whether the load's state moved.
    """

    rows: dict[str, int]
    is_new: bool


class LoadFromZuora(BaseOperator):
    """Runs `meltano run tap-zuora-testenv LOADER` for one load.

    Nothing of it is a template, so no secret can be in a rendered one: they come from Airflow's connections when the
    task runs, and go to Meltano as environment variables.

    Its outlets are published only if the load brought something new.

    Args:
        load: What to load.
        loader: What to load it by.
        kwargs: Arguments of `BaseOperator`.
    """

    def __init__(self, *, load: Load, loader: Loader, **kwargs: Any) -> None:  # noqa: ANN401 - those of Airflow
        super().__init__(task_id=load.task, **kwargs)
        self.load = load
        self.loader = loader
        self.process: subprocess.Popen[str] | None = None
        self._is_ended = False

    @override
    def execute(self, context: Context) -> Loaded:
        """Run Meltano.

        Returns:
            What it has done.

        Raises:
            AirflowFailException: If somebody must act: another attempt would fail like this one.
            LoadFailed: If it fails in another way, or cannot be started on this worker.
        """
        project = self._project()
        if shutil.which("meltano") is None:
            raise LoadFailed("There is no command meltano on this worker's PATH: install Meltano there.")
        connections = self._connections()
        with run_folder() as (folder, lock):
            self._make_system_folder(folder, project)
            variables = meltano_command.variables(self.load, self.loader, connections, os.environ, str(folder))
            # Airflow masks the passwords of connections by itself, but no client id, and no password within a URL.
            for secret in variables.secrets:
                mask_secret(secret)
            state = variables.values[meltano_command.DATABASE]
            state_id = meltano_command.state_id(self.load, self.loader, os.environ)
            before = self._read_state(state, state_id)
            command = meltano_command.command(self.load, self.loader, str(folder))
            log = self._run(folder, command, {**variables.values, meltano_command.PROJECT: str(project)}, lock)
            loaded = Loaded(rows=meltano_log.rows(log), is_new=self._read_state(state, state_id) != before)
        _publish(self, context, loaded)
        return loaded

    def _project(self) -> Path:
        named = os.environ.get(meltano_command.PROJECT)
        project = Path(named or "").resolve()
        if not named or not (project / "meltano.yml").is_file():
            place = f"in {project} there is no meltano.yml" if named else "it is not set"
            raise LoadFailed(f"{meltano_command.PROJECT} must name the Meltano project on this worker, and {place}.")
        return project

    def _connections(self) -> meltano_command.Connections:
        try:
            zuora, warehouse, state = map(Connection.get, (self.load.connection, WAREHOUSE, STATE))
        except AirflowNotFoundException as error:
            # Not final: a secrets backend that is down looks like this.
            raise LoadFailed(f"A connection is missing: {error}") from None
        if not (zuora.login and zuora.password):
            raise AirflowFailException(
                f"The connection {self.load.connection} must have the client id as login and its secret as password."
            )
        if meltano_command.is_elsewhere(zuora, self.load.base_url):
            raise AirflowFailException(
                f"The connection {self.load.connection} is for the host {zuora.host}, so its password is not sent to "
                f"{self.load.base_url}: correct base_url or connection of the tenant {self.load.tenant}."
            )
        return meltano_command.Connections(zuora, warehouse, state)

    def _make_system_folder(self, folder: Path, project: Path) -> None:
        """Give Meltano its own folder for one run, with the plugins that are installed.

        The files of a run have the same names in every run of a tap (https://github.com/meltano/meltano/issues/8763),
        so of two at a time one could find the other's state. And one of them contains the tap's settings, secrets
        included.
        """
        usual = project / (os.environ.get(meltano_command.SYSTEM_FOLDER) or ".meltano")
        (folder / meltano_command.ENVIRONMENT_FILE).touch()
        for plugins in ("extractors", "loaders"):
            if not (usual / plugins).is_dir():
                raise LoadFailed(f"This worker has no folder {usual / plugins}: run meltano install in {project}.")
            (folder / plugins).symlink_to(usual / plugins)

    def _read_state(self, url: str, state_id: str) -> str | None:
        try:
            return read_state(url, state_id)
        except StateUnreachable as error:
            raise LoadFailed(f"Meltano's state cannot be read by the connection {STATE}: {error}") from None

    def _run(
        self, folder: Path, command: list[str], variables: Mapping[str, str], lock: int
    ) -> list[meltano_log.Entry]:
        log: list[meltano_log.Entry] = []
        self._check_that_it_goes_on()
        with subprocess.Popen(  # noqa: S603 - the command is ours, and no shell reads it
            [sys.executable, "-I", "-S", guardian.__file__, str(folder), *command],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[lock],
            # A signal for this process's group is for the guardian only by way of its input.
            start_new_session=True,
        ) as self.process:
            try:
                self._check_that_it_goes_on()
                for line in self.process.stdout or ():
                    log.append(meltano_log.entry(line.rstrip()))
                    self.log.log(log[-1].level, "%s", log[-1])
            except BaseException:
                # Airflow's time limit interrupts here, and calls `on_kill` only when all of this has ended.
                self.on_kill()
                raise
            finally:
                code = self.process.wait()
        if code != 0:
            verdict = meltano_log.verdict(log)
            if verdict.startswith(meltano_log.MISCONFIGURED):
                raise AirflowFailException(verdict)
            raise LoadFailed(meltano_log.failure(log, self.loader.name))
        return log

    def _check_that_it_goes_on(self) -> None:
        """Stop if the task was ended before there was a process to end; Airflow itself does not stop it."""
        if self._is_ended:
            raise LoadFailed("The task was ended before Meltano started.")

    @override
    def on_kill(self) -> None:
        """End Meltano, the tap and the target: when the time is up, or somebody ends the task.

        It does not wait for that: it may be called while `execute` reads what they log, and that must go on.
        """
        self._is_ended = True
        if self.process is not None and self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()


class PublishTenant(BaseOperator):
    """Publishes its outlets when all loads of a tenant are done, if any of them brought something new.

    Args:
        kwargs: Arguments of `BaseOperator`.
    """

    @override
    def execute(self, context: Context) -> Loaded:
        """Add up what the loads before it have done."""
        done = [cast("Loaded", context["ti"].xcom_pull(task_ids=task)) for task in sorted(self.upstream_task_ids)]
        loaded = _total(done)
        _publish(self, context, loaded)
        return loaded


class RefuseTenant(BaseOperator):
    """Fails with the sentence that says why a tenant cannot be loaded.

    Args:
        reason: The sentence.
        kwargs: Arguments of `BaseOperator`.
    """

    def __init__(self, *, reason: str, **kwargs: Any) -> None:  # noqa: ANN401 - those of Airflow
        super().__init__(**kwargs)
        self.reason = reason

    @override
    def execute(self, context: Context) -> None:
        """Fail.

        Raises:
            AirflowFailException: In any case.
        """
        raise AirflowFailException(self.reason)


def _total(done: Iterable[Loaded]) -> Loaded:
    total = Loaded(rows={}, is_new=False)
    for each in done:
        total["is_new"] |= each["is_new"]
        for stream, count in each["rows"].items():
            total["rows"][stream] = total["rows"].get(stream, 0) + count
    return total


def _publish(task: BaseOperator, context: Context, loaded: Loaded) -> None:
    """Let Airflow publish the task's outlets with the numbers of rows, or none of them if nothing is new."""
    if not loaded["is_new"]:
        task.log.info("Nothing new was loaded, so no asset is published.")
        # Airflow publishes what the task's outlets are when it has ended.
        task.outlets = []
    for asset in task.outlets:
        context["outlet_events"][asset].extra = dict(loaded["rows"])
