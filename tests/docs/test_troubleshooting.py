"""docs/troubleshooting.md has each message of the commands, the installer, the demos and the examples, word for word.

The messages are the texts of three or more words in the source, so that a new one is found wherever it is. What is
filled in is `…` on both sides. Of several sentences, the first counts: the others are the advice.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.generate.tap_settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "tap_zuora_testenv"
PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

# Each with the reason why its texts are not messages.
OTHER_FILES = {
    "emulator/description.py": "the OpenAPI description",
    "emulator/help.py": "the text of --help",
    "report/charts.py": "the text of the page that the report is",
    "report/page.py": "the text of the page that the report is",
    "zuora/connections.py": "errors of urllib3, whose texts are never shown; `transport` describes them",
}
OTHER_CALLS = {
    "Refusal": "a response of the emulated Zuora, as Zuora has it; the tap quotes it in its message",
    "cast": "a type",
    "compile": "a pattern",
    "text": "a statement in SQL",
}
OTHER_KEYWORDS = {
    "description": "the text of --help, or the settings table",
    "epilog": "the text of --help",
    "help": "the text of --help",
}
OTHER_NAMES = {
    "emulator/command.py": {"environments": "the text of --help"},
    "emulator/operations.py": {"UNAUTHENTICATED": "responses of the emulated Zuora"},
    "emulator/faults.py": {"kind": "a header"},
    "emulator/tokens.py": {"SCOPE": "the field of a response"},
    "extraction.py": {"Unfinished": "a type"},
    "status.py": {"_HELP": "the text of --help", "_EPILOG": "the text of --help"},
    "tap.py": {"EXAMPLE": "the text of --help", "_HELP_OF_TEST": "the text of --help"},
}
# `make airflow` shows developers the DAG; the rest of a demo is the first thing that a newcomer runs.
DEMO = [
    path
    for folder in ("demo", "testbed")
    for path in sorted((CHECKOUT / "dev" / folder).glob("*.py"))
    if not path.name.startswith("airflow")
]
# By file: the words that print.
SCRIPTS = {
    "Makefile": "echo",
    "examples/schedules/meltano-sync.sh": "echo|fail",
    "examples/schedules/sync.sh": "echo|fail",
    "requirements/install.sh": "say|fail",
}


def texts(node: ast.AST, other_names: dict[str, str]) -> Iterator[str]:
    """Yield the texts that may be messages, with `…` for what is filled in."""
    if is_other(node, other_names):
        return
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from texts(part.value, other_names)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from texts(child, other_names)


def is_other(node: ast.AST, other_names: dict[str, str]) -> bool:
    """Return whether the texts in a part of a module are not messages."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in OTHER_CALLS
        case ast.keyword(arg=str(name)):
            return name in OTHER_KEYWORDS
        case (
            ast.Assign(targets=[ast.Name(id=name)])
            | ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id=name), *_])])
            | ast.AnnAssign(target=ast.Name(id=name))
        ):
            return name in other_names
    # A docstring, or what somebody else's text is searched for.
    return isinstance(node, ast.Expr | ast.Compare) and isinstance(next(ast.iter_child_nodes(node)), ast.Constant)


def normal(text: str) -> str:
    """Return the first sentence of a message in one form: of the source, of the page and of the shell."""
    text = re.sub(r"%(?:\(\w+\))?[-.\d]*[sdfgr]\b", "…", text)
    text = re.sub(r"(…`?)(?:[ ,.]*…)+", r"\1", " ".join(text.split()))
    return re.split(r"(?<=[.?!]) (?=[A-Z…])", text)[0].strip(" .,:;()")


def is_message(text: str) -> bool:
    return len([word for word in text.split() if re.search(r"[A-Za-z]", word)]) >= 3


def of_the_package() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in OTHER_FILES:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from ((name, text) for text in texts(tree, OTHER_NAMES.get(name, {})))


def of_the_demos() -> Iterator[tuple[str, str]]:
    for path in DEMO:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ToolError":
                yield from ((path.name, text) for argument in node.args for text in texts(argument, {}))


def of_the_alerts() -> Iterator[tuple[str, str]]:
    path = CHECKOUT / "examples" / "alerts" / "webhook.py"
    yield from ((path.name, text) for text in texts(ast.parse(path.read_text(encoding="utf-8")), {"TITLE": "a title"}))


def of_the_shell() -> Iterator[tuple[str, str]]:
    for name, words in SCRIPTS.items():
        script = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        # A command within a text may have quotes of its own, and another command within it.
        for filled_in in (r"\$\([^()]*\)", r"\$\(\([^()]*\)\)", r"\$(?:\{[^}]*\}|\w+|@)"):
            script = re.sub(filled_in, "…", script)
        for command in re.findall(rf"""\b(?:{words})((?:\s+(?:"[^"]*"|'[^']*'))+)""", script):
            yield name, " ".join(text.strip("\"'") for text in re.findall(r""""[^"]*"|'[^']*'""", command))


FOUND = {normal(text): where for where, text in (*of_the_package(), *of_the_demos(), *of_the_alerts(), *of_the_shell())}
ENTRIES = {
    normal(text): text
    for text in (*re.findall(r"^### (.*)$", PAGE, re.MULTILINE), *re.findall(r"\*\*((?:[^*]|\n)+)\*\*", PAGE))
}


@pytest.mark.parametrize("source", [of_the_package, of_the_demos, of_the_alerts, of_the_shell])
def test_messages_are_found(source: Callable[[], Iterator[tuple[str, str]]]) -> None:
    assert [text for _, text in source() if is_message(normal(text))]


def test_the_page_has_each_message_word_for_word() -> None:
    lacking = [f"{where}: {text}" for text, where in FOUND.items() if is_message(text) and text not in ENTRIES]
    assert not lacking, "\n".join(["docs/troubleshooting.md lacks:", *lacking])


def test_each_entry_of_the_page_is_a_message() -> None:
    stale = [written for text, written in ENTRIES.items() if text not in FOUND]
    assert not stale, "\n".join(["docs/troubleshooting.md has what nothing prints:", *stale])


def test_each_entry_of_the_page_explains_its_message() -> None:
    assert re.findall(r"^### .*\n+(?=#|\Z)", PAGE, re.MULTILINE) == []


def test_the_entry_of_a_setting_that_is_refused_names_each_setting() -> None:
    entry = PAGE.partition("\n### Setting `…` must be …\n")[2].partition("\n### ")[0]
    assert [each.name for each in settings() if each.is_own and f"`{each.name}`" not in entry] == []


@pytest.mark.parametrize("name", sorted({*OTHER_FILES, *OTHER_NAMES}))
def test_what_is_left_out_exists(name: str) -> None:
    source = (PACKAGE / name).read_text(encoding="utf-8")
    assert all(re.search(rf"^\s*{each}\b.* = ", source, re.MULTILINE) for each in OTHER_NAMES.get(name, ()))
