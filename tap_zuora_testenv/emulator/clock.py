"""The emulator's clock: starts anywhere, runs at any speed, can be set, and never concerns the wire."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Far from both ends of the calendar, so that no past and no estimate falls off it.
FIRST_YEAR, LAST_YEAR = 1900, 9000
FASTEST = 1_000_000


class Clock:
    """What time it is for the jobs.

    Args:
        now: Where the clock starts, with a zone; None for the real time.
        speed: Seconds that pass on this clock in a real second; 0 stands still.
        ticks: Real seconds from any fixed point, never going back. A parameter so that a test need not wait.
    """

    def __init__(
        self, now: datetime | None = None, speed: float = 1.0, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._ticks = ticks
        # One tuple, so that another thread never reads half a change.
        self._anchor = (_checked_instant(now or datetime.now(UTC)), _checked_speed(speed), ticks())

    @property
    def speed(self) -> float:
        """Seconds of this clock in a real second."""
        return self._anchor[1]

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        start, speed, tick = self._anchor
        return start + timedelta(seconds=(self._ticks() - tick) * speed)

    def set(self, now: datetime | None = None, *, speed: float | None = None) -> None:
        """Put the clock to an instant, or change its speed from this instant on, or both.

        Args:
            now: The new time, with a zone; earlier than now is allowed, and jobs follow.
            speed: The new speed, at least 0.

        Raises:
            ValueError: When the time has no zone, or one of them is out of all reason.
        """
        speed = self.speed if speed is None else _checked_speed(speed)
        self._anchor = (self.now() if now is None else _checked_instant(now), speed, self._ticks())

    def advance(self, seconds: float) -> None:
        """Move the clock by some seconds of its own; negative ones move it back.

        Raises:
            OverflowError: When that leaves the calendar.
            ValueError: When it goes out of all reason.
        """
        self.set(self.now() + timedelta(seconds=seconds))


def _checked_speed(speed: float) -> float:
    if not 0 <= speed <= FASTEST:
        raise ValueError(f"The speed is a number from 0 to {FASTEST}.")
    return speed


def _checked_instant(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("The time needs a zone, for example 2026-03-01T00:00:00Z.")
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"The clock goes from the year {FIRST_YEAR} to the year {LAST_YEAR}.")
    return instant.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 date-time as an instant in UTC.

    Raises:
        ValueError: When it is none, or has no zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone.")
    return instant.astimezone(UTC)


def format_instant(instant: datetime) -> str:
    """Write an instant as the samples of Zuora's reference do: UTC, whole seconds, `Z`."""
    return instant.astimezone(UTC).isoformat()[:19] + "Z"
