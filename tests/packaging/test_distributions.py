"""What is in the wheel and the sdist, and that the tap finds its schemas however it was installed."""

from __future__ import annotations

import json
import os
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.packaging.conftest import Distributions

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (CHECKOUT / "schemas").glob("test_environment*.json")}
ENTRY_POINT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"]["tap-zuora-testenv"]
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def files(folder: str) -> set[str]:
    """List the files in a folder of the checkout, except those that Python leaves there."""
    found = (path for path in (CHECKOUT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(CHECKOUT).as_posix() for path in found}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def discovered(catalog: str) -> dict[str, set[str]]:
    return {stream["tap_stream_id"]: set(stream["schema"]["properties"]) for stream in json.loads(catalog)["streams"]}


EXPECTED = {name: set(schema["properties"]) for name, schema in SCHEMAS.items()}


def test_the_wheel_holds_the_package_its_schemas_and_nothing_else(distributions: Distributions) -> None:
    names = set(contents(distributions.wheel))
    metadata = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    assert {name.partition("/")[2] for name in metadata} == METADATA
    package = files("tap_zuora_testenv")
    assert names - metadata == package | {f"tap_zuora_testenv/{name}" for name in files("schemas")}
    assert "tap_zuora_testenv/py.typed" in package


def test_the_schemas_in_the_wheel_are_those_of_the_checkout(distributions: Distributions) -> None:
    found = contents(distributions.wheel)
    for name in files("schemas"):
        assert found[f"tap_zuora_testenv/{name}"] == (CHECKOUT / name).read_bytes()


def test_the_sdist_gives_the_same_wheel_and_the_same_sdist_byte_for_byte(distributions: Distributions) -> None:
    """The sdist unpacks in another folder, with other times than those of the checkout."""
    assert contents(distributions.wheel_from_sdist) == contents(distributions.wheel)
    assert distributions.wheel_from_sdist.read_bytes() == distributions.wheel.read_bytes()
    assert distributions.sdist_from_sdist.read_bytes() == distributions.sdist.read_bytes()


def test_the_sdist_holds_what_make_needs_and_nothing_that_make_leaves(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    needed = set[str]().union(
        *map(files, ("tap_zuora_testenv", "schemas", "dev", "examples", "dbt", "requirements", "docs", ".github"))
    )
    needed |= {"Makefile", "LICENSE", "pyproject.toml", "PKG-INFO", ".pre-commit-config.yaml"}
    assert needed | {path.name for path in CHECKOUT.glob("*.md")} <= names
    left = {".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "build", "dist"}
    assert not [name for name in names if left & set(name.split("/"))]


def test_the_metadata_name_the_dependencies_of_a_user_only(distributions: Distributions) -> None:
    (text,) = (found for name, found in contents(distributions.wheel).items() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(text.decode())
    # As an index does before it takes an upload.
    Metadata.from_email(text, validate=True)
    assert [name for name in ("Summary", "Author", "Keywords", "Requires-Python") if not metadata[name]] == []
    required = metadata.get_all("Requires-Dist", [])
    assert not [line for line in required if "@" in line or "pytest" in line or "pgserver" in line]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("Provides-Extra") == ["airflow", "emulator", "report"]


@pytest.mark.parametrize("kind", ["wheel", "wheel_from_sdist", "sdist"])
def test_an_installed_tap_finds_its_schemas(
    kind: str,
    distributions: Distributions,
    install: Callable[..., Path],
    tmp_path: Path,
    run_command: Callable[..., str],
) -> None:
    commands = install(getattr(distributions, kind))
    assert discovered(run_command(commands / "tap-zuora-testenv", "--discover", cwd=tmp_path)) == EXPECTED


def test_an_editable_tap_finds_its_schemas(
    install: Callable[..., Path], tmp_path: Path, run_command: Callable[..., str]
) -> None:
    commands = install("--editable", CHECKOUT)
    assert discovered(run_command(commands / "tap-zuora-testenv", "--discover", cwd=tmp_path)) == EXPECTED


def test_a_checkout_that_is_not_installed_finds_its_schemas(
    new_environment: Callable[[], Path], tmp_path: Path, run_command: Callable[..., str]
) -> None:
    python = new_environment() / "bin" / "python"
    module, _, function = ENTRY_POINT.partition(":")
    code = f"from {module} import {function}; {function}()"
    catalog = run_command(python, "-c", code, "--discover", cwd=tmp_path, PYTHONPATH=os.fspath(CHECKOUT))
    assert discovered(catalog) == EXPECTED


def test_the_installed_package_comes_before_a_folder_of_the_same_name(
    distributions: Distributions, install: Callable[..., Path], tmp_path: Path, run_command: Callable[..., str]
) -> None:
    """A folder `schemas` beside the package, as another distribution may bring, is not the tap's."""
    commands = install(distributions.wheel)
    beside = next((commands.parent).rglob("tap_zuora_testenv/schemas")).parents[1] / "schemas"
    beside.mkdir()
    for name in SCHEMAS:
        (beside / f"{name}.json").write_text('{"type": "object", "properties": {"wrong": {"type": "string"}}}')
    assert discovered(run_command(commands / "tap-zuora-testenv", "--discover", cwd=tmp_path)) == EXPECTED
