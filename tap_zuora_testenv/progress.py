"""One line about progress every 10 seconds, however many requests there are."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from tap_zuora_testenv.pace import Clock

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """How far a number of requests has come; told by several threads."""

    def __init__(self, total: int, clock: Clock, logger: logging.Logger) -> None:
        """Begin to count.

        Args:
            total: How many requests there are.
            clock: Tells the time.
            logger: Is told of progress.
        """
        self._total, self._clock, self._logger = total, clock, logger
        self._began = self._last_line = clock.monotonic()
        self._done = 0
        self._lock = threading.Lock()

    def completed(self) -> None:
        """Count a request that came to its end, good or bad."""
        with self._lock:
            self._done += 1
            now = self._clock.monotonic()
            if now - self._last_line < SECONDS_BETWEEN_LINES:
                return
            self._last_line = now
            line = progress_line(self._done, self._total, now - self._began)
        self._logger.info("%s", line)


def progress_line(done: int, total: int, seconds: float) -> str:
    """Write the line, for example `612 of 4,000 requests, 198/s, 17 s left`.

    Args:
        done: How many requests came to their end, at least one.
        total: How many there are.
        seconds: What they took, more than none.
    """
    rate = done / seconds
    left = (total - done) / rate
    return f"{done:,} of {total:,} requests, {rate:,.0f}/s, {left:,.0f} s left"
