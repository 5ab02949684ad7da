"""Finds habits of English that stop a reader, in documents, docstrings and comments; part of `make check`.

A rule that fires wrongly is removed. A file is on the list once it is clean, and then stays clean.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
CLEAN = (
    "dev/*.py",
    "dev/demo/*.py",
    "dev/generate/*.py",
    "dev/soak/*.py",
    "dev/testbed/*.py",
    "docs/architecture.md",
    "docs/upgrading.md",
    "tap_zuora_testenv/*.py",
    "tap_zuora_testenv/report/*.py",
    "tap_zuora_testenv/zuora/*.py",
)
_TIMES = "day|hour|minute|second|week|run|stream|tenant|environment|job|kind"
HABITS = (
    (r"(?:^|[.:;!?]\s+)Who (?:has|is|needs|wants|was|can|may)\b", 'a clause with a noun, such as "anyone who"'),
    (r"(?i)\b(?:tells?|told|telling)\b", '"document", "log", "print", "return" or "describe"'),
    (r"(?i)\b(?:stands|stood)\b|\bstand (?:in|on|at|there|above|below|beside)\b|\blies (?:in|on|beside)\b", '"is"'),
    (r"(?i)(?<!leave )(?<!left )(?<!let )\balone\b", '"only"'),
    (rf"(?i)\b(?:one|two|three|\d[\d,.]*) \w+ an? (?:{_TIMES})\b", '"per"'),
    (r"(?i)\b(?:begun|midst|shall|mends?|mended)\b|\bbut for\b|\bbelongs? into\b", "a plainer word"),
    (r"(?i)\b(?:it|that|which) is no \w", '"is not a"'),
)


def main() -> int:
    """Print what is found, a line each; return 1 if anything is."""
    found = [
        f'{path.relative_to(CHECKOUT)}:{number}: "{match.group().strip()}"; write {instead}'
        for pattern in CLEAN
        for path in sorted(CHECKOUT.glob(pattern))
        for number, text in texts(path)
        for habit, instead in HABITS
        for match in re.finditer(habit, text)
    ]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)  # noqa: T201
    return 1 if found else 0


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Return the prose of a file, with line numbers: all of a document, the docstrings and comments of Python."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        return
    with path.open("rb") as file:
        yield from (
            (token.start[0], token.string.lstrip("# "))
            for token in tokenize.tokenize(file.readline)
            if token.type == tokenize.COMMENT
        )
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield from enumerate(text.splitlines(), start=node.lineno)


if __name__ == "__main__":
    sys.exit(main())
