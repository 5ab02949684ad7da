"""Pure: the types of values, how a value becomes one of a given type if that is exact, and which hosts are loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Row: TypeAlias = dict[str, Any]
"""A job or a test environment, as Zuora sent it."""

VISIBLE_ASCII = r"^[\x21-\x7e]+\Z"
"""The pattern of a word of visible ASCII characters."""

REPLACEMENT_CHARACTER = "\ufffd"

# The largest integer of most warehouses. Zuora declares int32.
_LARGEST_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"([+-]?[0-9]{1,19})(?:\.0+)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "false": False}
# The levels of a nested value: deeper than any real one, and far from the limits of the JSON libraries.
_DEEPEST = 100
# A surrogate without its other half is not a character, and UTF-8 cannot encode it.
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def without_lone_surrogates(text: str) -> str:
    """Return the text with U+FFFD for each surrogate without its other half."""
    return text if text.isascii() else _LONE_SURROGATE.sub(REPLACEMENT_CHARACTER, text)


def storable(text: str) -> str:
    """Return the text with U+FFFD for each NUL, which databases refuse, and each surrogate without its other half."""
    return without_lone_surrogates(text).replace("\0", REPLACEMENT_CHARACTER)


def string(raw: object) -> str | None:
    """Return a value as a string, None if that is not exact.

    A number becomes its digits: `tenantId` is declared as a string, and Zuora's samples show a number.
    """
    if isinstance(raw, str):
        return storable(raw)
    is_number = isinstance(raw, int | Decimal) and not isinstance(raw, bool)
    return str(raw) if is_number else None


def integer(raw: object) -> int | None:
    """Return a value as an integer of at most 64 bits, None if that is not exact."""
    value = None
    if isinstance(raw, str):
        match = _INTEGER.fullmatch(raw)
        value = match and int(match[1])
    elif isinstance(raw, Decimal):
        # The limit first: as an integer, a Decimal such as 1e999999999 would fill the memory.
        is_small = raw.is_finite() and raw.copy_abs() <= _LARGEST_INTEGER
        value = int(raw) if is_small and raw == int(raw) else None
    elif isinstance(raw, int) and not isinstance(raw, bool):
        value = raw
    return value if value is not None and -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER else None


def number(raw: object) -> int | Decimal | None:
    """Return a value as a number in the range of a double, None if that is not exact."""
    if isinstance(raw, str):
        raw = Decimal(raw) if _NUMBER.fullmatch(raw) else None
    if not isinstance(raw, int | Decimal) or isinstance(raw, bool):
        return None
    try:
        double = float(raw)
    except (ValueError, OverflowError):
        return None
    return raw if math.isfinite(double) and bool(double) is bool(raw) else None


def boolean(raw: object) -> bool | None:
    """Return a value as a boolean, None if that is not exact."""
    if isinstance(raw, str):
        return _BOOLEANS.get(raw)
    return raw if isinstance(raw, bool) else None


def date(raw: object) -> str | None:
    """Return a value if it is a date in ISO 8601, else None."""
    return _iso_8601(raw, dt.date.fromisoformat)


def time(raw: object) -> str | None:
    """Return a value if it is a time in ISO 8601, else None."""
    return _iso_8601(raw, dt.time.fromisoformat)


def _iso_8601(raw: object, read: Callable[[str], object]) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        read(raw)
    except ValueError:
        return None
    return raw


def as_sent(raw: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value whose texts are storable, None if it is nested more deeply than a target reads."""
    try:
        return _as_sent(raw, _DEEPEST)
    except RecursionError:
        return None


def _as_sent(raw: object, levels: int) -> object:
    if levels == 0:
        raise RecursionError
    match raw:
        case str():
            return storable(raw)
        case list():
            return [_as_sent(each, levels - 1) for each in raw]
        case dict():
            return {storable(key): _as_sent(each, levels - 1) for key, each in raw.items()}
        case _:
            return raw


def is_loopback_host(host: str) -> bool:
    """Return whether a host of a URL is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
