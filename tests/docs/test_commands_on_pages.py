"""The commands of README.md and of the pages on the emulator and the first live run, word for word, in a shell."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora
from tests.documentation import blocks, run

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
SHELL = shutil.which("bash") or "/bin/bash"
CURL = shutil.which("curl")


def settings(server: EmulatorServer) -> dict[str, str]:
    tokens = server.zuora.tokens
    return {"base_url": server.url, "client_id": tokens.client_id, "client_secret": tokens.client_secret}


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    """The emulator as the pages start it."""
    zuora = Zuora(seed=81, clock=Clock(datetime(2026, 10, 1, tzinfo=UTC), 0), limits=Limits(per_minute=10_000))
    with EmulatorServer(zuora) as running:
        yield running


@pytest.fixture
def only_read(server: EmulatorServer) -> Iterator[None]:
    yield
    assert {each.path for each in server.zuora.requests if each.method != "GET"} == {"/oauth/token"}


@pytest.fixture
def folder(tmp_path: Path, server: EmulatorServer) -> Path:
    for name in ("config.json", "emulator.json"):
        (tmp_path / name).write_text(json.dumps(settings(server)))
    return tmp_path


def without_its_time(message: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(message)
    assert parsed.pop("time_extracted")
    return parsed


@pytest.mark.usefixtures("only_read")
def test_the_first_run_of_the_readme_prints_what_it_shows(folder: Path) -> None:
    dry_run, full_run = (block for block in blocks("README.md", "sh") if block.startswith("tap-zuora-testenv"))
    (findings,) = blocks("README.md", "text")
    shown = findings.replace("rest.na.zuora.com", json.loads((folder / "config.json").read_text())["base_url"][7:])
    assert run(folder, dry_run).stderr.endswith(shown)
    run(folder, full_run)
    records = [without_its_time(line) for line in (folder / "out.jsonl").read_text().splitlines() if '"RECORD"' in line]
    (two,) = (block for block in blocks("README.md", "json") if "RECORD" in block)
    for line in two.splitlines():
        assert without_its_time(line) in records


@pytest.mark.skipif(CURL is None, reason="there is no curl")
def test_the_dry_run_of_a_refresh_goes_as_its_page_says(folder: Path, server: EmulatorServer) -> None:
    script = "".join(block for block in blocks("docs/emulator.md", "sh") if "curl" in block)
    statuses = re.findall(r'"status":"([A-Z]+)"', run(folder, script.replace("127.0.0.1:8765", server.url[7:])).stdout)
    assert "FAILED" in statuses
    assert statuses[-1] == "CANCELLED"


@pytest.mark.usefixtures("only_read")
def test_the_first_live_run_answers_its_questions(folder: Path) -> None:
    script = "".join(
        block for block in blocks("docs/first-live-run.md", "sh") if not block.startswith("zuora-testenv-emulator")
    )
    output = run(folder, script).stdout
    assert "no warning" in output
    assert "Misconfigured: Zuora has none of what the configuration names" in output
    assert "testEnvironmentId is the environment's id: True" in output
    assert "ratelimit-remaining" in output
    assert re.search(r"^\S+ SCRUBBING 36 \w{8}$", output, re.MULTILINE)
    assert (folder / "shared.jsonl").read_text()
