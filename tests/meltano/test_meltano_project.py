"""The checkout's own meltano.yml with a real Meltano: the plugins are those that make installed, so without network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from dev.testbed.meltano_project import MeltanoProject
from dev.testbed.processes import running
from dev.testbed.tool_error import ToolError
from tests.pipe.target_tables import environment_id

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
JOBS = "test_environment_jobs"


def start(database_url: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "dev.demo", "meltano", "--without-network"]
    given = os.environ | {"DATABASE_URL": database_url}
    pipe = subprocess.PIPE
    return running(line, cwd=CHECKOUT, env=given, stdout=pipe, stderr=pipe, start_new_session=True)


@pytest.fixture
def settings(zuora: EmulatorServer) -> dict[str, object]:
    return {"TAP_ZUORA_TESTENV_BASE_URL": zuora.url}


def project(folder: Path, settings: dict[str, object]) -> MeltanoProject:
    made = MeltanoProject(folder / "project", settings)
    made.use_what_make_installed()
    return made


def test_the_job_and_the_schedule_load_the_rows_of_zuora(database_url: str) -> None:
    with start(database_url.replace("postgres@", "postgres:not-to-be-shown@")) as process:
        output, errors = process.communicate(timeout=180)
    shown = output.decode()
    assert (process.returncode, errors.decode()) == (0, "")
    assert "Plugin configuration is valid" in shown
    first, _, rest = shown.partition("\n4  ")
    second, _, scheduled = rest.partition("\n6  ")
    assert "FAILED" not in first
    assert "refresh FAILED" in second
    assert "one per environment" in second
    assert "refresh COMPLETED" in scheduled
    assert "are the same on both sides." in scheduled
    assert "not-to-be-shown" not in shown
    assert "demo-secret" not in shown


def test_a_signal_ends_it_and_all_that_it_started(database_url: str) -> None:
    with start(database_url) as process:
        assert process.stdout
        assert process.stderr
        assert any(line.startswith(b"2  ") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.stderr.read() == b""
        assert process.wait() == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_files_of_json_lines_grow_by_what_is_new(
    tmp_path: Path, settings: dict[str, object], zuora: EmulatorServer
) -> None:
    meltano = project(tmp_path, settings)
    meltano("run", "tap-zuora-testenv", "target-jsonl")
    file = tmp_path / "project" / "output" / f"{JOBS}.jsonl"
    first = file.read_text().splitlines()
    assert len(first) == len(zuora.zuora.documents()[JOBS])

    meltano("run", "tap-zuora-testenv", "target-jsonl")
    again = file.read_text().splitlines()[len(first) :]
    environments = len(zuora.zuora.environments())
    # Nothing happened in between: the newest job of each environment, and those that are running.
    assert environments <= len(again) <= environments + 2
    assert meltano("state", "list")[0].split() == ["dev:tap-zuora-testenv-to-target-jsonl"]


def test_a_rule_for_metadata_keeps_each_step(
    tmp_path: Path, settings: dict[str, Any], zuora: EmulatorServer, database_url: str
) -> None:
    job = zuora.zuora.create_refresh(environment_id(zuora, "Performance"))
    meltano = project(
        tmp_path,
        settings
        | {
            "TAP_ZUORA_TESTENV__METADATA": json.dumps({JOBS: {"table-key-properties": []}}),
            "TARGET_POSTGRES_SQLALCHEMY_URL": database_url.replace("postgresql://", "postgresql+psycopg://"),
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "history",
        },
    )
    for _ in range(2):
        meltano("run", "tap-zuora-testenv", "target-postgres")
        zuora.zuora.clock.advance(timedelta(hours=2).total_seconds())
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        query = sql.SQL("select distinct status, _sdc_extracted_at from {} where id = %s")
        seen = connection.execute(query.format(sql.Identifier("history", JOBS)), [job]).fetchall()
    assert len({row["status"] for row in seen}) == len(seen) == 2


def test_a_refused_configuration_is_reported_with_the_reason(tmp_path: Path, settings: dict[str, object]) -> None:
    meltano = project(tmp_path, settings | {"TAP_ZUORA_TESTENV_MAX_ATTEMPTS": 21})
    with pytest.raises(ToolError, match="Setting `max_attempts` must be a whole number from 1 to 20"):
        meltano("config", "test", "tap-zuora-testenv")
