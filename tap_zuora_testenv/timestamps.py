"""Pure: Zuora's date-times, and the instants that they name.

An instant is a whole number of nanoseconds since 1970-01-01T00:00:00Z: exact for the nine fractional digits that Zuora
sometimes sends, and compared as a number, since as text `...22.500Z` sorts before `...22Z` and is later.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeAlias

Instant: TypeAlias = int

NANOSECONDS_PER_SECOND = 1_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST_SECOND = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _SECOND
_LAST_SECOND = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // _SECOND

# The form of nearly all date-times, tried first because it is cheap.
_COMMON = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")
# Every form in Zuora's reference and samples: RFC 3339, a space for the T, no zone, a zone without colon, `UTC`.
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:(?P<separator>[Tt ])(?P<time>(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<gap> ?)(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_RFC_3339_ZONE = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")
# With fewer digits, a number is a year or a count of something, not milliseconds since 1970.
_EPOCH_MILLISECONDS = re.compile(r"-?[0-9]{11,15}")


class _DateTime(NamedTuple):
    """What a date-time names.

    Attributes:
        at: The instant.
        written: The date-time as RFC 3339, None if that cannot express it.
    """

    at: Instant
    written: str | None


def instant(value: object) -> Instant | None:
    """Read the instant that a date-time names.

    Args:
        value: What Zuora sent: text in any of its forms, or milliseconds since 1970 as a number or as digits. A time
            without a zone counts as UTC.

    Returns:
        The instant, or None if the value names none.
    """
    read = _read(value)
    return None if read is None else read.at


def rfc_3339(value: object) -> str | None:
    """Return a date-time as RFC 3339, in the form that Python's `datetime` and so every singer-sdk target reads.

    Args:
        value: As for `instant`.

    Returns:
        The same text if it is RFC 3339, with an upper-case `T` and `Z`, and with second 60 as the first second of the
        next minute. The same instant in UTC, with every fractional digit, if the value is in another form. None if the
        value names no instant between the years 1 and 9999.
    """
    if isinstance(value, str) and _read_common(value) is not None:
        return value
    read = _read(value)
    return None if read is None else read.written


def from_instant(at: Instant) -> str:
    """Return an instant as RFC 3339 in UTC, with a fraction only if there is one.

    Args:
        at: An instant; one before the year 1 or after 9999 is moved to that limit.
    """
    seconds, nanoseconds = divmod(at, NANOSECONDS_PER_SECOND)
    seconds = min(max(seconds, _FIRST_SECOND), _LAST_SECOND)
    return _text(seconds, f"{nanoseconds:09d}".rstrip("0"))


def _text(seconds: int, fraction: str, zone: str = "Z") -> str:
    # isoformat pads the year to four digits on every platform; strftime does not.
    whole = (_EPOCH + seconds * _SECOND).replace(tzinfo=None).isoformat()
    return f"{whole}.{fraction}{zone}" if fraction else f"{whole}{zone}"


def _read(value: object) -> _DateTime | None:
    if isinstance(value, str):
        return _read_text(value)
    return None if isinstance(value, bool) else _from_epoch_milliseconds(value)


# Cached: an `updateTime` is read when it is compared, when it is noted for the bookmark, and when it is emitted.
@lru_cache(maxsize=256)
def _read_text(value: str) -> _DateTime | None:
    common = _read_common(value)
    if common is not None:
        return _DateTime((common - _EPOCH) // _SECOND * NANOSECONDS_PER_SECOND, value)
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return _from_epoch_milliseconds(int(value)) if _EPOCH_MILLISECONDS.fullmatch(value) else None
    time, zone, fraction = match["time"] or "00:00:00", match["zone"] or "Z", match["fraction"] or ""
    # RFC 3339 allows a leap second; Python's datetime does not.
    is_leap_second = time.endswith(":60")
    offset = _offset_in_seconds(zone)
    try:
        whole = datetime.fromisoformat(f"{match['date']}T{time[:6] + '59' if is_leap_second else time}+00:00")
    except ValueError:
        return None
    if offset is None:
        return None
    local = (whole - _EPOCH) // _SECOND + is_leap_second
    seconds = local - offset
    at = seconds * NANOSECONDS_PER_SECOND + int(fraction[:9].ljust(9, "0"))
    is_rfc_3339 = match["separator"] in {"T", "t"} and not match["gap"] and match["zone"] is not None
    if is_rfc_3339 and _RFC_3339_ZONE.fullmatch(zone):
        return _DateTime(at, _text(local, fraction, zone.upper()) if local <= _LAST_SECOND else None)
    return _DateTime(at, _text(seconds, fraction) if _FIRST_SECOND <= seconds <= _LAST_SECOND else None)


def _read_common(value: str) -> datetime | None:
    if _COMMON.fullmatch(value) is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _offset_in_seconds(zone: str) -> int | None:
    if zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > len("+00") else 0
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - the hours of a day, the minutes of an hour
        return None
    return (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)


def _from_epoch_milliseconds(value: object) -> _DateTime | None:
    try:
        # The limits first: as a whole number, a Decimal such as 1e999999999 would fill the memory.
        if not _FIRST_SECOND * 1000 <= value < (_LAST_SECOND + 1) * 1000:  # type: ignore[operator]
            return None
        milliseconds = int(value)  # type: ignore[call-overload]
        if milliseconds != value:
            return None
    except (TypeError, ValueError, ArithmeticError):
        return None
    seconds, rest = divmod(milliseconds, 1000)
    written = _text(seconds, f"{rest:03d}".rstrip("0"))
    return _DateTime(milliseconds * (NANOSECONDS_PER_SECOND // 1000), written)
