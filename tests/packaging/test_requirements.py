"""The locked packages: what the files may contain, and that they fit the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "requirements"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)(?:\[[a-z0-9, -]+\])?==(?P<version>[^ ]+)(?P<rest>.*)$", re.MULTILINE)


def lines(name: str) -> list[str]:
    return [line for line in (FOLDER / f"{name}.txt").read_text().splitlines() if not line.lstrip().startswith("#")]


def pins(name: str) -> dict[str, frozenset[str]]:
    """Return the versions of each package; several if each is for different versions of Python."""
    found: dict[str, frozenset[str]] = {}
    for match in PIN.finditer("\n".join(lines(name))):
        found[match["name"]] = found.get(match["name"], frozenset()) | {match["version"]}
    return found


def locking(name: str) -> str:
    """Return the command of the Makefile that locks a set of packages."""
    commands = (CHECKOUT / "Makefile").read_text().replace("\\\n", " ").splitlines()
    (command,) = (line for line in commands if f"--output-file requirements/{name}.txt" in line)
    return command


def wanted(name: str) -> list[Requirement]:
    """List what pyproject.toml requires in a set of packages."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    command = locking(name)
    extras = [project["project"]["optional-dependencies"][extra] for extra in re.findall(r"--extra (\S+)", command)]
    groups = [group(project["dependency-groups"], each) for each in re.findall(r"--group (\S+)", command)]
    own = project["project"]["dependencies"] if " pyproject.toml " in command else []
    return [Requirement(entry) for entry in [*own, *chain(*extras, *groups)]]


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    entries: list[str] = []
    for entry in groups[name]:
        entries += group(groups, entry["include-group"]) if isinstance(entry, dict) else [entry]
    return entries


@pytest.mark.parametrize("name", NAMES)
def test_they_contain_hashes_but_no_address_and_no_path(name: str) -> None:
    listed = lines(name)
    package_or_hash = re.compile(r"^[a-z0-9-]+(\[[a-z0-9, -]+\])?==|^    --hash=sha256:[0-9a-f]{64}( \\)?$")
    assert all(map(package_or_hash.match, listed))
    assert "/" not in "".join(listed)
    text = "\n".join(listed) + "\n"
    # Each pin is followed by a hash.
    assert len(re.findall(r"==[^\n]* \\\n    --hash", text)) == len(PIN.findall(text)) > 0


@pytest.mark.parametrize("name", NAMES)
def test_they_are_what_the_project_requires(name: str) -> None:
    locked = pins(name)
    for requirement in wanted(name):
        versions = locked.get(requirement.name)
        assert versions, f"{requirement.name} is not locked: make requirements"
        for version in versions:
            assert requirement.specifier.contains(version), f"{requirement} is locked as {version}: make requirements"


def test_what_is_locked_is_still_required() -> None:
    """A package that pyproject.toml no longer names does not stay: dev.txt names what requires each package."""
    asked_by = re.findall(r"(?ms)^([a-z0-9-]+)==(.*?)(?=^[a-z0-9-]+==|\Z)", (FOLDER / "dev.txt").read_text())
    own = {name for name, rest in asked_by if "tap-zuora-testenv (pyproject.toml" in rest}
    assert own == {requirement.name for requirement in wanted("dev")}


@pytest.mark.parametrize("name", [name for name in NAMES if "--constraint requirements/dev.txt" in locking(name)])
def test_a_package_that_dev_has_too_is_there_in_the_same_version(name: str) -> None:
    versions = pins("dev")
    assert [package for package, version in pins(name).items() if versions.get(package, version) != version] == []


@pytest.mark.parametrize("name", ["bench", "dev"])
def test_what_demo_installs_is_part_of_what_the_others_install(name: str) -> None:
    assert pins("demo").items() <= pins(name).items()


def test_the_two_packages_that_install_a_module_backoff_are_not_both_there() -> None:
    assert "python-backoff" in pins("demo")
    assert "backoff" not in pins("dev")


# The modules that make runs after it has installed a set of packages.
RUN = {
    "report": ["dev.demo.__main__", "dev.demo.pipe_walkthrough", "dev.demo.models_and_report"],
    "meltano": ["dev.demo.__main__", "dev.demo.meltano_walkthrough"],
    "airflow": ["dev.demo.__main__", "dev.demo.airflow_walkthrough"],
    "bench": ["dev.benchmarks.__main__", "dev.benchmarks.scale"],
}
BLOCK_AND_IMPORT = """
import importlib, json, sys
blocked, modules = json.loads(sys.argv[1])
sys.modules |= dict.fromkeys(blocked)
for module in modules:
    importlib.import_module(module)
"""


@pytest.mark.parametrize("name", sorted(RUN))
def test_what_make_runs_imports_only_packages_that_make_installed(name: str) -> None:
    # Next to Meltano, which is in a separate environment, `make meltano` has the packages of the demo.
    installed = pins("demo" if name == "meltano" else name).keys() | {"tap-zuora-testenv"}
    foreign = [
        module
        for module, names in packages_distributions().items()
        if not installed & {canonicalize_name(each) for each in names}
    ]
    line = [sys.executable, "-c", BLOCK_AND_IMPORT, json.dumps([foreign, RUN[name]])]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, check=False)  # noqa: S603 - it is ours
    assert (done.returncode, done.stderr) == (0, "")
