"""The files of examples/schedules as a scheduler runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.processes import command
from tap_zuora_testenv.emulator.faults import Fault
from tests.documentation import blocks, run

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEDULES = CHECKOUT / "examples" / "schedules"
ALERTS = CHECKOUT / "examples" / "alerts"
SCRIPT = SCHEDULES / "sync.sh"
SHELL = shutil.which("sh") or "/bin/sh"
TRUE = shutil.which("true") or "/bin/true"
TARGET_JSONL = str(Path(sys.prefix, "target-jsonl", "bin", "target-jsonl"))
SYSTEMD = shutil.which("systemd-analyze")

needs_flock = pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock, which sync.sh needs")


@pytest.fixture
def folder(tmp_path: Path, tap_settings: dict[str, Any]) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(tap_settings))
    (tmp_path / "target.json").write_text(json.dumps({"destination_path": "output", "do_timestamp_file": False}))
    return tmp_path


def cron_line(folder: Path) -> str:
    """Return the line of the page, with the paths of this checkout."""
    page = (CHECKOUT / "docs" / "schedules.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^7 \* \* \* \* (/opt/zuora-testenv/sync.sh \S+)$", page, re.MULTILINE)
    here = {"/opt/zuora-testenv/sync.sh": str(SCRIPT), "/var/lib/zuora-testenv": str(folder)}
    for path, other in here.items():
        line = line.replace(path, shlex.quote(other))
    return str(line)


def of_cron(folder: Path, **given: str) -> dict[str, str]:
    """Return the environment of cron, which has next to nothing in it."""
    programs = {"TAP": command("tap-zuora-testenv")[0], "TARGET": TARGET_JSONL}
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)} | programs | given


def cron(folder: Path, line: str | None = None, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the script as cron does: the line of the page by sh."""
    return subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-c", line or cron_line(folder)],
        env=of_cron(folder, **given),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def program(folder: Path, script: str) -> str:
    """Make a program that does what a shell script says."""
    path = folder / "program"
    path.write_text(f"#!{SHELL}\n{script}\n")
    path.chmod(0o700)
    return str(path)


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
    done = cron(folder, TARGET=program(folder, "cat >/dev/null\necho No room left. >&2\nexit 4"))
    assert (done.returncode, done.stderr) == (4, "No room left.\n")


@needs_flock
def test_the_last_line_is_the_targets_if_the_tap_has_nobody_to_write_to(folder: Path, zuora: EmulatorServer) -> None:
    # More than a pipe holds.
    environment = str(zuora.zuora.environments()[0]["id"])
    for number in range(1000):
        zuora.zuora.put_job(environment, {"id": f"job-{number}", "testEnvironmentId": environment})
    done = cron(folder, TARGET=program(folder, "read -r _\necho No room left. >&2\nexit 4"))
    assert (done.returncode, done.stderr) == (1, "Stopped: the reader of the output went away.\nNo room left.\n")


@needs_flock
def test_a_wrong_setting_is_the_last_line_if_the_target_fails_too(folder: Path, tap_settings: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(tap_settings | {"client_secret": "wrong-secret"}))
    done = cron(folder, TARGET=program(folder, "cat >/dev/null\necho No room left. >&2\nexit 4"))
    assert done.returncode == 2
    target, tap = done.stderr.splitlines()
    assert target == "No room left."
    assert tap.startswith("Misconfigured: ")


@needs_flock
def test_the_error_of_a_target_that_is_down_is_the_last_line(folder: Path) -> None:
    url = f"postgresql+psycopg://user:not-to-be-shown@/database?host={folder}"
    (folder / "target.json").write_text(json.dumps({"sqlalchemy_url": url}))
    done = cron(folder, TARGET=command("target-postgres")[0])
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("sqlalchemy.exc.OperationalError: (psycopg.OperationalError) ")
    assert "not-to-be-shown" not in done.stderr


@needs_flock
def test_half_a_line_of_a_killed_target_does_not_become_the_state(folder: Path) -> None:
    whole, half = '{"bookmarks":{"a":{}}}', '{"bookmarks":{"b":{}}'
    for end in ("", "\\n"):
        script = f"cat >/dev/null; printf '{whole}\\n{half}{end}'; kill -KILL $$"
        done = cron(folder, TAP=TRUE, TARGET=program(folder, script))
        assert done.returncode == 128 + signal.SIGKILL
        assert (folder / "state.json").read_text() == f"{whole}\n"


@needs_flock
def test_the_last_good_state_stays_if_a_target_writes_no_whole_one(folder: Path) -> None:
    (folder / "state.json").write_text('{"bookmarks":{"a":{}}}')
    cron(folder, TAP=TRUE, TARGET=program(folder, """printf '{"bookmarks":{"b'; kill -KILL $$"""))
    assert (folder / "state.json").read_text() == '{"bookmarks":{"a":{}}}'


