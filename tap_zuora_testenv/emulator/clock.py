"""The emulator's clock, which can be set and runs at any speed, and date-times as text."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Far from both ends of Python's calendar, so that the past of an environment and the end of a job are within it.
FIRST = datetime(1900, 1, 1, tzinfo=UTC)
LAST = datetime(9000, 12, 31, 23, 59, 59, tzinfo=UTC)
FASTEST = 1_000_000

# `datetime.fromisoformat` accepts more, such as dates of weeks.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


class Clock:
    """The time that the jobs follow; it stops at the end of the year 9000.

    Args:
        now: The time at the start, with a time zone; None for the real time.
        speed: Seconds of this clock per real second; 0 stops it.
        ticks: Returns real seconds since any fixed instant, never going back; tests pass their own.

    Raises:
        ValueError: If the time has no time zone, or the time or the speed is out of range.
    """

    def __init__(
        self, now: datetime | None = None, speed: float = 1.0, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._ticks = ticks
        # One tuple, so that another thread never reads half of a change.
        self._anchor = (_checked_instant(now or datetime.now(UTC)), _checked_speed(speed), ticks())

    @property
    def speed(self) -> float:
        """Seconds of this clock per real second."""
        return self._anchor[1]

    def now(self) -> datetime:
        """Return the time, in UTC."""
        start, speed, tick = self._anchor
        return start + min(timedelta(seconds=(self._ticks() - tick) * speed), LAST - start)

    def set(self, now: datetime | None = None, *, speed: float | None = None) -> None:
        """Set the time, or change the speed from now on, or both.

        Args:
            now: The new time, with a time zone. It may be earlier than the present one: the jobs follow.
            speed: The new speed, at least 0.

        Raises:
            ValueError: If the time has no time zone, or the time or the speed is out of range.
        """
        speed = self.speed if speed is None else _checked_speed(speed)
        self._anchor = (self.now() if now is None else _checked_instant(now), speed, self._ticks())

    def advance(self, seconds: float) -> None:
        """Move the clock forward by some of its own seconds; back, if they are negative.

        Raises:
            OverflowError: If the new time is outside Python's calendar.
            ValueError: If the new time is out of range.
        """
        self.set(self.now() + timedelta(seconds=seconds))


def _checked_speed(speed: float) -> float:
    if not 0 <= speed <= FASTEST:
        raise ValueError(f"The speed must be a number from 0 to {FASTEST}.")
    return speed


def _checked_instant(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("The time needs a time zone, for example 2026-03-01T00:00:00Z.")
    if not FIRST <= instant <= LAST:
        raise ValueError(f"The time must be between the years {FIRST.year} and {LAST.year}.")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 date-time as an instant in UTC.

    Raises:
        ValueError: If the text is not such a date-time, or the instant is outside Python's calendar in UTC.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 date-time with a time zone.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the calendar.") from None


def format_instant(instant: datetime) -> str:
    """Write an instant as the samples in Zuora's reference do: UTC, whole seconds, `Z`."""
    return instant.astimezone(UTC).isoformat()[:19] + "Z"
