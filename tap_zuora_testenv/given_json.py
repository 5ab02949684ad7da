"""Pure: reads JSON that a person wrote, and describes what is wrong with it without showing any of it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

MOST_LEVELS = 100
"""How deeply lists and objects may be nested: far more than any setting, state or catalog needs.

Recursive functions of Python and singer-sdk fail at a few hundred levels.
"""

HALF_CHARACTER = r"contains half a character (such as \ud800), which no message can contain"

# A `key: value` or a list's `- `, at the start of a text that starts with neither brace nor bracket.
_YAML = re.compile(r"(?:---|-\s|[\w.-]+:(?:\s|$))")
_VARIABLE = re.compile(r"(?:export\s+)?[A-Za-z_]\w*=")
_COMMENT = re.compile(r"(?:\s*(?:#|//)[^\n]*(?:\n|$)|\s+)*")
_TRAILING_COMMA = re.compile(r",\s*[}\]]")
_PYTHON_CONSTANT = re.compile(r"(?:True|False|None|NaN|-?Infinity)\b")


def parse(text: str) -> Any:  # noqa: ANN401 - whatever JSON may be
    """Return what a JSON text contains; a number with a fraction as a Decimal, as singer-sdk reads it.

    Args:
        text: The text, without a byte order mark.

    Raises:
        ValueError: It is not JSON, or is nested too deeply; the error's text completes "the text ...".
    """
    try:
        content = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_describe(error)) from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _is_too_deep(content):
        raise ValueError(_TOO_DEEP)
    return content


def has_lone_surrogate(content: object) -> bool:
    r"""Return whether a text within some JSON has a surrogate without its other half, as `"\ud800"` has."""
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return True
    return False


_TOO_DEEP = f"is nested more than {MOST_LEVELS} levels deep"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"is not JSON: it contains {name}, which JSON does not have")


def _describe(error: json.JSONDecodeError) -> str:
    """Return what the text is instead of JSON, and where the difference is."""
    text = error.doc
    if not text.strip():
        return "is empty"
    start = text[_match_end(_COMMENT, text) :]
    if _YAML.match(start):
        return "is not JSON: it looks like YAML"
    if _VARIABLE.match(start):
        return "is not JSON: it looks like environment variables, which --config=ENV reads"
    where = f" (line {error.lineno}, column {error.colno})"
    hint = _hint(text, error.pos) if error.msg != "Extra data" else "there is more after the end of the first value"
    return f"is not JSON{where}" + (f": {hint}" if hint else "")


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _hint(text: str, position: int) -> str:
    """Return which of the usual mistakes is at a place, empty if it is none of them."""
    rest = text[position:]
    # Python 3.13 and newer report the comma, older versions what comes after it.
    if _TRAILING_COMMA.match(rest) or (rest[:1] in set("}]") and text[:position].rstrip().endswith(",")):
        return "there is a comma after the last entry"
    if rest.startswith(("//", "/*", "#")):
        return "it has a comment, which JSON does not allow"
    if rest.startswith("'"):
        return "JSON needs double quotes, not single ones"
    if rest[:1] in set("\u201c\u201d\u201e\u2018\u2019"):
        return 'it has typographic quotes, and JSON needs plain ones (")'
    if _PYTHON_CONSTANT.match(rest):
        return "JSON has only the words true, false and null"
    return ""


def _is_too_deep(content: object) -> bool:
    """Return whether lists and objects are nested too deeply, one level at a time: a call per level could fail."""
    level = [content]
    for _ in range(MOST_LEVELS + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)
