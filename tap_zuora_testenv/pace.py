"""How many requests may be in flight now, and until when all of them wait.

Zuora's limits are for the whole tenant, so when one request is told to wait, all wait (Zuora's reference, Rate limits).
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tap_zuora_testenv.errors import EndsTheRun, TooManyFailures, Transient, WaitTooLong, ZuoraError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Hashable, Iterator

LONGEST_WAIT = 600.0
"""Seconds; who is asked to wait longer ends the run."""

FAILURES_IN_A_ROW = 10
"""How many requests in a row may use up their attempts."""

SECONDS_BETWEEN_LINES = 10.0

# Zuora's guides: full jitter, from 1 s, at most 60 s.
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 1.0, 60.0


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a condition that is held, at most so long."""


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def wait(condition: threading.Condition, seconds: float | None) -> None:
        """Wait on a condition that is held, at most so long."""
        condition.wait(seconds)


class Pace:
    """The pace of one run, shared by all its threads."""

    def __init__(self, width: int, clock: Clock, logger: logging.Logger) -> None:
        """Begin at full width.

        Args:
            width: The setting `max_parallel_requests`.
            clock: Tells the time.
            logger: Is told of a change of width.
        """
        self._widest = self._width = width
        self._clock, self._logger = clock, logger
        self._changed = threading.Condition()
        self._in_flight = 0
        self._answers_at_this_width = 0
        self._paused_until = clock.monotonic()
        self._next_line = clock.monotonic()
        self._failed_in_a_row: list[Hashable] = []
        self._end: EndsTheRun | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold a place for one request; wait for it when there is none, or when all wait.

        Raises:
            EndsTheRun: The run has ended.
        """
        with self._changed:
            self._wait_until(lambda: self._in_flight < self._width)
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                # All: the one that is woken could be one that backs off, and the place would stay empty.
                self._changed.notify_all()

    def wait_out_pause(self) -> None:
        """Wait while all wait; for the request for a token, which holders of a place wait for.

        Raises:
            EndsTheRun: The run has ended.
        """
        with self._changed:
            self._wait_until(lambda: True)

    def _wait_until(self, is_free: Callable[[], bool]) -> None:
        while self._end is None:
            pause = self._paused_until - self._clock.monotonic()
            if pause > 0:
                self._clock.wait(self._changed, pause)
            elif not is_free():
                self._clock.wait(self._changed, None)
            else:
                return
        raise self._end

    def back_off(self) -> Generator[float, Transient, None]:
        """Wait between the attempts at one request, as python-backoff's wait generator.

        It is sent the error and waits here, where the end of the run can cut it short, so python-backoff has nothing
        left to wait for.

        Yields:
            0 seconds.
        """
        error = yield 0.0
        longest = _FIRST_BACK_OFF
        while True:
            self._wait_after(error, random.uniform(0, longest))  # noqa: S311 - nobody gains from guessing it
            longest = min(2 * longest, _LONGEST_BACK_OFF)
            error = yield 0.0

    def _wait_after(self, error: Transient, jitter: float) -> None:
        asked = error.wait or 0.0
        if asked > LONGEST_WAIT:
            reason = (
                f"it asks to wait {asked:,.0f} s, longer than the {LONGEST_WAIT:.0f} s of a run; run again after that"
            )
            raise self.end(WaitTooLong(error.asked, reason))
        now = self._clock.monotonic()
        until = now + max(asked, jitter)
        with self._changed:
            if error.concerns_everyone:
                # The waiting itself is done where the next attempt asks for its place.
                self._pause(now, until)
                return
            while self._end is None and (left := until - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)

    def _pause(self, now: float, until: float) -> None:
        if now >= self._paused_until:
            self._set_width(max(1, self._width // 2))
        self._paused_until = max(self._paused_until, until)

    def _set_width(self, width: int) -> None:
        is_new, self._width, self._answers_at_this_width = width != self._width, width, 0
        if is_new and self._clock.monotonic() >= self._next_line:
            self._next_line = self._clock.monotonic() + SECONDS_BETWEEN_LINES
            self._logger.info("Zuora's limits: now %d of %d requests at a time", width, self._widest)

    def answered(self) -> None:
        """Take note that a request was satisfied; the width grows back by one when a whole width of them was."""
        with self._changed:
            self._failed_in_a_row.clear()
            if self._width == self._widest:
                return
            self._answers_at_this_width += 1
            if self._answers_at_this_width >= self._width:
                self._set_width(self._width + 1)
                self._changed.notify_all()

    def gave_up(self, error: ZuoraError, environment: Hashable, environments: int) -> None:
        """Take note that a request used up its attempts.

        Args:
            error: What the last attempt brought.
            environment: The test environment that was asked for.
            environments: How many of them the run asks for.

        Raises:
            TooManyFailures: It was one too many in a row; from one environment alone it is the environment's fault.
        """
        with self._changed:
            row = self._failed_in_a_row
            row.append(environment)
            several = len(set(row)) > 1 or environments == 1
        if len(row) >= FAILURES_IN_A_ROW and several:
            raise self.end(
                TooManyFailures(error.asked, f"{len(row)} requests in a row failed, the last one: {error.reason}")
            )

    def end(self, error: EndsTheRun) -> EndsTheRun:
        """Let no more requests begin, and no more waiting go on; return the error that ended the run first."""
        with self._changed:
            self._end = self._end or error
            self._changed.notify_all()
            return self._end