@needs_flock
def test_a_signal_ends_a_sync_with_the_state_of_what_was_loaded(folder: Path, zuora: EmulatorServer) -> None:
    first, *_, fourth, last = (each["id"] for each in zuora.zuora.environments())
    zuora.zuora.faults.add(Fault(f"/test-environments/{last}/jobs", delay_seconds=60))
    copy = folder / "copy"
    os.mkfifo(copy)
    target = program(folder, f'tee {copy} | {TARGET_JSONL} "$@"')
    with subprocess.Popen(  # noqa: S603 - ours
        [SCRIPT, folder], env=of_cron(folder, TARGET=target), stderr=subprocess.PIPE, text=True
    ) as process:
        # When a job of the fourth is there, the others are done, and the last one keeps the tap waiting.
        with copy.open() as messages:
            assert any(f'"testEnvironmentId":"{fourth}"' in line for line in messages)
            process.send_signal(signal.SIGTERM)
            messages.read()
        assert process.communicate(timeout=60)[1] == "Stopped by SIGTERM.\n"
    assert process.returncode == 128 + signal.SIGTERM
    bookmarks = json.loads((folder / "state.json").read_text())["bookmarks"]
    loaded = [each["context"]["testEnvironmentId"] for each in bookmarks["test_environment_jobs"]["partitions"]]
    assert loaded[0] == first
    assert last not in loaded


@needs_flock
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "sync.sh needs one argument, the folder of config.json and target.json."),
        ("''", "sync.sh needs one argument, the folder of config.json and target.json."),
        ("/nowhere", "the folder /nowhere does not exist, or this user may not enter it."),
    ],
)
def test_a_sync_without_its_folder_says_so_in_one_sentence(folder: Path, arguments: str, reason: str) -> None:
    done = cron(folder, f"{shlex.quote(str(SCRIPT))} {arguments}")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Misconfigured: {reason}\n")


@needs_flock
@pytest.mark.parametrize("name", ["TAP", "TARGET", "PYTHON"])
def test_a_command_that_is_not_installed_is_named(folder: Path, name: str) -> None:
    done = cron(folder, **{name: "/nowhere/program"})
    assert (done.returncode, done.stderr) == (2, "Misconfigured: the command /nowhere/program is not installed.\n")
    assert not (folder / "output").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@needs_flock
def test_a_state_that_cannot_be_written_is_a_failure(folder: Path) -> None:
    (folder / "state.json.new").symlink_to("/dev/full")
    done = cron(folder, TAP=TRUE, TARGET=program(folder, "echo '{}'"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Stopped: the state could not be written; ")
    assert (folder / "state.json").read_text() == "{}\n"


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
    assert (done.returncode, done.stderr) == (75, "Skipped: the previous sync is still running.\n")
    assert not (folder / "output").exists()


@pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("drop_in", ["", "mail.conf"], ids=["as they are", "with the mail of the page"])
def test_systemd_finds_nothing_amiss_in_the_units(tmp_path: Path, drop_in: str) -> None:
    units = []
    for unit in (*SCHEDULES.glob("zuora-testenv.*"), *ALERTS.glob("*.service")):
        # What only the machine where they are installed has.
        text = unit.read_text().replace("/opt/zuora-testenv/sync.sh", f'"{SCRIPT}"').replace("User=zuora-testenv\n", "")
        units.append(tmp_path / unit.name)
        units[-1].write_text(text)
    if drop_in:
        (mail,) = blocks("docs/schedules.md", "ini")
        (tmp_path / "zuora-testenv-alert.service.d").mkdir()
        (tmp_path / "zuora-testenv-alert.service.d" / drop_in).write_text(mail.replace("User=zuora-testenv\n", ""))
    done = subprocess.run(  # noqa: S603 - ours
        [str(SYSTEMD), "verify", "--man=no", *units],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert len(units) == 3
    complaints = [line for line in done.stderr.splitlines() if "zuora-testenv" in line]
    # Systemd learned it in version 254.
    assert not [line for line in complaints if not re.search("Unknown key.*'RestartMode'", line)]


def on_the_page(folder: Path, page: str, word: str) -> subprocess.CompletedProcess[str]:
    """Run the one block of commands of a page that contains a word, in a folder as if it was the checkout."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(CHECKOUT / "examples")
    (commands,) = (block for block in blocks(f"docs/{page}", "sh") if word in block)
    return run(folder, commands)


def test_the_settings_that_a_person_copies_are_for_that_person_only(tmp_path: Path) -> None:
    on_the_page(tmp_path, "schedules.md", "config.tenant.json")
    on_the_page(tmp_path, "targets.md", "cp examples")
    for name in ("config.json", "target.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_later_file_overrides_an_earlier_one(folder: Path, zuora: EmulatorServer) -> None:
    shutil.copy(CHECKOUT / "examples" / "config.json", folder / "common.json")
    (folder / "tenant.json").write_text(json.dumps({"base_url": zuora.url}))
    done = on_the_page(folder, "schedules.md", "--config common.json")
    assert done.stderr.splitlines()[-1].startswith("Done: a run would emit ")


def test_a_higher_level_leaves_only_the_verdict_in_the_log(folder: Path) -> None:
    done = on_the_page(folder, "schedules.md", "LOGLEVEL")
    (verdict,) = done.stderr.splitlines()
    assert verdict.startswith("Done: emitted ")


def test_the_sample_makes_each_line_of_the_log_json_except_the_verdict(folder: Path) -> None:
    done = on_the_page(folder, "schedules.md", "SINGER_SDK_LOG_CONFIG")
    *lines, verdict = done.stderr.splitlines()
    counts = {
        entry["metric_info"]["tags"]["stream"]: entry["metric_info"]["value"]
        for entry in map(json.loads, lines)
        if entry.get("metric_info", {}).get("metric") == "record_count"
    }
    assert verdict == f"Done: emitted {counts['test_environment_jobs']} jobs and 5 test environments."
