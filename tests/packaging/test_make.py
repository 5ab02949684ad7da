"""What make and its installer print when something is missing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHELL = shutil.which("sh") or "/bin/sh"
MAKE = shutil.which("make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout in which nothing was set up, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    shutil.copytree(CHECKOUT / "requirements", folder / "requirements")
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def run(line: list[str], folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    # These tests may themselves run under make, whose child would print that.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(  # noqa: S603 - make, or our own script
        line, cwd=folder, env=kept | given, check=False, capture_output=True, text=True, timeout=60
    )


def install(checkout: Path, python: str, wanted: str = "demo") -> subprocess.CompletedProcess[str]:
    return run([SHELL, "requirements/install.sh", wanted], checkout, PYTHON=python, PYTHON_GIVEN="")


def pretend(folder: Path, script: str) -> str:
    """Make a Python that runs a shell script instead."""
    python = folder / "python3"
    python.write_text(f"#!{SHELL}\n{script}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return str(python)


def test_without_python_the_message_shows_how_to_get_it(checkout: Path) -> None:
    done = install(checkout, "python-that-is-not-there")
    assert done.returncode == 1
    assert done.stderr.startswith("\nThere is no python-that-is-not-there on the PATH. This needs Python 3.11 or newer")
    assert "apt install python3 python3-venv" in done.stderr


def test_a_python_that_does_not_run_is_reported_as_such(checkout: Path) -> None:
    done = install(checkout, pretend(checkout, "echo broken as can be >&2; exit 127"))
    assert done.returncode == 1
    assert done.stderr.startswith("broken as can be\n")
    assert "exists but does not run (its output is above)" in done.stderr


def test_a_python_that_is_too_old_is_named(checkout: Path) -> None:
    script = 'case "$*" in -V) echo Python 3.9.2 ;; *version_info*) exit 1 ;; esac'
    done = install(checkout, pretend(checkout, script))
    assert done.returncode == 1
    assert "is Python 3.9.2, and this needs Python 3.11 or newer." in done.stderr


def test_a_python_without_venv_names_the_package_that_has_it(checkout: Path) -> None:
    script = 'case "$*" in -V) echo Python 3.12.3 ;; *ensurepip*) exit 1 ;; esac'
    done = install(checkout, pretend(checkout, script))
    assert done.returncode == 1
    assert "Python 3.12.3 lacks its modules venv and ensurepip" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_no_message_leaves_a_folder_behind_that_looks_finished(checkout: Path) -> None:
    install(checkout, pretend(checkout, 'case "$*" in *"-m venv"*) echo no room >&2; exit 1 ;; esac'))
    assert not (checkout / ".venv" / "made-of" / "demo").exists()


def test_a_line_says_what_is_installed_and_how_long_it_takes(checkout: Path) -> None:
    python = pretend(checkout, 'case "$*" in *"-m venv"*) mkdir .venv/bin; cp python3 .venv/bin/python ;; esac')
    done = install(checkout, python)
    assert done.returncode == 0
    locked = re.findall(r"^[a-z0-9].*==", (checkout / "requirements" / "demo.txt").read_text(), re.MULTILINE)
    assert f"\nInstalling {len(locked)} packages into .venv, once: about 1 min," in done.stderr
    assert re.search(r"\nInstalled in \d+ s\.\n", done.stderr)


@pytest.mark.parametrize("fails", ["install --quiet --require-hashes", "--python .venv/dbt/bin/python"])
def test_a_download_that_fails_ends_the_one_beside_it_and_leaves_nothing_that_looks_finished(
    checkout: Path, fails: str
) -> None:
    script = (
        'case "$*" in *"-m venv"*) mkdir .venv/bin; cp python3 .venv/bin/python ;; '
        f'*"-m pip {fails}"*) exit 1 ;; *"-m pip --python"*) exec sleep 600 ;; esac'
    )
    done = install(checkout, pretend(checkout, script), "report")
    assert done.returncode == 1
    assert "pip could not install the packages" in done.stderr
    assert not list((checkout / ".venv" / "made-of").iterdir())


@pytest.mark.parametrize("name", [".venv/bin/python", ".venv/.keep", ".venv"])
def test_a_venv_that_was_made_by_something_else_is_left_alone(checkout: Path, name: str) -> None:
    theirs = checkout / name
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("theirs")
    done = install(checkout, pretend(checkout, "echo used >&2; exit 1"))
    assert done.returncode == 1
    assert done.stderr == (
        "\nThe folder .venv was not made by this script, which would wipe it: move it away, or remove it,\n"
        "and run the same command again.\n"
    )
    assert theirs.read_text() == "theirs"


@pytest.mark.parametrize("moment", ["-m venv", "-m pip install"])
def test_a_venv_that_an_interruption_left_half_made_is_made_again(checkout: Path, moment: str) -> None:
    makes = "ls -A .venv >>found; mkdir .venv/bin .venv/.half; cp python3 .venv/bin/python"
    script = f'case "$*" in *"-m venv"*) {makes} ;; esac\ncase "$*" in *"{moment}"*) kill -KILL "$PPID" ;; esac'
    python = pretend(checkout, script)
    assert [install(checkout, python).returncode for _ in range(2)] == [-signal.SIGKILL] * 2
    assert (checkout / "found").read_text() == "made-of\n" * 2


MAKES_VENV = 'for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python"'
NOTES_PIP = 'echo "$*" | sed "s/.*requirements.//" >>installed'


def installed(checkout: Path, *wanted: str) -> list[str]:
    """Install sets with a Python that only notes what pip is to install; return the files of packages."""
    python = pretend(checkout, f'case "$*" in *"-m venv"*) {MAKES_VENV} ;; *"-m pip "*install*) {NOTES_PIP} ;; esac')
    for each in wanted:
        done = run([SHELL, "requirements/install.sh", each], checkout, PYTHON=python, PYTHON_GIVEN="")
        assert done.returncode == 0, done.stderr
    noted = (checkout / "installed").read_text().split()
    (checkout / "installed").unlink()
    return [each for each in noted if each.endswith(".txt")]


def test_what_one_target_of_make_installed_another_does_not_install_again(checkout: Path) -> None:
    assert sorted(installed(checkout, "meltano", "meltano")) == ["demo.txt", "meltano.txt"]
    # The packages of the report beside those of the demo, and dbt; not Meltano.
    assert sorted(installed(checkout, "report", "meltano", "report")) == ["dbt.txt", "report.txt"]
    assert installed(checkout, "airflow") == ["airflow.txt"]


def test_a_list_that_changed_is_installed_and_the_others_are_left(checkout: Path) -> None:
    installed(checkout, "report", "meltano")
    with (checkout / "requirements" / "dbt.txt").open("a") as file:
        file.write("# changed\n")
    assert installed(checkout, "meltano", "report") == ["dbt.txt"]


def test_it_says_how_many_packages_are_new(checkout: Path) -> None:
    installed(checkout, "meltano")
    (checkout / "requirements" / "report.txt").write_text(
        (checkout / "requirements" / "demo.txt").read_text() + "extra==1 \\\n    --hash=sha256:0\n"
    )
    done = run(
        [SHELL, "requirements/install.sh", "report"], checkout, PYTHON=str(checkout / "python3"), PYTHON_GIVEN=""
    )
    packages = len(re.findall(r"^[a-z0-9].*==", (checkout / "requirements" / "dbt.txt").read_text(), re.MULTILINE))
    assert f"Installing {packages + 1} packages into .venv, once: " in done.stderr


def test_an_empty_venv_may_be_replaced(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    done = install(checkout, pretend(checkout, 'case "$*" in *"-m venv"*) exit 1 ;; esac'))
    assert "The folder .venv could not be made" in done.stderr


@pytest.mark.skipif(MAKE is None, reason="there is no make")
def test_make_without_a_target_lists_what_it_can_do() -> None:
    done = run([str(MAKE)], CHECKOUT)
    assert done.returncode == 0
    targets, _ = re.findall(r"^\.PHONY: (.*)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert sorted(target for make, target, _ in listed if make == "make") == sorted(targets.split())


@pytest.mark.skipif(MAKE is None, reason="there is no make")
def test_make_tests_is_make_test() -> None:
    same = [run([str(MAKE), "--dry-run", target], CHECKOUT) for target in ("test", "tests")]
    assert same[0].stdout == same[1].stdout
    assert "pytest" in same[0].stdout


@pytest.mark.skipif(MAKE is None, reason="there is no make")
@pytest.mark.parametrize("folder", ["dbt", "dev", "examples", "schemas"])
def test_a_folder_is_not_reported_as_a_target_that_is_done(folder: str) -> None:
    done = run([str(MAKE), folder], CHECKOUT)
    assert done.returncode != 0
    assert f"There is no target {folder}, only a folder of that name" in done.stderr


def test_before_a_commit_the_same_runs_as_in_make_check() -> None:
    hooks = CHECKOUT / ".pre-commit-config.yaml"
    (check,) = re.findall(r"^check:.*\n((?:\t.*\n)+)", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"^\t\$\(VENV\)/(.*)$", check, re.MULTILINE)
    assert re.findall(r"entry: \.venv/bin/(.*)$", hooks.read_text(), re.MULTILINE) == commands


def test_ci_runs_what_everyone_runs() -> None:
    script = CHECKOUT / ".ci" / "run"
    if not script.exists():
        pytest.skip("an sdist has no .ci")
    assert script.stat().st_mode & stat.S_IXUSR
    assert script.read_text().splitlines()[-1] == "exec make test"
