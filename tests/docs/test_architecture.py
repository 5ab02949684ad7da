"""docs/architecture.md describes what there is, and what it promises about the modules is true."""

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
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")


def _modules() -> dict[str, Path]:
    """The tap's modules by their names within the package, such as `zuora.client`."""
    paths = [*PACKAGE.glob("*.py"), *(PACKAGE / "zuora").glob("*.py")]
    named = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in paths}
    return {name: path for name, path in named.items() if not name.rpartition(".")[2].startswith("__")}


MODULES = _modules()
# What has no state and reads neither the clock, nor files, nor the network.
WITHOUT_EFFECT = {
    *("__future__", "collections", "datetime", "decimal", "difflib", "email.utils", "functools", "http"),
    *("dataclasses", "ipaddress", "json", "math", "re", "typing", "urllib.parse", "singer_sdk.typing"),
}


def table(*heading: str) -> list[list[str]]:
    (rows,) = re.findall(rf"^\| {re.escape(' | '.join(heading))} \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


DESCRIBED = {codes(module)[0]: purpose for module, purpose in table("module", "what it is for")}


def imports(path: Path) -> set[str]:
    """Name the modules that a module imports at run time."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                waiting += node.orelse
            case ast.ImportFrom():
                assert node.level == 0, f"{path} has a relative import"
                found.add(str(node.module))
            case ast.Import():
                found |= {each.name for each in node.names}
            case _:
                waiting += ast.iter_child_nodes(node)
    return found


def is_pure(module: str) -> bool:
    described = importlib.import_module(f"tap_zuora_testenv.{module}").__doc__ or ""
    return described.startswith("Pure:")


def test_the_page_describes_each_module_and_no_other() -> None:
    assert sorted(DESCRIBED) == sorted(MODULES)
    assert {module for module, purpose in DESCRIBED.items() if purpose.startswith("Pure:")} == set(
        filter(is_pure, MODULES)
    )


def test_the_modules_are_in_the_order_of_the_layers() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    layers = {
        prefix + module: number
        for number, (prefix, layer) in enumerate(
            (f"{container.removeprefix('tap_zuora_testenv').removeprefix('.')}.".lstrip("."), layer)
            for contract in contracts
            if contract["type"] == "layers"
            for container in contract["containers"]
            for layer in contract["layers"]
        )
        for module in layer.split(" | ")
    }
    client = [name for name in DESCRIBED if name.startswith("zuora.")]
    tap = [name.partition(".")[0] for name in DESCRIBED]
    assert client == sorted(client, key=layers.__getitem__)
    assert tap == sorted(tap, key=layers.__getitem__)


def test_the_page_describes_each_folder_that_is_published() -> None:
    published = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    folders = {name for name in published if (CHECKOUT / name).is_dir() and not name.startswith(".")}
    assert {folder for cell, _ in table("folder", "what is in it") for folder in codes(cell)} == folders


def test_the_picture_shows_only_modules() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
    nodes = set(re.findall(r"\b([a-z_]+)(?=[\[( ]|$)", re.sub(r'"[^"]*"', "", picture), re.MULTILINE))
    names = {name.rpartition(".")[2] for name in MODULES}
    assert nodes - names == {"flowchart", "given", "target", "verdict", "subgraph", "zuora", "api", "end"}


@pytest.mark.parametrize("module", [module for module in sorted(MODULES) if is_pure(module)])
def test_a_pure_module_imports_only_what_is_without_effect(module: str) -> None:
    found = imports(MODULES[module])
    own = {name.removeprefix("tap_zuora_testenv.") for name in found if name.startswith("tap_zuora_testenv")}
    assert {name for name in found if not name.startswith("tap_zuora_testenv")} <= WITHOUT_EFFECT
    # `zuora.errors` and `redaction` make texts; `settings` is data.
    assert own <= {*filter(is_pure, MODULES), "zuora.errors", "redaction", "settings"}


def test_look_ahead_imports_nothing_of_ours() -> None:
    assert not [name for name in imports(MODULES["zuora.look_ahead"]) if name.startswith("tap_zuora_testenv")]


def classes(module_name: str) -> list[type]:
    module = importlib.import_module(f"tap_zuora_testenv.{module_name}")
    return [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__]


@pytest.mark.parametrize(
    ("hook", "module"),
    [(hook, codes(where)[0]) for hooks, where, _ in table("hook", "where", "what for") for hook in codes(hooks)],
)
def test_a_hook_is_overridden_where_the_page_says(hook: str, module: str) -> None:
    overriding = [each for each in classes(module) if hook in vars(each)]
    assert any(hasattr(base, hook) for each in overriding for base in each.__mro__ if is_sdks(base))


def is_sdks(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "singer_sdk"


def test_the_page_describes_each_hook_that_is_overridden() -> None:
    overridden = {
        name
        for module in MODULES
        for each in classes(module)
        for name, member in vars(each).items()
        if is_marked(member) and any(name in vars(base) for base in each.__mro__[1:] if is_sdks(base))
    }
    described = {hook for hooks, *_ in table("hook", "where", "what for") for hook in codes(hooks)}
    assert {name for name in overridden if not name.startswith("_")} <= described


def is_marked(member: object) -> bool:
    """Return whether a member of a class is marked as an override."""
    wrapped = (getattr(member, name, member) for name in ("fget", "func", "__func__"))
    return any(getattr(each, "__override__", False) for each in wrapped)


def test_the_page_describes_each_private_member_that_is_overridden() -> None:
    overridden = {
        name
        for module in MODULES
        for each in classes(module)
        for name in vars(each)
        if re.match(r"_(?!_|abc_)", name) and any(name in vars(base) for base in each.__mro__[1:] if is_sdks(base))
    }
    described = {codes(member)[0].rpartition(".")[2] for member, _, _ in table("member", "why", "watched by")}
    assert overridden | {"_config", "StreamStateManager"} == described


@pytest.mark.parametrize("test", [test for *_, tests in table("member", "why", "watched by") for test in codes(tests)])
def test_a_test_that_the_page_names_exists(test: str) -> None:
    assert [path for path in (CHECKOUT / "tests").rglob("test_*.py") if f"def {test}(" in path.read_text()]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:tests|emulator|schemas)/[^`]*)`", PAGE))))
def test_a_path_that_the_page_names_exists(path: str) -> None:
    assert (CHECKOUT / path).exists() or (PACKAGE / path).exists()
