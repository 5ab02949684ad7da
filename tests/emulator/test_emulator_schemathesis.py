"""schemathesis finds no response of the emulator that its description does not allow, and no 5xx."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv.emulator.clock import Clock, parse_instant
from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(__file__).with_name("schemathesis.toml")
NOW = datetime(1990, 3, 1, tzinfo=UTC)
ONLY_LOOPBACK = """
import sys

def refuse(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", "localhost"):
        raise RuntimeError(f"a look-up of {arguments[0]}")
    if event == "socket.connect" and arguments[1][0] != "127.0.0.1":
        raise RuntimeError(f"a connection to {arguments[1]}")

sys.addaudithook(refuse)
"""


@pytest.fixture
def zuora() -> Zuora:
    # Each reading of the clock is half a day later, so refreshes end and others become possible, in the same way in
    # each run. Most of the dates that schemathesis makes up are later than this clock, so refreshes can be scheduled.
    clock = Clock(NOW, 43_200, ticks=itertools.count().__next__)
    return Zuora(seed=7, environments=4, jobs=0, clock=clock)


@pytest.fixture
def server(zuora: Zuora) -> Iterator[EmulatorServer]:
    with EmulatorServer(zuora) as running:
        yield running


def schemathesis(server: EmulatorServer, folder: Path, *options: str) -> tuple[int, str]:
    """Run schemathesis, which may only connect to this machine, and return its exit code and its output."""
    (folder / "sitecustomize.py").write_text(ONLY_LOOPBACK)
    command = str(Path(sys.executable).with_name("schemathesis"))
    line = [command, f"--config-file={CONFIG}", "run", "--no-color", *options]
    done = subprocess.run(  # noqa: S603 - what the tests have installed
        [*line, f"--header=Authorization: Bearer {server.zuora.tokens.issue()}", f"{server.url}/openapi.json"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_schemathesis_finds_nothing_and_creates_schedules_and_cancels_refreshes(
    server: EmulatorServer, zuora: Zuora, tmp_path: Path
) -> None:
    code, output = schemathesis(server, tmp_path, "--checks=all", "--phases=examples,coverage,fuzzing,stateful")
    assert code == 0, output
    assert re.search(r"Operations:\s+7 selected / 7 total", output)
    (cases,) = re.findall(r"(\d+) generated", output)
    assert int(cases) > 500
    # Each operation succeeded at least once.
    jobs = zuora.documents()["test_environment_jobs"]
    created = [job for job in jobs if parse_instant(str(job["createTime"])) > NOW]
    assert any("scheduledRefreshTime" in job for job in created)
    assert any("scheduledRefreshTime" not in job for job in created)
    assert any(job["status"] in {"CANCELLING", "CANCELLED"} for job in created)
    assert {200, 201, 400, 401, 403, 404, 405} <= {request.status for request in zuora.requests}
    assert max(request.status or 0 for request in zuora.requests) < 500


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (Fault(path="/test-environments", status=500, json={}), "Server error"),
        (Fault(path="/test-environments", status=204), "Undocumented"),
        (Fault(path="/test-environments", json={"result": [{"tenantId": 5}], "size": 1}), "violates schema"),
    ],
)
def test_schemathesis_finds_what_is_wrong(
    server: EmulatorServer, zuora: Zuora, tmp_path: Path, fault: Fault, found: str
) -> None:
    zuora.faults.add(fault)
    options = ("--include-path=/test-environments", "--phases=fuzzing", "--max-examples=1")
    code, output = schemathesis(server, tmp_path, *options)
    assert code == 1
    assert found in output
