"""What an independent reader of Singer messages reports about the tap's output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.processes import command, environment
from tests.tap.consumer import accept

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKER = Path(sys.prefix, "singer-tools", "bin", "singer-check-tap")


def run(line: list[str | Path], folder: Path, given: bytes = b"") -> bytes:
    # The checker leaves a folder where it runs.
    done = subprocess.run(  # noqa: S603 - the tap and its checker
        line, cwd=folder, input=given, env=environment(), check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def output(tmp_path: Path, settings: dict[str, Any], *options: str | Path) -> bytes:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings))
    messages = run([*command("tap-zuora-testenv"), "--config", config, *options], tmp_path)
    accept(messages.decode().splitlines())
    return messages


def check(messages: bytes, tmp_path: Path) -> str:
    if not CHECKER.exists():
        pytest.fail("singer-check-tap is not installed here: make test installs it.")
    report = run([CHECKER], tmp_path, messages).decode()
    assert not Path("singer-check-tap-data").exists()
    return report


def last_state(messages: bytes) -> str:
    values = [json.loads(line) for line in messages.splitlines()]
    return json.dumps([message["value"] for message in values if message["type"] == "STATE"][-1])


def test_it_accepts_a_first_run_and_the_one_that_follows(
    tmp_path: Path, tap_settings: dict[str, Any], zuora: EmulatorServer
) -> None:
    first = output(tmp_path, tap_settings)
    report = check(first, tmp_path)
    assert "The output is valid." in report
    for stream, rows in zuora.zuora.documents().items():
        assert first.count(b'"type":"RECORD","stream":"%b"' % stream.encode()) == len(rows)

    state = tmp_path / "state.json"
    state.write_text(last_state(first))
    assert "The output is valid." in check(output(tmp_path, tap_settings, "--state", state), tmp_path)


def test_it_accepts_a_run_that_names_its_jobs(
    tmp_path: Path, tap_settings: dict[str, Any], zuora: EmulatorServer
) -> None:
    environment_id = str(zuora.zuora.environments()[0]["id"])
    job_ids = [job["id"] for job in zuora.zuora.jobs(environment_id)][:3]
    named = {"test_environments": [{"id": environment_id, "job_ids": job_ids}]}
    assert "The output is valid." in check(output(tmp_path, tap_settings | named), tmp_path)
