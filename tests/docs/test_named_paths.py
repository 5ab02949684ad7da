"""Every path that a configuration names exists, so that no move silently empties a list."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
TOOLS = PROJECT["tool"]
BUILD = TOOLS["hatch"]["build"]["targets"]

NAMED = {
    "coverage's omit": [pattern.removeprefix("*/") for pattern in TOOLS["coverage"]["run"]["omit"]],
    "coverage's source": TOOLS["coverage"]["run"]["source"],
    "mutmut's only_mutate": TOOLS["mutmut"]["only_mutate"],
    "mutmut's also_copy": TOOLS["mutmut"]["also_copy"],
    "mutmut's tests": TOOLS["mutmut"]["pytest_add_cli_args_test_selection"],
    "pytest's pythonpath": TOOLS["pytest"]["ini_options"]["pythonpath"],
    "pytest's testpaths": TOOLS["pytest"]["ini_options"]["testpaths"],
    "ruff's per-file-ignores": list(TOOLS["ruff"]["lint"]["per-file-ignores"]),
    "ruff's src": TOOLS["ruff"]["src"],
    "the sdist": BUILD["sdist"]["only-include"],
    "the wheel": [*BUILD["wheel"]["packages"], *BUILD["wheel"]["force-include"]],
    "the scripts": [
        f"{script.partition(':')[0].replace('.', '/')}{end}"
        for script in PROJECT["project"]["scripts"].values()
        for end in (["/__init__.py"] if (CHECKOUT / script.partition(":")[0].replace(".", "/")).is_dir() else [".py"])
    ],
}


@pytest.mark.parametrize(
    ("where", "pattern"), [(where, pattern) for where, patterns in NAMED.items() for pattern in patterns]
)
def test_a_path_that_pyproject_names_exists(where: str, pattern: str) -> None:
    assert pattern == "." or list(CHECKOUT.glob(pattern.rstrip("/"))), f"{where} names {pattern}"


# A word with a slash whose first part is tracked, or the argument of `-m`.
_FOLDERS = "|".join(sorted(path.name for path in CHECKOUT.iterdir() if path.is_dir() and path.name[0].isalpha()))


def test_each_path_that_the_makefile_names_exists() -> None:
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    paths = set(re.findall(rf"(?<![\w/.])(?:{_FOLDERS})/[\w./*-]+", text))
    # What make itself makes.
    kept = {path for path in paths if not path.startswith("build/")}
    assert kept
    assert {path for path in kept if not list(CHECKOUT.glob(path))} == set()


def test_each_module_that_the_makefile_runs_exists() -> None:
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    modules = set(re.findall(r"-m (?!pytest\b|build\b|pip\b|venv\b)([\w.]+)", text))
    assert modules
    for module in modules:
        path = CHECKOUT / module.replace(".", "/")
        assert (path / "__main__.py").is_file() or path.with_suffix(".py").is_file(), module
