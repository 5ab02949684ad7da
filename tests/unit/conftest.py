"""What the tests of single modules share: a clock that a test moves, and how long hypothesis looks."""

from __future__ import annotations

import threading

import pytest
from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=100)
settings.load_profile("unit")

LONG = 10.0
"""Seconds after which a test that waits for another thread gives up; nothing takes that long unless it is broken."""


class ManualClock:
    """A clock that stops until a test moves it; a thread that waits really sleeps, and is counted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited: list[float | None] = []
        self._somebody_waits = threading.Semaphore(0)
        self._condition: threading.Condition | None = None

    def monotonic(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        self.waited.append(seconds)
        self._condition = condition
        self._somebody_waits.release()
        assert condition.wait(LONG), "nobody woke a thread that waits"

    def wait_for_waiters(self, count: int) -> None:
        """Return when this many more waits have started."""
        for _ in range(count):
            assert self._somebody_waits.acquire(timeout=LONG), "a thread that should wait does not"
        # Held by a waiter until it sleeps.
        assert self._condition is not None
        with self._condition:
            pass

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake the threads that wait for it."""
        assert self._condition is not None
        with self._condition:
            self.now += seconds
            self._condition.notify_all()


class LeapingClock:
    """A clock on which waiting takes no time at all: it leaps to the end of the wait."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        del condition
        assert seconds is not None, "nobody else is there to free a place"
        self.waited.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def leaping() -> LeapingClock:
    return LeapingClock()
