"""Pure: instants, time spans, numbers and states as text that a person reads at a glance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

NOTHING = "—"
HOUR = timedelta(hours=1)
LONGEST_IN_MINUTES = timedelta(minutes=90)
LONGEST_IN_HOURS = timedelta(hours=48)

# A sign for readers who do not see the colour, and a word for readers who do not see the sign.
READINESS = {
    "ready": ("✓", "Ready"), "busy": ("◐", "Busy"), "check": ("!", "Check"), "unavailable": ("○", "Off"),
    "unknown": ("?", "Unknown"),
}  # fmt: skip
SEVERITIES = {"alert": ("!", "Alert"), "warn": ("▲", "Warning"), "info": ("i", "Note")}
OUTCOMES = {
    "completed": "●", "failed": "✕", "cancelled": "■", "running": "▶", "waiting": "◆", "unknown": "?",
}  # fmt: skip


def instant(at: datetime | None, now: datetime | None = None) -> str:
    """Write an instant to the minute, in UTC; without its year if that is the year of `now`."""
    if at is None:
        return NOTHING
    return f"{at.day} {at:%b, %H:%M}" if now and at.year == now.year else f"{at.day} {at:%b %Y, %H:%M}"


def span(time: timedelta) -> str:
    """Write the length of a time span in minutes, hours or days."""
    time = abs(time)
    if time < LONGEST_IN_MINUTES:
        return f"{round(time / timedelta(minutes=1))} min"
    if time < LONGEST_IN_HOURS:
        return f"{round(time / HOUR)} h"
    return f"{round(time / timedelta(days=1))} days"


def day(on: date) -> str:
    """Write a date."""
    return f"{on.day} {on:%b %Y}"


def relative(at: datetime, now: datetime) -> str:
    """Write an instant as a time span before or after the present."""
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def number(value: Decimal | None) -> str:
    """Write a number with one decimal."""
    return NOTHING if value is None else f"{value:.1f}"


def percent(value: Decimal | None) -> str:
    """Write a share from 0 to 1 in percent."""
    return NOTHING if value is None else f"{value * 100:.0f} %"


def job(job_type: str | None) -> str:
    """Write what a job does, as the beginning of a sentence."""
    return (job_type or "job").capitalize()


def count(number: int, one: str, many: str) -> str:
    """Write a number with what it counts."""
    return f"{number:,} {one if number == 1 else many}"


def listed(names: list[str]) -> str:
    """Write names as part of a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
