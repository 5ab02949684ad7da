"""What the script of docs/targets.md loads: the tap, target-jsonl, and a file of states between two runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.processes import command, environment
from dev.testbed.table_comparison import differences, expected_value, schema
from tests.documentation import blocks
from tests.pipe.target_tables import STREAMS, environment_id

if TYPE_CHECKING:
    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer

SHELL = shutil.which("bash") or "/bin/bash"
TARGET = Path(sys.prefix, "target-jsonl", "bin", "target-jsonl")
JOBS = "test_environment_jobs"


def recipe() -> str:
    (block,) = blocks("docs/targets.md", "bash")
    return str(block)


@pytest.fixture
def folder(tmp_path: Path, tap_settings: dict[str, Any]) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(tap_settings))
    (tmp_path / "target.json").write_text(json.dumps({"destination_path": "output", "do_timestamp_file": False}))
    return tmp_path


def run(folder: Path) -> None:
    if not TARGET.exists():
        pytest.fail("target-jsonl is not installed here: make test installs it.")
    path = os.pathsep.join([str(TARGET.parent), str(Path(*command("tap-zuora-testenv")).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-c", recipe()],
        cwd=folder,
        env=environment() | {"PATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def rows(folder: Path, stream: str) -> list[Row]:
    lines = (folder / "output" / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def newest(documents: list[Row], stream: str) -> list[Row]:
    """Return the last row of each key, with times as instants."""
    properties = schema(stream)["properties"]
    last = {row["id"]: row for row in documents}
    return [{name: expected_value(row[name], properties[name]) for name in row} for row in last.values()]


def test_two_runs_append_what_is_new_and_the_last_row_of_a_job_is_that_of_zuora(
    folder: Path, zuora: EmulatorServer
) -> None:
    run(folder)
    first = rows(folder, JOBS)
    job = zuora.zuora.create_refresh(environment_id(zuora, "Performance"))
    zuora.zuora.clock.advance(timedelta(hours=2).total_seconds())
    run(folder)

    second = rows(folder, JOBS)[len(first) :]
    assert job in {row["id"] for row in second}
    # The second run began at the state of the first one.
    assert len(second) < len(first) / 2
    documents = zuora.zuora.documents()
    for stream in STREAMS:
        found = newest(rows(folder, stream), stream)
        assert list(differences(found, documents[stream], schema(stream)["properties"])) == []
    last_state = (folder / "states.jsonl").read_text().splitlines()[-1]
    assert json.loads((folder / "state.json").read_text()) == json.loads(last_state)


def test_an_empty_run_leaves_the_state_of_the_last_one(folder: Path, zuora: EmulatorServer) -> None:
    run(folder)
    before = json.loads((folder / "state.json").read_text())
    run(folder)
    assert json.loads((folder / "state.json").read_text()) == before
    assert len(rows(folder, JOBS)) < 2 * len(zuora.zuora.documents()[JOBS])
