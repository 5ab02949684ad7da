"""The command as a process: exit codes, the last line, signals, pipes, and what is in its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID
from tests.started_process import CONDITIONS, start_process
from tests.tap.consumer import accept
from tests.tap.running import E1, E2, E3, JOBS, environment, job, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tap_zuora_testenv.emulator.zuora import Zuora

SECRET = "s3cr3t+/ of mine"
COMMAND = [sys.executable, "-c", "from tap_zuora_testenv.cli import main; main()"]

FOREIGN_LOG_CONFIG = """
version: 1
disable_existing_loggers: false
formatters:
  structured: {(): singer_sdk.logging.StructuredFormatter}
handlers:
  console: {class: logging.StreamHandler, formatter: structured, stream: ext://sys.stderr}
root: {level: DEBUG, handlers: [console], propagate: true}
"""


class Command(subprocess.Popen[str]):
    """A running command whose messages a target must accept."""

    @override
    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        output, errors = super().communicate(input, timeout)
        # A test that has read the beginning itself has read the schema.
        if output and output.startswith('{"type":"SCHEMA"'):
            accept(output.splitlines())
        return output, errors


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    zuora.tokens.client_secret = SECRET
    zuora.put_environment(environment(E1))
    for number in range(30):
        zuora.put_job(E1, job(number))


@pytest.fixture
def start(server: EmulatorServer, tmp_path: Path) -> Iterator[Any]:
    """Start the command with these settings; a process that still runs at the end of the test is ended."""
    running: list[Command] = []

    def begin(*arguments: str, **given: Any) -> Command:
        conditions = {name: given.pop(name) for name in CONDITIONS if name in given}
        config = {"base_url": server.url, "client_id": DEMO_CLIENT_ID, "client_secret": SECRET, **given}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        process = start_process(Command, [*COMMAND, "--config", str(path), *arguments], **conditions)
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def last_line(errors: str) -> str:
    assert errors.endswith("\n")
    return errors.splitlines()[-1]


def test_all_done_exits_0_and_the_last_line_says_what_was_emitted(start: Any) -> None:
    process = start()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert last_line(errors) == "Done: emitted 30 jobs and 1 test environment."
    assert [json.loads(line)["type"] for line in output.splitlines()].count("RECORD") == 31


def test_what_failed_exits_1_and_the_last_line_says_why(start: Any, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments", status=400))
    process = start()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert last_line(errors).startswith("Stopped: GET /test-environments at 127.0.0.1:")
    assert "Traceback" not in errors


def test_a_bug_shows_its_traceback_and_asks_to_be_reported(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = "from tap_zuora_testenv import cli, streams; streams.JobsStream.get_rows = lambda *_: 1 / 0; cli.main()"
    monkeypatch.setitem(globals(), "COMMAND", [sys.executable, "-c", bug])
    process = start()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" in errors
    assert last_line(errors).startswith("Stopped: a bug in tap-zuora-testenv")


def test_a_dry_run_emits_one_record_per_stream_and_ends_without_an_error(start: Any) -> None:
    process = start("--test")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["type"] for line in output.splitlines()].count("RECORD") == 2
    assert E1 not in [line for line in output.splitlines() if json.loads(line)["type"] == "STATE"][-1]
    assert "ERROR" not in errors
    assert last_line(errors) == "Done: a run would emit 30 jobs and 1 test environment."


def test_a_dry_run_reports_what_works_and_what_does_not(start: Any, zuora: Zuora) -> None:
    zuora.permission = False
    process = start("--test")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert [line.split()[0] for line in errors.splitlines()[-5:-1]] == ["yes", "yes", "no", "?"]
    # What was not read is not counted.
    assert errors.splitlines()[-2] == "    ?  everything requested can be read"
    assert last_line(errors).startswith("Misconfigured: GET /test-environments at ")


def test_a_dry_run_on_a_terminal_prints_only_its_checks(start: Any) -> None:
    leader, follower = os.openpty()
    process = start("--test", stdout=follower)
    os.close(follower)
    _, errors = process.communicate(timeout=60)
    with suppress(OSError):
        # At its end, a terminal without a writer is an error.
        assert os.read(leader, 1) == b""
    os.close(leader)
    assert process.returncode == 0
    assert last_line(errors) == "Done: a run would emit 30 jobs and 1 test environment."


def test_a_dry_run_of_the_schemas_says_how_many_it_wrote(start: Any) -> None:
    process = start("--test=schema")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["type"] for line in output.splitlines()] == ["SCHEMA", "SCHEMA"]
    assert last_line(errors) == "Done: wrote 2 schemas."


@pytest.mark.parametrize("stream_maps", [{JOBS: None}, {JOBS: {"__filter__": "False"}}])
def test_what_the_stream_maps_filter_out_is_not_counted(start: Any, stream_maps: Any) -> None:
    process = start(stream_maps=stream_maps)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, last_line(errors)) == (0, "Done: emitted 1 test environment.")
    process = start("--test", stream_maps=stream_maps)
    _, errors = process.communicate(timeout=60)
    assert last_line(errors) == "Done: a run would emit 1 test environment."


def test_a_dry_run_emits_a_record_that_the_filter_lets_through_and_counts_all_of_them(start: Any) -> None:
    wanted = job(20)["id"]
    process = start("--test", stream_maps={JOBS: {"__filter__": f"id >= '{wanted}'"}})
    output, errors = process.communicate(timeout=60)
    records = [json.loads(line) for line in output.splitlines() if '"RECORD"' in line]
    assert [each["record"]["id"] for each in records if each["stream"] == JOBS] == [wanted]
    assert last_line(errors) == "Done: a run would emit 10 jobs and 1 test environment."


def test_records_are_counted_under_the_stream_that_they_come_from(start: Any) -> None:
    process = start(stream_maps={JOBS: {"__alias__": "refreshes"}, "test_environments": None})
    _, errors = process.communicate(timeout=60)
    assert last_line(errors) == "Done: emitted 30 jobs."


def test_a_run_whose_records_are_all_filtered_out_says_so(start: Any) -> None:
    process = start(stream_maps={JOBS: None, "test_environments": None})
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert last_line(errors) == "Done: the stream maps removed all of 30 jobs and 1 test environment."


def test_a_dry_run_requests_every_named_job(start: Any, zuora: Zuora) -> None:
    process = start("--test", test_environments=[{"id": E1, "job_ids": [job(number)["id"] for number in range(30)]}])
    _, errors = process.communicate(timeout=60)
    assert last_line(errors) == "Done: a run would emit 30 jobs and 1 test environment."
    assert len(paths(zuora)) == 31


def test_a_dry_run_does_not_claim_that_a_missing_job_can_be_read(start: Any) -> None:
    process = start("--test", test_environments=[{"id": E1, "job_ids": [job(0)["id"], "missing", job(1)["id"]]}])
    _, errors = process.communicate(timeout=60)
    lines = errors.splitlines()
    assert "   no  everything requested can be read: 2 jobs, 1 test environment" in lines
    assert lines[-1].startswith(
        "Done: a run would emit 2 jobs and 1 test environment; Zuora does not have the job missing"
    )


def test_a_dry_run_whose_first_named_job_is_missing_finds_the_others(start: Any) -> None:
    process = start("--test", test_environments=[{"id": E1, "job_ids": ["missing", job(1)["id"]]}])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert last_line(errors).startswith("Done: a run would emit 1 job and 1 test environment; ")


def test_a_dry_run_that_is_refused_says_why_in_its_last_line(start: Any) -> None:
    process = start("--test", max_attempts=0)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert last_line(errors) == "Misconfigured: Setting `max_attempts` must be a whole number from 1 to 20."


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_run_with_the_state_of_what_was_emitted(
    start: Any, zuora: Zuora, number: signal.Signals, code: int
) -> None:
    zuora.put_environment(environment(E2))
    zuora.put_job(E2, job(100, E2))
    zuora.put_environment(environment(E3))
    zuora.faults.add(Fault(f"/test-environments/{E3}/jobs", delay_seconds=60))
    # The program that started the tests may ignore it.
    process = start(actions={number: signal.SIG_DFL})
    lines: list[str] = []
    # When a record of the second environment is out, the first is done; the third keeps the tap waiting.
    for line in process.stdout:
        lines.append(line)
        if job(100)["id"] in line:
            break
    process.send_signal(number)
    lines += process.stdout.readlines()
    accept(lines)
    errors = process.stderr.read()
    assert process.wait(timeout=5) == code
    states = [each["value"] for each in map(json.loads, lines) if each["type"] == "STATE"]
    done = [partition["context"]["testEnvironmentId"] for partition in states[-1]["bookmarks"][JOBS]["partitions"]]
    assert done[0] == E1
    assert E3 not in done
    assert last_line(errors) == f"Stopped by {number.name}."
    assert "Traceback" not in errors


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")  # noqa: PTH110
def test_a_full_disk_stops_the_run_with_its_reason(start: Any) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        process = start(stdout=full)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert last_line(errors) == "Stopped: the output cannot be written (No space left on device)."
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_a_closed_output_stops_the_run_with_its_reason(start: Any) -> None:
    process = start(closed=1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert last_line(errors) == "Stopped: the output cannot be written (Bad file descriptor)."
    assert "Traceback" not in errors


def test_without_an_error_output_nothing_but_messages_is_written(start: Any) -> None:
    process = start("--test", closed=2)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert {json.loads(line)["type"] for line in output.splitlines()} == {"SCHEMA", "RECORD", "STATE"}


@pytest.mark.parametrize("option", ["--about", "--discover", "--help"])
def test_a_reader_that_leaves_before_a_description_ends_is_not_an_error(start: Any, option: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(option, stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in {0, 1}
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_a_hangup_that_is_ignored_at_the_start_stays_ignored(start: Any, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments", times=1, delay_seconds=1.0))
    process = start(actions={signal.SIGHUP: signal.SIG_IGN})
    # The SCHEMA is written, so the tap has set its handlers up.
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, last_line(errors)) == (0, "Done: emitted 30 jobs and 1 test environment.")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_ctrl_c_while_the_settings_are_awaited_ends_the_run_without_a_traceback(start: Any, tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    os.mkfifo(settings)
    process = start("--config", str(settings))
    # Opened when the tap has opened it too, and then waits for text that never comes.
    with settings.open("wb"):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert last_line(errors) == "Stopped by SIGINT."
    assert "Traceback" not in errors


def test_what_has_nothing_to_say_leaves_the_log_empty(start: Any) -> None:
    process = start("--version")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("tap-zuora-testenv v")


def test_a_signal_while_nobody_reads_ends_the_run_anyway(start: Any, zuora: Zuora) -> None:
    for number in range(30, 1500):
        zuora.put_job(E1, job(number, updated="2026-01-01T00:00:00Z"))
    process = start()
    # The first line is out; the rest fills the pipe.
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=6)
    assert process.returncode == 143


def test_a_reader_that_goes_away_ends_it_quietly(start: Any, zuora: Zuora) -> None:
    for number in range(30, 1500):
        zuora.put_job(E1, job(number, updated="2026-01-01T00:00:00Z"))
    process = start()
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=10) == 1
    assert last_line(errors) == "Stopped: the reader of the output went away."
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("echo", ["", f"unknown client {SECRET}"])
def test_no_secret_is_in_any_output_at_debug_level(
    start: Any, zuora: Zuora, tmp_path: Path, *, foreign: bool, echo: str
) -> None:
    token = zuora.tokens.issue("T0ken-that-nobody-may-see")
    zuora.faults.add(Fault("/oauth/token", times=1, status=500, json={"message": echo}))
    zuora.faults.add(Fault("/oauth/token", status=200, json={"access_token": token, "expires_in": 3599}))
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=500, body=f"{echo} Bearer {token} " + "x" * 5000))
    environ = {"LOGLEVEL": "DEBUG", "TAP_ZUORA_TESTENV_LOGLEVEL": "DEBUG"}
    if foreign:
        config = tmp_path / "logging.yaml"
        config.write_text(FOREIGN_LOG_CONFIG, encoding="utf-8")
        environ["SINGER_SDK_LOG_CONFIG"] = str(config)
    process = start(environ=environ, max_attempts=2)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "answered 500" in last_line(errors)
    for text in (output, errors):
        assert SECRET not in text
        assert token not in text
        assert "x" * 201 not in text
    assert ('"level":"debug"' in errors) == foreign


ECHOES = [
    "s3cr3t%2b%2f%20of%20mine",
    "s3cr3t+\\/ of mine",
    "s3cr3t\\u002b/\\u0020of mine",
    "s3cr3t&plus;&#47;&#x20;of mine",
    "s3cr3t&#43;\\u002f%20of+mine",
    "&amp;#115;3cr3t%252B%252F%2520of%2520mine",
]


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("echo", ECHOES)
def test_no_encoding_of_a_secret_is_in_the_log(start: Any, zuora: Zuora, echo: str, status: int) -> None:
    zuora.faults.add(Fault("/oauth/token", status=status, json={"message": f"unknown client <{echo}>"}))
    _, errors = start(environ={"LOGLEVEL": "DEBUG"}).communicate(timeout=60)
    assert 'saying "unknown client <***>"' in last_line(errors)
    assert "s3cr3t" not in errors
    assert "mine" not in errors


def test_invisible_characters_stay_out_of_the_log_but_not_out_of_the_records(start: Any, zuora: Zuora) -> None:
    unseen = "\u202e\u2066\u200b\ufeff\u00ad\x1b[31m\x07\r"
    zuora.put_job(E1, {"id": f"un{unseen}seen", "createdById": unseen, "jobEndTime": unseen, f"field{unseen}": 1})
    path = f"/test-environments/{E2}/jobs"
    headers = {"Zuora-Request-Id": "un\u00adseen"}
    zuora.faults.add(Fault(path, status=400, json={"message": f"a{unseen}b", "processId": unseen}, headers=headers))
    output, errors = start(test_environments=[E1, E2], environ={"LOGLEVEL": "DEBUG"}).communicate(timeout=60)
    (record,) = (
        each["record"]
        for each in map(json.loads, output.splitlines())
        if unseen in each.get("record", {}).get("id", "")
    )
    assert record["createdById"] == unseen
    assert "its jobEndTime is not of its type and becomes null" in errors
    assert "unknown field" in errors
    assert 'saying "a [31m b"' in last_line(errors)
    assert all(line.isprintable() for line in errors.splitlines())


def test_the_log_does_not_grow_with_the_number_of_jobs(start: Any, zuora: Zuora) -> None:
    for number in range(30, 1000):
        zuora.put_job(E1, job(number, updated="2026-01-01T00:00:00Z"))
    process = start()
    _, errors = process.communicate(timeout=60)
    lines = errors.splitlines()
    assert len(lines) <= 12
    assert sum("record_count" in line for line in lines) == 2
    assert sum("sync_duration" in line for line in lines) == 2
    # A count for all test environments does not name one of them.
    assert E1 not in errors
    assert paths(zuora, "POST") == ["/oauth/token"]


def test_a_netrc_file_does_not_replace_the_token(start: Any, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    process = start(environ={"NETRC": str(netrc)})
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_loopback_host_is_not_requested_through_a_proxy_whose_password_is_not_logged(start: Any) -> None:
    environ = {"HTTP_PROXY": "http://user:pr0xy-word@127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    process = start(environ={**environ, "http_proxy": environ["HTTP_PROXY"], "LOGLEVEL": "DEBUG"}, max_attempts=1)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "pr0xy-word" not in errors


def test_a_proxy_of_the_environment_is_used_and_its_password_is_not_logged(start: Any) -> None:
    # The name is never looked up: the proxy would do that.
    environ = {"HTTPS_PROXY": "http://user:pr0xy-word@127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    environ |= {"https_proxy": environ["HTTPS_PROXY"], "LOGLEVEL": "DEBUG"}
    process = start(environ=environ, max_attempts=1, base_url="https://rest.zuora.invalid")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "proxy" in last_line(errors)
    assert "pr0xy-word" not in errors
