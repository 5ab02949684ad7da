"""The script of docs/targets.md, run as it is on the page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.documentation import blocks

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")
COMMANDS = (Path(sys.prefix, "target-jsonl", "bin"), Path(sys.prefix, "bin"))
SHELL = shutil.which("sh") or "/bin/sh"

pytestmark = pytest.mark.skipif(BASH is None, reason="there is no bash")


@pytest.fixture
def folder(tmp_path: Path, tap_settings: dict[str, Any]) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(tap_settings))
    shutil.copy(CHECKOUT / "examples" / "targets" / "jsonl.json", tmp_path / "target.json")
    return tmp_path


def run(folder: Path, target: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script.

    Args:
        folder: The folder of its files.
        target: What the target does, as a shell script; None for the real one.
    """
    (script,) = blocks("docs/targets.md", "bash")
    (folder / "script").write_text(script)
    if target is not None:
        (folder / "bin").mkdir(exist_ok=True)
        (folder / "bin" / "target-jsonl").write_text(f"#!{SHELL}\n{target}\n")
        (folder / "bin" / "target-jsonl").chmod(0o700)
    path = os.pathsep.join(map(str, [folder / "bin", *COMMANDS, "/usr/bin", "/bin"]))
    return subprocess.run(  # noqa: S603 - what the page says
        [str(BASH), "script"], cwd=folder, env={"PATH": path}, check=False, capture_output=True, text=True, timeout=60
    )


def test_it_loads_and_goes_on_from_its_state(folder: Path, zuora: EmulatorServer) -> None:
    assert run(folder).returncode == 0
    everything = len(zuora.zuora.documents()["test_environment_jobs"])
    assert run(folder).returncode == 0
    lines = len((folder / "output" / "test_environment_jobs.jsonl").read_text().splitlines())
    assert everything < lines < 2 * everything


def test_it_ends_with_the_failure_of_the_tap(folder: Path, tap_settings: dict[str, Any]) -> None:
    (folder / "state.json").write_text('{"bookmarks":{}}')
    (folder / "config.json").write_text(json.dumps(tap_settings | {"client_secret": "wrong-secret"}))
    done = run(folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Misconfigured: ")
    assert json.loads((folder / "state.json").read_text()) == {"bookmarks": {}}


def test_it_ends_with_the_failure_of_the_target_and_the_states_of_what_was_stored(folder: Path) -> None:
    states = '{"bookmarks":{"a":{}}}\\n{"bookmarks":{"b":{'
    done = run(folder, target=f"cat >/dev/null; printf '{states}'; exit 4")
    assert done.returncode == 4
    assert json.loads((folder / "state.json").read_text()) == {"bookmarks": {"a": {}}}


def test_the_last_good_state_stays_if_the_target_wrote_none(folder: Path) -> None:
    (folder / "state.json").write_text('{"bookmarks":{}}')
    assert run(folder, target="cat >/dev/null; exit 1").returncode == 1
    assert json.loads((folder / "state.json").read_text()) == {"bookmarks": {}}
