"""How many requests may be in flight now, and until when all of them wait.

Zuora's limits are per tenant, so when Zuora asks one request to wait, all wait (Zuora's reference, Rate limits).
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tap_zuora_testenv.zuora.errors import Fatal, Transient

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterator

LONGEST_WAIT = 600.0
"""Seconds. If Zuora asks for a longer wait, nothing more is requested."""

SECONDS_BETWEEN_LINES = 10.0
"""The shortest time between two log lines about the same thing."""

# Zuora's guides: full jitter, from 1 s, at most 60 s.
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 1.0, 60.0


class Clock(Protocol):
    """A clock that can be read, and that can limit a wait."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait for a condition that the caller holds, at most that many seconds; None: without a limit."""


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def wait(condition: threading.Condition, seconds: float | None) -> None:
        """Wait for a condition that the caller holds, at most that many seconds; None: without a limit."""
        condition.wait(seconds)


class Pace:
    """The pace of one client, shared by all its threads."""

    def __init__(self, width: int, clock: Clock, logger: logging.Logger) -> None:
        """Start at full width.

        Args:
            width: How many requests may be in flight.
            clock: The clock that waits are measured by.
            logger: Logs each wait over 10 seconds that Zuora asks for, and each change of width, at most one per 10
                seconds.
        """
        self._widest = self._width = width
        self._clock, self._logger = clock, logger
        self._changed = threading.Condition()
        self._in_flight = 0
        self._answers_at_this_width = 0
        self._paused_until = clock.monotonic()
        self._next_line = clock.monotonic()
        # The end of the last wait that was logged.
        self._logged_until = clock.monotonic()
        self._stopped_by: Fatal | None = None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold a place for one request; first wait for a free place and for the end of a pause.

        Raises:
            Fatal: No more requests may start.
        """
        with self._changed:
            self._wait_until(lambda: self._in_flight < self._width)
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                # Wake all: a single woken thread could be one that backs off, and the place would stay empty.
                self._changed.notify_all()

    def wait_out_pause(self) -> None:
        """Wait for the end of a pause.

        The token request takes no place: requests that hold one are waiting for the token.

        Raises:
            Fatal: No more requests may start.
        """
        with self._changed:
            self._wait_until(lambda: True)

    def _wait_until(self, is_free: Callable[[], bool]) -> None:
        while self._stopped_by is None:
            pause = self._paused_until - self._clock.monotonic()
            if pause > 0:
                self._clock.wait(self._changed, pause)
            elif not is_free():
                self._clock.wait(self._changed, None)
            else:
                return
        raise self._stopped_by

    def back_off(self) -> Generator[float, Transient, None]:
        """Wait between the attempts of one request; a wait generator for python-backoff.

        The generator is sent each error and waits itself, so that `stop` can end the wait. python-backoff's own sleep,
        which nothing can end, then takes no time.

        Yields:
            0 seconds.
        """
        error = yield 0.0
        longest = _FIRST_BACK_OFF
        while True:
            self._wait_after(error, random.uniform(0, longest))  # noqa: S311 - nothing is gained by guessing it
            longest = min(2 * longest, _LONGEST_BACK_OFF)
            error = yield 0.0

    def _wait_after(self, error: Transient, jitter: float) -> None:
        asked = error.wait or 0.0
        if asked > LONGEST_WAIT:
            reason = (
                f"it asks to wait {asked:,.0f} s, longer than the {LONGEST_WAIT:.0f} s that a run waits; "
                "run again after that"
            )
            raise self.stop(Fatal(error.exchange, reason))
        now = self._clock.monotonic()
        self._log_wait(asked, now)
        until = now + max(asked, jitter)
        with self._changed:
            if error.pauses_all:
                # The next attempt waits when it asks for its place.
                self._pause(now, until)
                return
            while self._stopped_by is None and (left := until - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)

    def _log_wait(self, asked: float, now: float) -> None:
        """Log a long wait, once for all requests that are asked for about the same one."""
        if asked <= SECONDS_BETWEEN_LINES:
            return
        with self._changed:
            is_new = now + asked > self._logged_until + SECONDS_BETWEEN_LINES
            if is_new:
                self._logged_until = now + asked
        if is_new:
            self._logger.info("Zuora asks to wait %.0f s", asked)

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
        """Count an answered request; after as many as the width, the width grows by one until it is full again."""
        if self._width == self._widest:
            return
        with self._changed:
            self._answers_at_this_width += 1
            if self._width < self._widest and self._answers_at_this_width >= self._width:
                self._set_width(self._width + 1)
                self._changed.notify_all()

    def stop(self, error: Fatal) -> Fatal:
        """Let no more requests start and end all waiting; return the error of the first such call."""
        with self._changed:
            self._stopped_by = self._stopped_by or error
            self._changed.notify_all()
            return self._stopped_by
