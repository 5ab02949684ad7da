"""The locked packages: what they may say, and that they fit the project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "requirements"
NAMES = ("demo", "dev", "singer-tools")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?P<rest>.*)$", re.MULTILINE)


def lines(name: str) -> list[str]:
    return [line for line in (FOLDER / f"{name}.txt").read_text().splitlines() if not line.lstrip().startswith("#")]


def pins(name: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in PIN.finditer("\n".join(lines(name)))}


def wanted(name: str) -> list[Requirement]:
    """List what pyproject.toml asks for in a set of packages."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    entries = group(project["dependency-groups"], name)
    if name != "singer-tools":
        entries += project["project"]["dependencies"] + project["project"]["optional-dependencies"]["emulator"]
    return [Requirement(entry) for entry in entries]


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    entries: list[str] = []
    for entry in groups[name]:
        entries += group(groups, entry["include-group"]) if isinstance(entry, dict) else [entry]
    return entries


@pytest.mark.parametrize("name", NAMES)
def test_they_hold_hashes_but_no_address_and_no_path(name: str) -> None:
    listed = lines(name)
    assert all(re.match(r"^[a-z0-9-]+==|^    --hash=sha256:[0-9a-f]{64}( \\)?$", line) for line in listed)
    assert "/" not in "".join(listed)
    text = "\n".join(listed) + "\n"
    # Each pin is followed by a hash.
    assert len(re.findall(r"==[^\n]* \\\n    --hash", text)) == len(pins(name)) == len(PIN.findall(text))


@pytest.mark.parametrize("name", NAMES)
def test_they_are_what_the_project_asks_for(name: str) -> None:
    locked = pins(name)
    for requirement in wanted(name):
        version = locked.get(requirement.name)
        assert version, f"{requirement.name} is not locked: make requirements"
        assert requirement.specifier.contains(version), f"{requirement} is locked as {version}: make requirements"


def test_what_demo_installs_is_part_of_what_dev_installs() -> None:
    assert pins("demo").items() <= pins("dev").items()


def test_the_two_packages_that_install_a_module_backoff_are_not_both_there() -> None:
    assert "python-backoff" in pins("demo")
    assert "backoff" not in pins("dev")
