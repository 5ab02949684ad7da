"""The files of examples/schedules as a scheduler runs them, and the Dockerfile as far as no engine is needed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.processes import command, environment

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEDULES = CHECKOUT / "examples" / "schedules"
SCRIPT = SCHEDULES / "sync.sh"
SHELL = shutil.which("sh") or "/bin/sh"
SYSTEMD = shutil.which("systemd-analyze")

needs_flock = pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock, which sync.sh needs")


@pytest.fixture
def folder(tmp_path: Path, tap_settings: dict[str, Any]) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(tap_settings))
    (tmp_path / "target.json").write_text(json.dumps({"destination_path": "output", "do_timestamp_file": False}))
    return tmp_path


def cron(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the script as cron does: the line of the page by sh, with next to nothing in the environment."""
    page = (CHECKOUT / "docs" / "schedules.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^7 \* \* \* \* (/opt/zuora-testenv/sync.sh .*)$", page, re.MULTILINE)
    here = {"/opt/zuora-testenv/sync.sh": str(SCRIPT), "/var/lib/zuora-testenv": str(folder)}
    for path, other in here.items():
        line = line.replace(path, shlex.quote(other))
    programs = {
        "TAP": command("tap-zuora-testenv")[0],
        "TARGET": str(Path(sys.prefix, "target-jsonl", "bin", "target-jsonl")),
    }
    return subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-c", line],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)} | programs | given,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def jobs(folder: Path) -> int:
    return len((folder / "output" / "test_environment_jobs.jsonl").read_text().splitlines())


@needs_flock
def test_a_sync_that_works_says_nothing_and_the_next_goes_on_from_its_state(
    folder: Path, zuora: EmulatorServer
) -> None:
    done = cron(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    everything = len(zuora.zuora.documents()["test_environment_jobs"])
    assert jobs(folder) == everything
    assert cron(folder).returncode == 0
    assert everything < jobs(folder) < 2 * everything
    assert stat.S_IMODE((folder / "state.json").stat().st_mode) == 0o600


@needs_flock
def test_a_sync_that_fails_says_why_in_one_line_and_keeps_the_state(folder: Path, tap_settings: dict[str, Any]) -> None:
    cron(folder)
    before = json.loads((folder / "state.json").read_text())
    (folder / "config.json").write_text(json.dumps(tap_settings | {"client_secret": "wrong-secret"}))
    done = cron(folder)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("Misconfigured: POST /oauth/token at ")
    assert json.loads((folder / "state.json").read_text()) == before


@needs_flock
def test_a_target_that_fails_is_a_failure(folder: Path) -> None:
    target = folder / "target"
    target.write_text(f"#!{SHELL}\ncat >/dev/null\necho No room left. >&2\nexit 4\n")
    target.chmod(0o700)
    done = cron(folder, TARGET=str(target))
    assert (done.returncode, done.stderr) == (4, "No room left.\n")


@needs_flock
def test_a_second_sync_beside_the_first_does_nothing(folder: Path) -> None:
    hold = f"exec 9>{folder}/sync.lock; flock 9; echo held; read -r _"
    with subprocess.Popen(  # noqa: S603 - holds the lock
        [SHELL, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        done = cron(folder)
        holder.communicate("\n")
    assert (done.returncode, done.stderr) == (75, "Skipped: the sync before this one still runs.\n")
    assert not (folder / "output").exists()


@pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_amiss_in_the_units(tmp_path: Path) -> None:
    units = []
    for unit in SCHEDULES.glob("zuora-testenv.*"):
        # What only the machine where they are installed has.
        text = unit.read_text().replace("/opt/zuora-testenv/sync.sh", f'"{SCRIPT}"').replace("User=zuora-testenv\n", "")
        units.append(tmp_path / unit.name)
        units[-1].write_text(text)
    done = subprocess.run(  # noqa: S603 - ours
        [str(SYSTEMD), "verify", "--man=no", *units], check=False, capture_output=True, text=True, timeout=60
    )
    assert len(units) == 2
    assert not [line for line in done.stderr.splitlines() if "zuora-testenv" in line]


def test_the_sample_makes_each_line_of_the_log_json_except_the_verdict(folder: Path) -> None:
    given = environment() | {"SINGER_SDK_LOG_CONFIG": os.fspath(SCHEDULES / "json-log.yml")}
    done = subprocess.run(  # noqa: S603 - ours
        [*command("tap-zuora-testenv"), "--config", folder / "config.json"],
        env=given,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    *lines, verdict = done.stderr.splitlines()
    counts = {
        entry["metric_info"]["tags"]["stream"]: entry["metric_info"]["value"]
        for entry in map(json.loads, lines)
        if entry.get("metric_info", {}).get("metric") == "record_count"
    }
    assert verdict == f"Done: emitted {counts['test_environment_jobs']} jobs and 5 test environments."


def test_the_image_is_made_of_files_that_are_there_by_hash_and_not_for_root() -> None:
    lines = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    let_in = re.findall(r"^!(.*)$", (CHECKOUT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(name for names in copied for name in names) == sorted(let_in)
    assert all((CHECKOUT / name).exists() for name in let_in)
    from_index = [line for line in re.findall(r"pip [^&]*install [^&]*", " ".join(lines)) if "--no-index" not in line]
    assert len(from_index) == 2
    assert all("--require-hashes" in line for line in from_index)
    assert [line.split()[1] for line in lines if line.startswith("USER ")] == ["10001:10001"]
