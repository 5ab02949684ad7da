"""Finds English that stops a reader, in all published text; part of `make check`.

The text of a Python file is its comments, its strings and the names of its tests; of any other file, all of it. A
rule that matches good English is changed, or removed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hatchling.builders.sdist import SdistBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[1]
# Texts that are not ours, and those that are about these rules.
EXEMPT = {"LICENSE", "dev/english.py", "tests/docs/test_english.py"}
DRAWN = {".png", ".svg"}

# Nouns that a rate is counted by in this project.
_COUNTED = (
    "answer|attempt|bookmark|change|column|connection|day|entry|environment|file|hour|job|kind|line|message|minute|"
    "mistake|partition|pause|record|request|response|retry|round|row|run|second|stream|tenant|test|thread|token"
)


# Before the first word of a sentence.
_START = r"(?:\A|[.:;!?|] )"


class Rule(NamedTuple):
    """A habit.

    Attributes:
        pattern: Matches the habit. If the pattern has a group, only a match of the group counts: the alternatives
            before the group are good English.
        instead: What to write instead.
    """

    pattern: re.Pattern[str]
    instead: str


def _rule(pattern: str, instead: str, *flags: re.RegexFlag) -> Rule:
    """Make a rule of a pattern in which a space means any white space."""
    return Rule(re.compile(pattern.replace(" ", r"\s+"), *(flags or (re.IGNORECASE,))), instead)


HABITS = (
    # A relative clause without its noun.
    _rule(
        rf"{_START}(Who (?:asks|can|has|is|may|must|needs|reads|runs|uses|waits|wants|was)\b(?![^.]*\?)|Whom\b)",
        'a noun with a clause, such as "anyone who"',
        re.NOFLAG,
    ),
    _rule(r"\b(?:by|for|from|of|than|to|wakes|with) who\b|\bwhoever\b", '"anyone who", or a noun'),
    # One word for every kind of output.
    _rule(r"\b(?:tells?|told|telling)\b", '"report", "log", "print", "return", "document" or "describe"'),
    # Verbs of position for things that have none.
    _rule(
        r"\b(?:stand|stands|stood) (?:for|out|up)\b|"
        r"(\bstands\b|\bstood\b|\bstand (?:above|at|below|beside|here|in|on|still|there)\b)",
        '"is", "is in" or "is listed in"',
    ),
    _rule(
        r"\b(?:lies|lie|lay) (?:above|after|ahead|before|behind|below|beside|between|beyond|elsewhere|here|in|on|there|"
        r"under|within)\b",
        '"is"',
    ),
    # "Only" for one of its kind.
    _rule(r"\b(?:leaves?|left|leaving|lets?|stand)\b[^.;:]*?[\s-]alone\b|\"alone\"|(\balone\b)", '"only"'),
    # The indefinite article for a rate.
    _rule(
        r"\b(?:one|two|three|four|five|ten|[0-9][0-9.,]*) (?!(?:and|as|at|by|for|from|if|in|is|of|on|or|to) )[\w-]+ "
        rf"an? (?:{_COUNTED})\b(?! (?:are|has|have|is|that|which|who)\b)",
        '"per"',
    ),
    _rule(rf"\ban? [\w-]+ an? (?:{_COUNTED})\b(?=[.,;:)|]|\Z)", '"per"'),
    # Archaic or literal.
    _rule(r"\bbegun\b|\bmidst\b|\bshall\b|\bmend(?:s|ed|ing)?\b|\bbut for\b|\bbelongs? into\b", "a plainer word"),
    _rule(r"\banew\b|\bafresh\b|\bfor ever\b|\ball the same\b(?! (?:as|for))", '"again", "forever" or "anyway"'),
    _rule(
        r"\b(?:an?|the|one|each|every|its) (?:[\w-]+ ){1,2}of (?:its|their|his|her|one's) own\b",
        '"its own" or "separate"',
    ),
    _rule(
        r"\b(?:it|that|which|who|this|they|these|he|what) (?:is|are|was|were) no "
        r"(?!(?:better|earlier|fewer|further|later|less|longer|lower|more|worse)\b)\w+",
        '"is not a"',
    ),
    _rule(r"\b(?:it|that|which|who|this) (?:is|are|was|were) none\b(?! of)", '"is not one"'),
    _rule(r"\btaken for (?!granted\b)|\btakes? (?:him|it|one|that|them|this) for\b", '"treated as" or "mistaken for"'),
    _rule(r"\b(?:can|cannot|could|may|might|to) be had\b|\bto be rid of\b|\bgets? to know\b", "a plainer verb"),
    _rule(r"\bwhat (?:came|comes) of\b", '"the result of"'),
    _rule(r"\b(?:has|have|had) (?:its|their) way\b|\bin vain\b", "a plainer phrase"),
    _rule(r"\b(?:can|could|longer|may|might|must|to|will|would) be so\b(?! [a-z])", '"be true"'),
    _rule(rf"{_START}(Without more\b)", '"by default"', re.NOFLAG),
)


def main() -> int:
    """Print what is found, one line per finding; return 1 if anything is."""
    found = [
        f'{path.relative_to(CHECKOUT)}:{number}: "{words}"; write {instead}'
        for path in published()
        for number, words, instead in sorted(findings(path.name, path.read_text(encoding="utf-8")))
    ]
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


def published() -> list[Path]:
    """Return the files with text that the project publishes: those of the sdist, and `.ci`."""
    included = (Path(file.path) for file in SdistBuilder(str(CHECKOUT)).recurse_included_files())
    return sorted(
        path
        for path in {*included, CHECKOUT / "pyproject.toml", CHECKOUT / ".gitignore", *(CHECKOUT / ".ci").iterdir()}
        if path.suffix not in DRAWN and path.relative_to(CHECKOUT).as_posix() not in EXEMPT
    )


def findings(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the words and the advice of each habit in a file.

    Args:
        name: The name of the file.
        text: Its text.
    """
    for first, part in _parts_of_python(text) if name.endswith(".py") else [(1, _without_marks(text))]:
        for pattern, instead in HABITS:
            for match in pattern.finditer(part):
                group = min(pattern.groups, 1)
                if match[group]:
                    yield first + part.count("\n", 0, match.start(group)), " ".join(match[group].split()), instead


def _parts_of_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the English of a module: its comments, strings and names of tests, each with its first line."""
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    # A comment goes on in the next line.
    for _, block in groupby(enumerate(comments), key=lambda each: each[1][0] - each[0]):
        lines = [comment for _, comment in block]
        yield lines[0][0], _without_marks("\n".join(line for _, line in lines))
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(value)):
                yield node.lineno, value
            case ast.FunctionDef(name=name) if name.startswith("test_"):
                yield node.lineno, name.replace("_", " ")


def _without_marks(text: str) -> str:
    return re.sub(r"^[ \t]*(?:#:?|--|//)", "", text, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
