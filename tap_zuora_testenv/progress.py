"""What is logged about the progress of a run: one line every 10 seconds, and two metrics per stream."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from singer_sdk import metrics
from typing_extensions import override

from tap_zuora_testenv.zuora.pace import SECONDS_BETWEEN_LINES

if TYPE_CHECKING:
    import logging

    from singer_sdk.helpers.types import Context

    from tap_zuora_testenv.zuora.pace import Clock


class Progress:
    """How many of a number of requests are completed; counted by several threads."""

    def __init__(self, total: int, clock: Clock, logger: logging.Logger) -> None:
        """Start at none.

        Args:
            total: How many requests there are.
            clock: The clock that rates and intervals are measured by.
            logger: Logs the lines.
        """
        self._total, self._clock, self._logger = total, clock, logger
        self._started = self._last_line = clock.monotonic()
        self._completed = 0
        self._lock = threading.Lock()

    def completed(self) -> None:
        """Count a completed request, successful or not."""
        with self._lock:
            self._completed += 1
            now = self._clock.monotonic()
            if now - self._last_line < SECONDS_BETWEEN_LINES:
                return
            self._last_line = now
            line = progress_line(self._completed, self._total, now - self._started)
        self._logger.info("%s", line)


def progress_line(completed: int, total: int, seconds: float) -> str:
    """Return the line, for example `612 of 4,000 requests, 198/s, 17 s left`.

    Args:
        completed: How many requests are completed, at least one.
        total: How many there are.
        seconds: How long they took, more than zero.
    """
    rate = completed / seconds
    left = (total - completed) / rate
    return f"{completed:,} of {total:,} requests, {rate:,.0f}/s, {left:,.0f} s left"


class RecordCounter(metrics.Counter):
    """Counts the records of a stream, for one line per stream."""

    @override
    def with_context(self, value: Context | None) -> None:
        """Do nothing: the count is for all test environments, not for the last one."""


class SyncTimer(metrics.Timer):
    """Times the sync of a stream, for one line per stream."""

    @override
    def with_context(self, value: Context | None) -> None:
        """Do nothing: the time is for all test environments, not for the last one."""
