"""The version is in one place, and only its own tag releases it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.release import notes

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-24

### Fixed

- A thing.

## [1.2.2] - 2026-11-01

- Another thing.
"""


def pyproject(version: str) -> str:
    return f'[project]\nname = "x"\nversion = "{version}"\n'


def test_what_changed_in_a_version_is_what_its_section_says() -> None:
    assert notes("v1.2.3", pyproject("1.2.3"), CHANGELOG) == "### Fixed\n\n- A thing."
    assert notes("v1.2.2", pyproject("1.2.2"), CHANGELOG) == "- Another thing."


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "reason"),
    [
        ("v1.2.4", "1.2.3", CHANGELOG, r"the tag v1\.2\.4 is not that of the version 1\.2\.3"),
        ("1.2.3", "1.2.3", CHANGELOG, "the tag 1.2.3 is not"),
        ("", "1.2.3", CHANGELOG, "the tag  is not"),
        ("v1.2.3.dev1", "1.2.3.dev1", CHANGELOG, "not of the form"),
        ("v1.2.3+local", "1.2.3+local", CHANGELOG, "not of the form"),
        ("v1.3.0", "1.3.0", CHANGELOG, r"nothing under a heading `## \[1\.3\.0\] - <date>`"),
        ("v1.2.3", "1.2.3", CHANGELOG.replace(" - 2026-11-24", ""), "nothing under a heading"),
        ("v1.2.3", "1.2.3", CHANGELOG.replace("### Fixed\n\n- A thing.\n", ""), "nothing under a heading"),
        ("v1.2.3", "1.2.3", CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n- New.\n"), "still has changes"),
    ],
)
def test_a_tag_that_is_not_the_version_or_has_no_changes_is_refused(
    tag: str, version: str, changelog: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        notes(tag, pyproject(version), changelog)


def test_the_workflow_gets_one_sentence_and_an_exit_code() -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, CHECKOUT / "dev" / "release.py", "v0.0.0"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Not released: the tag v0.0.0 is not that of the version ")


def test_what_is_installed_has_the_version_of_pyproject() -> None:
    assert version("tap-zuora-testenv") == PROJECT["version"]


def test_the_version_is_nowhere_else_in_the_program() -> None:
    named = re.compile(rf"__version__|(?<![0-9.]){re.escape(PROJECT['version'])}(?![0-9])")
    assert [path for path in (CHECKOUT / "tap_zuora_testenv").rglob("*.py") if named.search(path.read_text())] == []


def test_the_changelog_keeps_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## .*$", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[[0-9.rc]+\] - [0-9]{4}-[0-9]{2}-[0-9]{2}", heading) for heading in headings[1:])


def test_ci_tests_or_installs_each_python_that_the_project_names() -> None:
    workflow = (CHECKOUT / ".github" / "workflows" / "ci.yml").read_text()
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.[0-9]+$", line)]
    tested, installed = (
        re.findall(r"3\.[0-9]+", line) for line in re.findall(r'python: (\["3\.11", .*\])$', workflow, re.MULTILINE)
    )
    # The PostgreSQL of the tests has no wheel for the newest one yet.
    assert [*tested, "3.15"] == named
    assert installed == [named[0], named[-1]]
    assert PROJECT["requires-python"] == f">={named[0]}"


def downloads(job: dict[str, Any]) -> dict[str, str | None]:
    """Return the artifacts that a job of a workflow downloads, and the folder for each."""
    steps = [step for step in job["steps"] if "/download-artifact@" in step.get("uses", "")]
    return {step["with"]["name"]: step["with"].get("path") for step in steps}


def test_a_release_publishes_only_what_was_attested() -> None:
    jobs = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    attested = downloads(jobs["attest"])
    (subjects,) = (step["with"]["subject-path"] for step in jobs["attest"]["steps"] if "/attest@" in step["uses"])
    assert subjects.split() == [f"{path}/*" for path in attested.values()]
    assert attested.keys() == {"distributions", "sbom"}
    assert downloads(jobs["pypi"]).items() <= attested.items()
    assert downloads(jobs["github"]) == attested | {"notes": None}
    assert (jobs["pypi"]["needs"], jobs["github"]["needs"]) == ("attest", "pypi")
