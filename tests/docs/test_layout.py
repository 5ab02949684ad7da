"""The layout of the checkout: its folders, its file names, and which folder imports which."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = {"tap_zuora_testenv", "schemas", "tests", "docs", "requirements", "dbt", "examples", "dev"}
PUBLISHED: list[str] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"][
    "build"
]["targets"]["sdist"]["only-include"]
# Names that a tool prescribes, each for the folder of the file; and one that two parts share for the same thing.
GIVEN = {
    "__init__.py": "Python: a package",
    "__main__.py": "Python: what `python -m` runs",
    "conftest.py": "pytest: the fixtures of a folder",
    "README.md": "what a folder is for",
}
# Which modules each folder may import, of those in the checkout.
MAY_IMPORT = {
    "tap_zuora_testenv": {"tap_zuora_testenv"},
    "tap_zuora_testenv/report": {"tap_zuora_testenv.report"},
    "tap_zuora_testenv/airflow": {"tap_zuora_testenv.airflow"},
    "examples/airflow": {"tap_zuora_testenv.airflow"},
    "dev/testbed": {"dev.testbed", "tap_zuora_testenv"},
    "dev/demo": {"dev.demo", "dev.testbed", "tap_zuora_testenv"},
    "dev/soak": {"dev.soak", "dev.testbed", "tap_zuora_testenv"},
    "dev/benchmarks": {"dev.benchmarks", "dev.testbed"},
    "dev/generate": {"dev.generate", "tap_zuora_testenv"},
}


def files() -> list[Path]:
    """Return what is published, without what Python leaves beside it."""
    found: list[Path] = []
    for name in PUBLISHED:
        path = CHECKOUT / name
        found += [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return [path for path in found if "__pycache__" not in path.parts]


def imported(path: Path) -> set[str]:
    """Return the modules that a module imports, also those that it needs only for its types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


def is_within(module: str, packages: set[str]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def test_there_are_eight_folders() -> None:
    assert {name for name in PUBLISHED if (CHECKOUT / name).is_dir() and not name.startswith(".")} == FOLDERS


def test_no_file_name_stands_for_two_things() -> None:
    """Neither does a name with its plural, nor one that differs only in its case."""
    named = defaultdict(list)
    for path in files():
        if path.name not in GIVEN:
            named[path.stem.lower().removesuffix("s") + path.suffix].append(path.relative_to(CHECKOUT).as_posix())
    assert {name: paths for name, paths in named.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_what_it_may(folder: str) -> None:
    modules = sorted((CHECKOUT / folder).rglob("*.py"))
    assert modules
    own = {"dev", "tests", "tap_zuora_testenv"}
    for path in modules:
        foreign = {name for name in imported(path) if is_within(name, own) and not is_within(name, MAY_IMPORT[folder])}
        assert foreign == set(), f"{path} imports {foreign}"


def test_each_folder_of_dev_has_its_rule() -> None:
    folders = {path.parent.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "dev").rglob("*.py")}
    assert folders - {"dev"} <= set(MAY_IMPORT)
    for path in (CHECKOUT / "dev").glob("*.py"):
        assert not {name for name in imported(path) if is_within(name, {"dev", "tests"})}
