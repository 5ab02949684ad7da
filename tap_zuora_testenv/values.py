"""Pure: the types of values, and how a value becomes one of a given type if that is exact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
"""A job or a test environment, as Zuora sent it."""

VISIBLE_ASCII = r"^[\x21-\x7e]+\Z"
"""The pattern of a word of visible ASCII characters."""

REPLACEMENT_CHARACTER = "\ufffd"

# The largest integer of most warehouses. Zuora declares int32.
_LARGEST_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"([+-]?[0-9]{1,19})(?:\.0+)?")
# A surrogate without its other half is not a character, and UTF-8 cannot encode it.
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def without_lone_surrogates(text: str) -> str:
    """Return the text with U+FFFD for each surrogate without its other half."""
    return text if text.isascii() else _LONE_SURROGATE.sub(REPLACEMENT_CHARACTER, text)


def string(raw: object) -> str | None:
    """Return a value as a string, None if that is not exact.

    A number becomes its digits: `tenantId` is declared as a string, and Zuora's samples show a number.
    """
    if isinstance(raw, str):
        return without_lone_surrogates(raw)
    is_number = isinstance(raw, int | Decimal) and not isinstance(raw, bool)
    return str(raw) if is_number else None


def integer(raw: object) -> int | None:
    """Return a value as an integer of at most 64 bits, None if that is not exact."""
    if type(raw) is int and -_LARGEST_INTEGER <= raw <= _LARGEST_INTEGER:
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        return None
    match = _INTEGER.fullmatch(str(raw))
    if match is None:
        return None
    value = int(match[1])
    return value if -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER else None
