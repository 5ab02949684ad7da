"""What a task starts ends with it, however it ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv.airflow import guardian
from tap_zuora_testenv.airflow.run_folders import run_folder
from tests.airflow.sessions import members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A grandchild that holds none of its parent's pipes, as the tap does not hold those of Meltano.
GRANDCHILD = "sleep 60 >/dev/null 2>&1 &"
STARTED = "echo started;"
REST = "exec sleep 60"
DEAF = "trap '' TERM;"


@contextmanager
def guarded(folder: Path, *script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a shell's script under a guardian, until it has printed its first line."""
    shell = ["sh", "-c", " ".join(script)]
    with subprocess.Popen(  # noqa: S603 - it is ours
        [sys.executable, "-I", "-S", guardian.__file__, str(folder), *shell],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


def assert_all_end(session: int) -> None:
    deadline = time.monotonic() + 10
    while left := members(session):
        assert time.monotonic() < deadline, left


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    (made / "tap.config.json").touch()
    return made


def test_the_exit_code_is_that_of_the_command(folder: Path) -> None:
    with guarded(folder, STARTED, "exit 7") as process:
        assert process.wait() == 7
    assert not folder.exists()


def test_a_command_that_was_killed_is_128_and_its_signal(folder: Path) -> None:
    with guarded(folder, STARTED, "kill -KILL $$") as process:
        assert process.wait() == 128 + signal.SIGKILL


def test_what_the_command_leaves_behind_is_ended(folder: Path) -> None:
    with guarded(folder, GRANDCHILD, STARTED, "exit 0") as process:
        assert process.wait() == 0
        assert_all_end(process.pid)


def test_the_end_of_the_input_ends_the_command_and_what_it_started(folder: Path) -> None:
    with guarded(folder, GRANDCHILD, STARTED, REST) as process:
        assert len(members(process.pid)) == 3
        assert process.stdin
        process.stdin.close()
        assert process.wait() == 128 + signal.SIGTERM
        assert_all_end(process.pid)
    assert not folder.exists()


def test_a_command_that_ignores_that_is_killed(folder: Path) -> None:
    with guarded(folder, DEAF, GRANDCHILD, STARTED, REST) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait() == 128 + signal.SIGKILL
        assert_all_end(process.pid)
    assert not folder.exists()


def test_airflow_does_not_kill_a_task_before_what_it_started_was_ended() -> None:
    # The supervisor of Airflow 3.3 waits 5 seconds between its signals.
    assert guardian.ENDING_TAKES_AT_MOST_SECONDS < 5


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has PR_SET_PDEATHSIG.")
def test_the_command_ends_with_its_guardian(folder: Path) -> None:
    with guarded(folder, "trap 'kill 0; exit' TERM;", STARTED, "sleep 60 & wait") as process:
        process.kill()
        assert_all_end(process.pid)


def test_a_guardian_ends_with_the_process_that_started_it(folder: Path) -> None:
    """The pipe of its input ends by SIGKILL as well."""
    command = [sys.executable, "-I", "-S", guardian.__file__, str(folder), "sh", "-c", f"{STARTED} {REST}"]
    starter = f"""
import subprocess, sys
process = subprocess.Popen({command!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
process.stdout.readline()
print(process.pid, flush=True)
process.wait()
"""
    line = [sys.executable, "-c", starter]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - it is ours
        assert process.stdout
        session = int(process.stdout.readline())
        assert len(members(session)) == 2
        process.kill()
    assert_all_end(session)
    assert not folder.exists()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"zuora-testenv-{os.getuid()}"


def test_the_folder_of_a_run_is_private_and_goes_with_it(temporary: Path) -> None:
    with run_folder() as (folder, _):
        (folder / "tap.config.json").touch()
        assert folder.parent == temporary
        assert {path.stat().st_mode & 0o777 for path in (folder, temporary)} == {0o700}
    assert list(temporary.iterdir()) == []


def test_a_run_removes_the_folders_of_runs_that_were_killed_and_no_others(temporary: Path) -> None:
    with run_folder() as (goes_on, _):
        killed = temporary / "killed"
        killed.mkdir()
        (killed / "tap.config.json").touch()
        with run_folder() as (folder, _):
            assert set(temporary.iterdir()) == {goes_on, folder}


def test_a_link_in_place_of_the_folder_of_all_runs_is_not_followed(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "of somebody").mkdir(parents=True)
    temporary.symlink_to(precious)
    with pytest.raises(OSError, match="zuora-testenv-"), run_folder():
        pytest.fail("There is a folder.")
    assert (precious / "of somebody").exists()
