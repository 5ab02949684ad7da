"""The command `zuora-testenv-status`: what it prints, how it ends, and what it waits for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker

from tap_zuora_testenv import status
from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.observation import Observer
from tap_zuora_testenv.tap import TapZuoraTestenv

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.status.conftest import Command, MovedClock

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((CHECKOUT / "schemas" / "status.json").read_text(encoding="utf-8"))
HOUR = 3600
LIST = "/test-environments"


def gets(zuora: Zuora) -> list[str]:
    return [each.path for each in zuora.requests if each.method == "GET"]


def tokens(zuora: Zuora) -> int:
    return sum(each.method == "POST" for each in zuora.requests)


def environment(identity: str, name: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": identity, "tenantName": name or f"Acme {identity}", "status": "ACTIVE", **fields}


def job(status: str, identity: str = "j1", **fields: Any) -> dict[str, Any]:
    return {"id": identity, "jobType": "REFRESH", "status": status, **fields}


@pytest.fixture
def running(zuora: Zuora, sandbox: str, clock: MovedClock) -> str:
    """A refresh that has been running for a few minutes, and will be completed after ten and a half hours."""
    refresh = zuora.create_refresh(sandbox, fails=False)
    clock.zuora_clock.advance(600)
    return refresh


# One look


def test_a_test_environment_is_ready_at_once(command: Command, zuora: Zuora, sandbox: str) -> None:
    ran = command()
    assert (ran.code, ran.verdict) == (0, "Ready: Acme UAT is ready; no refresh yet.")
    assert ran.out == "Acme UAT  ready        no refresh yet\n"
    assert gets(zuora) == [LIST, f"{LIST}/{sandbox}/jobs"]


@pytest.mark.usefixtures("running")
def test_without_wait_a_running_refresh_is_something_to_wait_for(command: Command) -> None:
    ran = command()
    job_and_more = "REFRESH QUEUED 0 %, expected 2026-03-01 11:35 UTC; no refresh yet"
    assert (ran.code, ran.verdict) == (3, f"Waiting: Acme UAT is busy; {job_and_more}.")
    assert ran.out == f"Acme UAT  busy         {job_and_more}\n"


def test_a_wait_for_what_is_ready_ends_after_one_look(command: Command, zuora: Zuora, clock: MovedClock) -> None:
    ran = command("--wait")
    assert (ran.code, len(gets(zuora)), clock.waited) == (0, 2, [])


@pytest.mark.parametrize(
    ("row", "jobs", "code", "state"),
    [
        ({"status": "DEACTIVATED"}, [], 4, "is unavailable; status DEACTIVATED; no refresh yet"),
        ({"status": "DELETED"}, [job("QUEUED")], 3, "is unavailable; REFRESH QUEUED 0 %; no refresh yet"),
        ({"status": "RESTING"}, [], 3, "is unknown; status RESTING; no refresh yet"),
        ({"status": None}, [], 3, "is unknown; no status; no refresh yet"),
        ({"status": "PROCESSING"}, [], 3, "is busy; status PROCESSING; no refresh yet"),
        (
            {},
            [job("FAILED", jobStartTime="2026-02-01T00:00:00Z", jobEndTime="2026-02-01T05:00:00Z")],
            4,
            "needs a check; status ACTIVE; last refresh failed 2026-02-01 05:00 UTC",
        ),
        ({}, [job("COMPLETED")], 0, "is ready; last refresh completed"),
    ],
)
def test_a_state_has_its_exit_code(
    command: Command, zuora: Zuora, row: dict[str, Any], jobs: list[dict[str, Any]], code: int, state: str
) -> None:
    zuora.put_environment(environment("E1") | row)
    for each in jobs:
        zuora.put_job("E1", each)
    ran = command("--environment", "E1")
    assert (ran.code, ran.verdict.partition(": ")[2]) == (code, f"Acme E1 {state}.")


def test_the_environment_in_the_worst_state_decides(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1", status="PROCESSING"))
    zuora.put_environment(environment("E2", status="DEACTIVATED"))
    zuora.put_environment(environment("E3", status="DEACTIVATED"))
    ran = command()
    reason = "Acme E2 is unavailable; status DEACTIVATED; no refresh yet (and 1 more, named above)"
    assert (ran.code, ran.verdict) == (4, f"Over: {reason}.")
    assert [line.split()[:3] for line in ran.lines] == [
        ["Acme", "UAT", "ready"], ["Acme", "E1", "busy"], ["Acme", "E2", "unavailable"], ["Acme", "E3", "unavailable"],
    ]  # fmt: skip


def test_several_that_are_ready_are_counted(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1", nextRefreshTime="2026-03-05T12:00:00Z"))
    ran = command()
    assert (ran.code, ran.verdict) == (0, "Ready: all 2 test environments are ready.")
    assert ran.lines[1] == "Acme E1   ready        no refresh yet; next allowed 2026-03-05 12:00 UTC"


# What is looked at


def test_a_name_means_every_environment_that_has_it(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1", "Training"))
    zuora.put_environment(environment("E2", "Training"))
    ran = command("--name", "Training")
    assert [line.split("  ")[0] for line in ran.lines] == ["Training (E1)", "Training (E2)"]


def test_names_and_ids_are_looked_at_once_each(command: Command, zuora: Zuora) -> None:
    for each in ("E1", "E2", "E3"):
        zuora.put_environment(environment(each))
    ran = command("--environment", "e1", "--environment=E1", "--name", "Acme E1", "--name", "Acme E3")
    assert [line.split("  ")[0] for line in ran.lines] == ["Acme E1", "Acme E3"]


def test_the_setting_names_what_is_looked_at(command: Command, zuora: Zuora) -> None:
    for each in ("E1", "E2", "E3"):
        zuora.put_environment(environment(each))
    ran = command(test_environments=["E3", {"id": "E1", "job_ids": ["j1"]}])
    assert [line.split("  ")[0] for line in ran.lines] == ["Acme E3", "Acme E1"]
    assert [line.split("  ")[0] for line in command("--environment=E2").lines] == ["Acme E2"]


def test_an_environment_that_the_list_lacks_is_requested_by_its_id(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1"))
    zuora.faults.add(Fault(path=LIST, json={"size": 0, "result": []}))
    ran = command("--environment", "E1")
    assert (ran.code, gets(zuora)) == (0, [LIST, f"{LIST}/E1", f"{LIST}/E1/jobs"])


def test_an_unknown_name_is_a_mistake(command: Command) -> None:
    ran = command("--name", "Acme\x1b UTA", "--wait")
    assert (ran.code, ran.verdict) == (2, r"Misconfigured: Zuora has no test environment with the name 'Acme\x1b UTA'.")


def test_an_unknown_id_is_a_mistake(command: Command) -> None:
    ran = command("--environment", "E9", "--wait")
    assert ran.code == 2
    assert ran.verdict.startswith(
        "Misconfigured: Zuora does not have the test environment E9 (GET /test-environments/E9"
    )


def test_no_environment_at_all_is_a_mistake(command: Command, zuora: Zuora, sandbox: str) -> None:
    zuora.remove_environment(sandbox)
    ran = command("--wait")
    assert (ran.code, ran.verdict) == (
        2, "Misconfigured: Zuora lists no test environment for these credentials; check base_url and entity_id.",
    )  # fmt: skip


def test_a_list_that_is_not_whole_does_not_decide_what_all_are(command: Command, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path=LIST, json={"result": [environment("E1"), "torn"]}))
    ran = command("--wait")
    assert ran.code == 1
    assert ran.verdict.startswith("Unknown: GET /test-environments at ")
    assert "element 2 of the list" in ran.verdict


def test_jobs_that_are_not_whole_do_not_decide_anything(command: Command, zuora: Zuora, sandbox: str) -> None:
    zuora.faults.add(Fault(path=f"{LIST}/{sandbox}/jobs", json={"result": [], "nextPage": "/more"}))
    ran = command("--json")
    assert ran.code == 1
    assert "another page" in ran.verdict
    (document,) = ran.documents
    assert (document["readiness"], document["exit_code"]) == (None, 1)
    assert "another page" in document["error"]


# What it waits for


def test_a_wait_ends_when_the_refresh_is_completed(
    command: Command, zuora: Zuora, running: str, sandbox: str, clock: MovedClock
) -> None:
    ran = command("--wait")
    ended = "last refresh completed 2026-03-01 10:33 UTC"
    assert (ran.code, ran.verdict) == (0, f"Ready: Acme UAT is ready; {ended}.")
    assert ran.lines[-1] == f"Acme UAT  ready        {ended}; next allowed 2026-03-29 10:33 UTC"
    assert set(gets(zuora)) == {LIST, f"{LIST}/{sandbox}/jobs"}
    assert zuora.jobs(sandbox)[0]["id"] == running
    # The refresh is noticed at most five minutes after its end.
    assert clock.zuora_clock.now().isoformat() < "2026-03-01T10:39"


@pytest.mark.usefixtures("running")
def test_a_wait_sends_at_most_ninety_requests_per_hour(command: Command, zuora: Zuora, clock: MovedClock) -> None:
    assert command("--wait").code == 0
    assert len(zuora.requests) / (sum(clock.waited) / HOUR) < 90


@pytest.mark.usefixtures("running")
def test_a_line_is_printed_per_change_of_status_and_per_ten_minutes(command: Command) -> None:
    lines = command("--wait").lines
    steps = list(dict.fromkeys(line.split()[4] for line in lines if "REFRESH" in line))
    assert steps == [
        "QUEUED",
        "INITIATED",
        "DEPROVISIONING",
        "EXPORTING",
        "SCRUBBING",
        "RESETTING",
        "IMPORTING",
        "FINALIZING",
    ]
    # 10 h 23 min, and 9 changes.
    assert 45 < len(lines) <= 62 + 9


def test_the_pause_grows_while_nothing_changes(command: Command, zuora: Zuora, sandbox: str, clock: MovedClock) -> None:
    zuora.put_job(sandbox, job("EXPORTING"))
    clock.at(1500, lambda: zuora.put_job(sandbox, job("IMPORTING")))
    ran = command("--wait", "--timeout=45m")
    assert clock.waited[:9] == [60, 90, 135, 202.5, 300, 300, 300, 300, 60]
    assert sum(clock.waited) == 45 * 60
    assert len(ran.lines) == 5


def test_a_long_every_is_kept(command: Command, zuora: Zuora, sandbox: str, clock: MovedClock) -> None:
    zuora.put_job(sandbox, job("EXPORTING"))
    assert command("--wait", "--every=20m", "--timeout=1h").code == 3
    assert clock.waited == [1200] * 3


@pytest.mark.usefixtures("running")
def test_a_timeout_ends_the_wait(command: Command, clock: MovedClock) -> None:
    ran = command("--wait", "--timeout=100", "--every=60s")
    assert (ran.code, ran.verdict.split(";")[0], ran.verdict.split("; ")[-1]) == (
        3, "Waiting: Acme UAT is busy", "--timeout is over.",
    )  # fmt: skip
    assert clock.waited == [60, 40]


def test_a_refresh_that_fails_meanwhile_ends_the_wait(
    command: Command, zuora: Zuora, sandbox: str, clock: MovedClock
) -> None:
    zuora.create_refresh(sandbox, fails=True)
    clock.zuora_clock.advance(120)
    ran = command("--wait")
    assert ran.code == 4
    assert ran.verdict.startswith("Over: Acme UAT needs a check; status ACTIVE; last refresh failed 2026-03-01 ")


def test_a_refresh_that_is_cancelled_before_it_starts_ends_the_wait(
    command: Command, zuora: Zuora, sandbox: str, clock: MovedClock
) -> None:
    zuora.put_job(sandbox, job("QUEUED"))
    clock.at(600, lambda: zuora.put_job(sandbox, job("CANCELLED")))
    ran = command("--wait")
    assert (ran.code, ran.verdict) == (4, "Over: Acme UAT is ready; last refresh cancelled.")


def test_a_refresh_that_fails_while_the_environment_is_still_processing_ends_the_wait(
    command: Command, zuora: Zuora, clock: MovedClock
) -> None:
    zuora.put_environment(environment("E1", status="PROCESSING"))
    zuora.put_job("E1", job("EXPORTING"))
    clock.at(600, lambda: zuora.put_job("E1", job("FAILED")))
    ran = command("--wait", "--environment=E1")
    assert (ran.code, ran.verdict) == (4, "Over: Acme E1 is busy; status PROCESSING; last refresh failed.")


def test_another_refresh_after_one_that_failed_is_waited_for(
    command: Command, zuora: Zuora, sandbox: str, clock: MovedClock
) -> None:
    def fail_and_start_again() -> None:
        zuora.put_job(sandbox, job("FAILED", jobEndTime="2026-03-01T00:05:00Z"))
        zuora.put_job(sandbox, job("EXPORTING", "j2"))

    zuora.put_job(sandbox, job("EXPORTING"))
    clock.at(600, fail_and_start_again)
    clock.at(3600, lambda: zuora.put_job(sandbox, job("COMPLETED", "j2", jobEndTime="2026-03-01T01:00:00Z")))
    assert command("--wait").code == 0


def test_one_that_is_over_ends_the_wait_for_all(command: Command, zuora: Zuora, clock: MovedClock) -> None:
    zuora.put_environment(environment("E1", status="PROCESSING"))
    zuora.put_environment(environment("E2", status="PROCESSING"))
    clock.at(600, lambda: zuora.put_environment(environment("E2", status="DEACTIVATED")))
    ran = command("--wait")
    assert (ran.code, ran.verdict[:19]) == (4, "Over: Acme E2 is un")


def test_an_environment_that_vanishes_from_the_list_is_waited_for(
    command: Command, zuora: Zuora, clock: MovedClock
) -> None:
    zuora.put_environment(environment("E1", status="PROCESSING"))
    clock.at(600, lambda: zuora.remove_environment("E1"))
    clock.at(3600, lambda: zuora.put_environment(environment("E1")))
    ran = command("--wait", "--environment=E1")
    assert ran.code == 0
    assert list(dict.fromkeys(line.split()[2] for line in ran.lines)) == ["busy", "unknown", "ready"]


# Faults


@pytest.mark.parametrize("path", [LIST, f"{LIST}/*/jobs", "/oauth/token", "*"])
def test_a_fault_of_an_hour_does_not_end_the_wait(
    command: Command, zuora: Zuora, running: str, clock: MovedClock, path: str
) -> None:
    assert running
    clock.at(HOUR, zuora.tokens.expire)
    clock.at(HOUR, lambda: zuora.faults.add(Fault(path=path, status=503)))
    clock.at(2 * HOUR, zuora.faults.clear)
    ran = command("--wait")
    assert ran.code == 0
    assert "Zuora has a temporary fault" in ran.out + ran.err


def test_a_long_wait_that_zuora_asks_for_does_not_end_the_wait(
    command: Command, zuora: Zuora, running: str, clock: MovedClock
) -> None:
    assert running
    zuora.faults.add(Fault(path=LIST, after=3, times=2, status=429, headers={"Retry-After": "7200"}))
    ran = command("--wait")
    assert ran.code == 0
    assert ran.err.count("it asks to wait 7,200 s") == 2
    # After that, nothing is sent for the longest time that the client would have waited.
    assert clock.waited[3:5] == [600, 600]


def test_a_fault_at_the_beginning_does_not_end_the_wait(command: Command, zuora: Zuora, clock: MovedClock) -> None:
    zuora.faults.add(Fault(status=503))
    clock.at(HOUR, zuora.faults.clear)
    assert command("--wait").code == 0


def test_without_wait_a_fault_means_unknown(command: Command, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path=LIST, status=503))
    ran = command()
    assert (ran.code, ran.verdict[:40]) == (1, "Unknown: GET /test-environments at 127.0")


def test_a_fault_at_the_timeout_means_unknown(command: Command, zuora: Zuora, sandbox: str, clock: MovedClock) -> None:
    zuora.put_job(sandbox, job("EXPORTING"))
    clock.at(600, lambda: zuora.faults.add(Fault(path="*/jobs", status=503)))
    ran = command("--wait", "--timeout=1h")
    assert (ran.code, ran.verdict.split("; ")[-1]) == (1, "--timeout is over.")
    assert ran.lines[-1].startswith("Acme UAT  unknown      GET /test-environments/")


def test_a_token_that_expires_meanwhile_is_renewed(
    command: Command, zuora: Zuora, running: str, clock: MovedClock
) -> None:
    assert running
    clock.at(5 * HOUR, zuora.tokens.expire)
    assert command("--wait").code == 0
    assert sum(each.authorization == "expired" for each in zuora.requests) == 1
    # One per 55 minutes.
    assert tokens(zuora) == 12


def test_refused_credentials_are_a_mistake(command: Command) -> None:
    ran = command("--wait", client_secret="another one")
    assert (ran.code, ran.verdict[:38]) == (2, "Misconfigured: POST /oauth/token at 12")
    assert "another one" not in ran.err + ran.verdict


def test_a_missing_permission_is_a_mistake(command: Command, zuora: Zuora) -> None:
    zuora.permission = False
    ran = command("--wait")
    assert (ran.code, ran.verdict[:32]) == (2, "Misconfigured: GET /test-environ"[:32])
    assert "Refresh Central Sandbox" in ran.verdict


def test_a_permission_that_is_taken_away_meanwhile_ends_the_wait(
    command: Command, zuora: Zuora, running: str, clock: MovedClock
) -> None:
    assert running
    clock.at(600, lambda: setattr(zuora, "permission", False))
    assert command("--wait").code == 2


# The command line


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--every=14s"], "Invalid value for '--every': it must be a time span such as 90s, 5m or 24h, at least 15s."),
        (["--every=1d"], "Invalid value for '--every': it must be a time span such as 90s, 5m or 24h, at least 15s."),
        (["--timeout=-1"], "Invalid value for '--timeout': it must be a time span such as 90s, 5m or 24h."),
        (
            ["--environment=../E"],
            "Invalid value for '--environment': it must be an id of letters, digits, - and _, at most 128 of them.",
        ),
        (["E1"], "An argument is not an option; --help lists the options, and a file of settings needs --config."),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(
    command: Command, zuora: Zuora, arguments: list[str], reason: str
) -> None:
    ran = command("--wait", *arguments)
    assert (ran.code, ran.verdict) == (2, f"Misconfigured: {reason}")
    assert not list(zuora.requests)


def test_the_settings_are_validated_as_those_of_the_tap(command: Command, zuora: Zuora) -> None:
    ran = command(base_url="http://example.com", max_attempts=99)
    assert (ran.code, ran.verdict.split(" must be ")[0]) == (2, "Misconfigured: Setting `max_attempts`")
    assert "Setting `base_url` must be" in ran.err + ran.verdict or "1 more above" in ran.verdict
    assert not list(zuora.requests)


def test_a_file_that_is_not_there_is_a_mistake(command: Command) -> None:
    ran = command("--config=nowhere.json")
    assert ran.code == 2
    assert ran.verdict.endswith("nowhere.json: there is no such file.")


def test_the_settings_may_be_in_the_environment(
    command: Command, zuora: Zuora, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in command.settings.items():
        monkeypatch.setenv(f"TAP_ZUORA_TESTENV_{name.upper()}", value)
    command.settings = {}
    monkeypatch.setenv("TAP_ZUORA_TESTENV_TRACK_ID", "who waits")
    assert command("--config=ENV").code == 0
    assert {each.headers.get("zuora-track-id") for each in zuora.requests} == {"who waits"}
    version = TapZuoraTestenv.get_plugin_version()
    assert {each.headers.get("user-agent") for each in zuora.requests} == {f"zuora-testenv-status/{version}"}


def test_help_has_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert status.run(["--help"]) == (0, "")
    assert "zuora-testenv-status" in capsys.readouterr().out


def test_a_shell_that_completes_a_command_line_gets_words_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ZUORA_TESTENV_STATUS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "zuora-testenv-status --n")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert status.run([]) == (0, "")
    assert capsys.readouterr() == ("plain,--name\n", "")


def test_a_bug_is_not_reported_as_an_answer(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Observer) -> None:
        raise ZeroDivisionError("demo-secret")

    monkeypatch.setattr(Observer, "look", fail)
    ran = command()
    assert (ran.code, ran.verdict) == (
        1, "Unknown: a bug in tap-zuora-testenv, please report it (ZeroDivisionError).",
    )  # fmt: skip
    assert "ZeroDivisionError: ***" in ran.err


def test_a_bug_in_a_thread_is_not_reported_as_an_answer(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_zuora_testenv.zuora.client.listed_rows", lambda _: 1 / 0)
    assert command().verdict.endswith("(ZeroDivisionError).")


@pytest.mark.parametrize(
    ("error", "code", "verdict"),
    [
        (KeyboardInterrupt(), 130, "Stopped by SIGINT."),
        (SystemExit(1), 1, "Unknown: the reader of the output went away."),
    ],
)
def test_an_interruption_has_a_verdict(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, verdict: str
) -> None:
    def interrupt(_: Observer) -> None:
        raise error

    monkeypatch.setattr(Observer, "look", interrupt)
    ran = command()
    assert (ran.code, ran.verdict) == (code, verdict)


# What it prints


@pytest.mark.usefixtures("running")
def test_each_line_of_json_follows_its_schema(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1", "Acm\u00e9 \u202e", status=None, nextRefreshTime="2026-03-05 12:00:00"))
    documents = command("--json", "--wait", "--timeout=12h").documents
    validator = Draft7Validator(SCHEMA, format_checker=FormatChecker())
    for each in documents:
        validator.validate(each)
        assert each.keys() == SCHEMA["properties"].keys() == set(SCHEMA["required"])
    first, second = documents[:2]
    assert first | {"as_of": "", "running_job_id": ""} == {
        "test_environment_id": first["test_environment_id"], "environment_name": "Acme UAT", "status": "PROCESSING",
        "readiness": "busy", "running_job_id": "", "running_job_type": "REFRESH",
        "running_job_status": "QUEUED", "running_job_progress_percentage": 0, "running_job_started_at": None,
        "running_job_estimated_completion_at": first["running_job_estimated_completion_at"],
        "last_refresh_outcome": None, "last_refresh_ended_at": None, "next_refresh_allowed_at": None,
        "error": None, "exit_code": 3, "as_of": "",
    }  # fmt: skip
    assert (second["environment_name"], second["next_refresh_allowed_at"]) == (
        "Acm\u00e9 \u202e",
        "2026-03-05T12:00:00Z",
    )
    started = [each["running_job_started_at"] for each in documents if each["running_job_status"] == "IMPORTING"]
    assert started
    assert all(each.startswith("2026-03-01T00:") for each in started)
    assert {each["last_refresh_outcome"] for each in documents} == {None, "completed"}


def test_a_terminal_shows_one_line_that_is_redrawn(
    command: Command, zuora: Zuora, running: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running
    zuora.put_environment(environment("E1"))
    clock.at(HOUR, lambda: zuora.faults.add(Fault(path=LIST, status=503)))
    clock.at(2 * HOUR, zuora.faults.clear)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = command("--wait")
    assert ran.code == 0
    *drawn, end = ran.out.split("\r")
    assert end.splitlines() == [
        "Acme UAT  ready        last refresh completed 2026-03-01 10:33 UTC; next allowed 2026-03-29 10:33 UTC",
        "Acme E1   ready        no refresh yet",
    ]
    assert drawn[1].rstrip() == (
        "Acme UAT  REFRESH QUEUED [..........] 0 %, expected 2026-03-01 11:35 UTC  (1 of 2 ready)"
    )
    assert any("[#####.....] 5" in each for each in drawn)
    assert any(each.startswith("Trying again: GET /test-environments at") for each in drawn)
    assert {len(each) for each in drawn[1:]} == {99}


def test_a_terminal_shows_why_there_is_no_bar(
    command: Command, zuora: Zuora, sandbox: str, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zuora.put_environment({"id": sandbox, "status": "PROCESSING"})
    clock.at(HOUR, lambda: zuora.put_environment({"id": sandbox, "status": "ACTIVE"}))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = command("--wait")
    assert ran.out.split("\r")[1].rstrip() == f"{sandbox}  busy         status PROCESSING; no refresh yet"


def test_a_foreign_name_is_shown_clean_and_without_secrets(command: Command, zuora: Zuora) -> None:
    zuora.put_environment(environment("E1", "demo-secret \u202e\x1b[31m\ndark"))
    ran = command("--environment=E1")
    assert ran.out == "*** [31m dark  ready        no refresh yet\n"
    assert "demo-secret" not in command("--environment=E1", "--json").out


# The example


def test_the_example_of_a_pipeline_waits_with_options_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    text = (CHECKOUT / "examples" / "ci" / "wait-for-sandbox.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    (line,) = [step["run"] for step in steps if "zuora-testenv-status" in step.get("run", "")]
    assert status.run(["--help"])[0] == 0
    known = capsys.readouterr().out
    options = [word.split("=")[0] for word in line.split() if word.startswith("--")]
    assert {"--config", "--name", "--wait", "--timeout"} == set(options)
    assert all(option in known for option in options)
