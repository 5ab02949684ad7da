"""A clock for the tap, on which waiting takes no time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


class LeapingClock:
    """Skips each wait, and remembers how long it was.

    Attributes:
        waited: The seconds of each wait.
    """

    def __init__(self) -> None:
        self.waited: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds of the machine's monotonic clock and of all waits."""
        return time.monotonic() + sum(self.waited)

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Return at once instead of after these seconds; without seconds wait for the condition."""
        if seconds is None:
            condition.wait()
        else:
            self.waited.append(seconds)
