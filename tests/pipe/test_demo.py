"""`make demo` as a person runs it, and ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.testbed.processes import running
from dev.testbed.table_comparison import check_tables
from dev.testbed.tool_error import ToolError
from tests.documentation import blocks

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import psycopg

    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "dev.demo"]


def without_times(text: str) -> str:
    return re.sub(r"\d\d [A-Z][a-z]{2} \d\d:\d\d|\d+\.\d s", "*", text)


def start(
    line: list[str], database_url: str = "", stdin: int | None = None
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    given = os.environ | {"DATABASE_URL": database_url}
    pipe = subprocess.PIPE
    return running(line, cwd=CHECKOUT, env=given, stdin=stdin, stdout=pipe, stderr=pipe, start_new_session=True)


def demo(database_url: str) -> tuple[int, str, str]:
    with start(DEMO, database_url) as process:
        output, errors = process.communicate(timeout=60)
    return process.returncode, output.decode(), errors.decode()


def test_it_shows_a_refresh_that_was_completed_and_one_that_failed(
    database_url: str, database: psycopg.Connection[Row]
) -> None:
    code, output, errors = demo(database_url.replace("postgres@", "postgres:not-to-be-shown@"))
    assert (code, errors) == (0, "")
    first, second = output.split("\n2  ")
    assert "refresh SCRUBBING" in first
    assert "FAILED" not in first
    assert "refresh FAILED" in second
    assert "are the same on both sides." in second
    assert "not-to-be-shown" not in output
    assert max(map(len, output.splitlines())) <= 100

    # Line for line what the page shows, except dates and durations.
    (shown,) = blocks("docs/demo.md", "text")
    assert without_times(shown).partition("\n1  ")[2] in without_times(output)

    kept = output.rpartition("drop schema ")[2].split()[0]
    (row,) = database.execute(f"select count(*) as rows from {kept}.test_environment_jobs").fetchall()  # noqa: S608
    assert row["rows"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_all_that_it_started(number: signal.Signals) -> None:
    with start(DEMO) as process:
        assert process.stdout
        assert process.stderr
        assert any(line.startswith(b"1  ") for line in process.stdout)
        process.send_signal(number)
        process.stdout.read()
        # The keeper of PostgreSQL has this pipe too: the pipe ends when the last process is gone.
        said = process.stderr.read()
        assert process.wait() == 128 + number
    assert said == (b"\nStopped; nothing is left running.\n" if number == signal.SIGINT else b"")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_postgresql_ends_with_a_process_that_is_killed() -> None:
    code = "from dev.testbed.embedded_postgres import postgres\nwith postgres() as url: print(url, flush=True); input()"
    with start([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        folder = Path(process.stdout.readline().decode().strip().partition("host=")[2])
        assert folder.is_dir()
        process.kill()
        # Its keeper has this pipe too.
        assert process.stderr.read() == b""
    assert not folder.exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://someone:hush@somewhere/db", "DATABASE_URL is not the URL of a PostgreSQL database"),
        ("postgresql://someone:hu%sh@127.0.0.1/db", "DATABASE_URL is not a URL that PostgreSQL accepts"),
        ("postgresql://someone:hush@127.0.0.1:1/db", "The database cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_sentence_without_its_password(url: str, sentence: str) -> None:
    code, output, errors = demo(url)
    assert code == 1
    assert errors.startswith(f"\nThe demo failed. {sentence}")
    assert not [word for word in ("Traceback", "hush", "hu%sh") if word in output + errors]


def test_the_check_fails_when_the_table_differs(zuora: EmulatorServer) -> None:
    documents = {stream: rows for stream, rows in zuora.zuora.documents().items() if stream.endswith("jobs")}
    tables = {stream: [dict(row, progressPercentage=1) for row in rows] for stream, rows in documents.items()}
    with pytest.raises(ToolError, match="progressPercentage is 1 in the table and 100 in Zuora"):
        check_tables(documents, tables.__getitem__)
