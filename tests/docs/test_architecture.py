"""docs/architecture.md describes what is there, and what it promises about the parts holds."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "tap_zuora_testenv"
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
PARTS = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
EMULATOR = sorted((PACKAGE / "emulator").glob("*.py"))
# What neither keeps anything, nor asks the machine or the network for anything.
WITHOUT_EFFECT = {
    *("__future__", "collections", "dataclasses", "datetime", "decimal", "difflib", "email.utils", "functools", "http"),
    *("contextlib", "ipaddress", "json", "re", "typing", "urllib.parse", "singer_sdk.typing"),
}


def table(*heading: str) -> list[list[str]]:
    (rows,) = re.findall(rf"^\| {re.escape(' | '.join(heading))} \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


TOLD = {codes(part)[0]: purpose for part, purpose in table("part", "what it is for")}


def imports(path: Path, *, types: bool) -> set[str]:
    """Name the modules that a module imports; with those that it needs for its types alone, or without."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not types:
                waiting += node.orelse
            case ast.ImportFrom():
                assert node.level == 0, f"{path} has a relative import"
                from_package = node.module == "tap_zuora_testenv"
                found |= {f"{node.module}.{each.name}" for each in node.names} if from_package else {str(node.module)}
            case ast.Import():
                found |= {each.name for each in node.names}
            case _:
                waiting += ast.iter_child_nodes(node)
    return found


def own(path: Path, *, types: bool = False) -> set[str]:
    """Name the parts of this package that a module imports."""
    names = (name.split(".") for name in imports(path, types=types))
    return {name[1] for name in names if name[0] == "tap_zuora_testenv" and len(name) > 1}


def is_pure(part: str) -> bool:
    told = importlib.import_module(f"tap_zuora_testenv.{part}").__doc__ or ""
    return re.search(r"\bpure\b", told.splitlines()[0], re.IGNORECASE) is not None


def test_the_page_tells_of_each_part_and_of_no_other() -> None:
    assert sorted(TOLD) == sorted(PARTS)
    assert {part for part, purpose in TOLD.items() if purpose.startswith("Pure:")} == set(filter(is_pure, PARTS))


def test_the_page_tells_of_each_folder_that_is_published() -> None:
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        published = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    folders = {name for name in published if (CHECKOUT / name).is_dir() and not name.startswith(".")}
    assert {folder for cell, _ in table("folder", "what lives there") for folder in codes(cell)} == folders


def test_the_picture_shows_parts_only() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    nodes = set(re.findall(r"\b([a-z_]+)(?=[\[( ]|$)", re.sub(r'"[^"]*"', "", picture), re.MULTILINE))
    assert nodes - set(PARTS) == {"flowchart", "given", "target", "verdict", "zuora"}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_imports_go_down_the_table_only(part: str) -> None:
    order = list(TOLD)
    assert own(PARTS[part]) <= set(order[order.index(part) + 1 :])


@pytest.mark.parametrize("part", [part for part in sorted(PARTS) if is_pure(part)])
def test_a_pure_part_imports_what_is_without_effect(part: str) -> None:
    foreign = {name for name in imports(PARTS[part], types=False) if not name.startswith("tap_zuora_testenv")}
    assert foreign <= WITHOUT_EFFECT
    # `errors` and `redaction` make texts; `settings` is data; the outcome's words are data too.
    assert own(PARTS[part]) <= {*filter(is_pure, PARTS), "errors", "redaction", "settings", "outcome"}


def test_look_ahead_knows_nothing_of_zuora() -> None:
    assert own(PARTS["look_ahead"], types=True) == set()


@pytest.mark.parametrize("path", EMULATOR, ids=lambda path: path.stem)
def test_the_emulator_never_imports_the_tap(path: Path) -> None:
    assert own(path, types=True) <= {"emulator"}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_tap_never_imports_the_emulator(part: str) -> None:
    assert "emulator" not in own(PARTS[part], types=True)


def classes(part: str) -> list[type]:
    module = importlib.import_module(f"tap_zuora_testenv.{part}")
    return [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__]


@pytest.mark.parametrize(
    ("hook", "part"),
    [(hook, codes(where)[0]) for hooks, where, _ in table("hook", "where", "what for") for hook in codes(hooks)],
)
def test_a_hook_is_overridden_where_the_page_says(hook: str, part: str) -> None:
    overriding = [each for each in classes(part) if hook in vars(each)]
    assert any(hasattr(base, hook) for each in overriding for base in each.__mro__ if is_sdks(base))


def is_sdks(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "singer_sdk"


def test_the_page_tells_of_each_hook_that_is_overridden() -> None:
    overridden = {
        name
        for part in PARTS
        for each in classes(part)
        for name, member in vars(each).items()
        if is_marked(member) and any(name in vars(base) for base in each.__mro__[1:] if is_sdks(base))
    }
    told = {hook for hooks, *_ in table("hook", "where", "what for") for hook in codes(hooks)}
    assert {name for name in overridden if not name.startswith("_")} <= told


def is_marked(member: object) -> bool:
    """Say whether a member of a class is marked as an override."""
    wrapped = (getattr(member, name, member) for name in ("fget", "func", "__func__"))
    return any(getattr(each, "__override__", False) for each in wrapped)


def test_the_page_tells_of_each_private_member_that_is_overridden() -> None:
    overridden = {
        name
        for part in PARTS
        for each in classes(part)
        for name in vars(each)
        if re.match(r"_(?!_|abc_)", name) and any(name in vars(base) for base in each.__mro__[1:] if is_sdks(base))
    }
    told = {codes(member)[0].rpartition(".")[2] for member, _, _ in table("member", "why", "watched by")}
    assert overridden | {"_config", "StreamStateManager"} == told


@pytest.mark.parametrize("test", [test for *_, tests in table("member", "why", "watched by") for test in codes(tests)])
def test_a_test_that_the_page_names_exists(test: str) -> None:
    assert [path for path in (CHECKOUT / "tests").rglob("test_*.py") if f"def {test}(" in path.read_text()]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|emulator|schemas)/[^`]*)`", PAGE))))
def test_a_path_that_the_page_names_exists(path: str) -> None:
    assert (CHECKOUT / path).exists() or (PACKAGE / path).exists()
