"""The command `zuora-testenv-status` as a process: signals, its reader, and its last line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv import status
from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.outcome import RunEnded
from tests.started_process import start_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zuora_testenv.emulator.request_log import LoggedRequest
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.status.conftest import Command

COMMAND = [sys.executable, "-c", "from tap_zuora_testenv.status import main; main()"]
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]


@pytest.fixture
def start(command: Command) -> Iterator[Any]:
    """Start the command; a process that still runs at the end of the test is ended."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **conditions: Any) -> subprocess.Popen[str]:
        process = start_process(subprocess.Popen[str], [*COMMAND, command.config, *arguments], **conditions)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def busy(zuora: Zuora, sandbox: str) -> str:
    """A test environment in which a job runs forever."""
    zuora.put_job(sandbox, {"id": "j1", "jobType": "REFRESH", "status": "EXPORTING"})
    return sandbox


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and the last line."""
    _, errors = process.communicate(timeout=60)
    assert errors.endswith("\n")
    return process.returncode, errors.splitlines()[-1]


def test_the_last_line_is_the_verdict(start: Any) -> None:
    process = start()
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "Ready: Acme UAT is ready; no refresh yet.\n")
    assert output == "Acme UAT  ready        no refresh yet\n"


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_the_wait(start: Any, number: signal.Signals, code: int) -> None:
    # The program that started the tests may ignore it.
    process = start("--wait", actions={number: signal.SIG_DFL})
    assert process.stdout.readline().startswith("Acme UAT  busy ")
    process.send_signal(number)
    assert end(process) == (code, f"Stopped by {number.name}.")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_the_command_while_zuora_does_not_answer(
    start: Any, zuora: Zuora, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    arrived = threading.Event()

    def note(request: LoggedRequest) -> None:
        if request.method == "GET":
            arrived.set()

    monkeypatch.setattr(zuora.requests, "arrived", note)
    zuora.faults.add(Fault(path="/test-environments", delay_seconds=3600))
    process = start(actions={number: signal.SIG_DFL})
    assert arrived.wait(60)
    process.send_signal(number)
    assert end(process) == (code, f"Stopped by {number.name}.")


@pytest.mark.usefixtures("busy")
def test_a_hangup_that_is_ignored_at_the_start_stays_ignored(start: Any) -> None:
    process = start("--wait", actions={signal.SIGHUP: signal.SIG_IGN})
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert end(process) == (143, "Stopped by SIGTERM.")


def test_a_reader_that_went_away_is_not_reported_as_an_answer(start: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(stdout=writing)
    os.close(writing)
    assert end(process) == (1, "Unknown: the output cannot be written (Broken pipe).")


def test_without_an_output_there_is_an_answer(start: Any) -> None:
    process = start(closed=1)
    assert end(process) == (0, "Ready: Acme UAT is ready; no refresh yet.")


def test_a_name_that_the_console_cannot_show_is_escaped(start: Any, zuora: Zuora, sandbox: str) -> None:
    zuora.put_environment({"id": sandbox, "tenantName": "Acm\u00e9", "status": "ACTIVE"})
    process = start(environ={"PYTHONIOENCODING": "ascii"})
    output, _ = process.communicate(timeout=60)
    assert output == "Acm\\xe9  ready        no refresh yet\n"


def test_a_signal_just_before_the_last_line_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], process: None
) -> None:
    del process

    def interrupt() -> tuple[int, str]:
        raise RunEnded(143, "Stopped by SIGTERM.")

    monkeypatch.setattr(status, "run", interrupt)
    monkeypatch.setattr(status, "redact_log_records", lambda: None)
    with pytest.raises(SystemExit) as ended:
        status.main()
    assert (ended.value.code, capsys.readouterr().err) == (143, "Stopped by SIGTERM.\n")


def test_help_ends_without_a_last_line(start: Any) -> None:
    process = start("--help")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("Usage: zuora-testenv-status ")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_without_a_stream_nothing_breaks(monkeypatch: pytest.MonkeyPatch, process: None, stream: str) -> None:
    del process
    monkeypatch.setattr(status, "run", lambda: (0, "Ready: it is."))
    monkeypatch.setattr(status, "redact_log_records", lambda: None)
    monkeypatch.setattr(sys, stream, None)
    with pytest.raises(SystemExit) as ended:
        status.main()
    assert ended.value.code == 0
