from __future__ import annotations

import logging
import random
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    Fatal,
    Transient,
)
from tap_zuora_testenv.zuora.pace import Pace, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.unit.conftest import LeapingClock, ManualClock

EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com")
LOGGER = logging.getLogger("test-pace")
LONG = 10.0


def limited(wait: float | None = None) -> Transient:
    return Transient(EXCHANGE, "the limit is reached", wait=wait, pauses_all=True)


def faulty(wait: float | None = None) -> Transient:
    return Transient(EXCHANGE, "a transient fault", wait=wait)


def waiting(pace: Pace) -> Generator[float, Any, None]:
    """The wait generator that python-backoff uses between attempts, started as it starts it."""
    generator = pace.back_off()
    next(generator)
    return generator


def places(pace: Pace) -> int:
    """How many requests may be in flight now."""
    return pace._width  # noqa: SLF001 - taking one more place would wait forever


def satisfy(pace: Pace, requests: int) -> None:
    for _ in range(requests):
        with pace.request():
            pass
        pace.answered()


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Make the jitter as long as it may be, and remember its bounds."""
    asked: list[tuple[float, float]] = []

    def longest(low: float, high: float) -> float:
        asked.append((low, high))
        return high

    monkeypatch.setattr(random, "uniform", longest)
    return asked


class Worker(threading.Thread):
    """A thread that does one thing, and whose error the test can read."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.work, self.error = work, None
        self.start()

    error: BaseException | None

    @override
    def run(self) -> None:
        try:
            self.work()
        except Fatal as error:
            self.error = error

    def ended(self) -> BaseException | None:
        self.join(LONG)
        assert not self.is_alive(), "a thread waits forever"
        return self.error


# Places.


@given(width=st.integers(1, 40))
def test_as_many_requests_may_be_in_flight_as_the_width_says(width: int) -> None:
    pace = Pace(width, SystemClock(), LOGGER)
    with ExitStack() as held:
        for _ in range(width):
            held.enter_context(pace.request())


def test_one_more_request_than_the_width_waits_until_one_has_ended(clock: ManualClock) -> None:
    pace, entered = Pace(1, clock, LOGGER), threading.Event()

    def ask() -> None:
        with pace.request():
            entered.set()

    with pace.request():
        worker = Worker(ask)
        clock.wait_for_waiters(1)
        assert not entered.is_set()
    assert worker.ended() is None
    assert entered.is_set()


def test_a_request_that_fails_gives_its_place_back(leaping: LeapingClock) -> None:
    pace = Pace(1, leaping, LOGGER)
    with pytest.raises(ValueError, match="broken"), pace.request():
        raise ValueError("broken")
    with pace.request():
        pass


def test_a_place_goes_to_a_request_that_waits_for_one_and_not_to_one_that_backs_off(clock: ManualClock) -> None:
    pace, entered = Pace(1, clock, LOGGER), threading.Event()

    def ask() -> None:
        with pace.request():
            entered.set()

    with pace.request():
        backing_off = Worker(lambda: waiting(pace).send(faulty(30)))
        clock.wait_for_waiters(1)
        asking = Worker(ask)
        clock.wait_for_waiters(1)
    assert asking.ended() is None
    assert entered.is_set()
    assert backing_off.is_alive()
    clock.advance(30)
    assert backing_off.ended() is None


# Everyone waits.


def test_when_one_request_is_asked_to_wait_all_wait(clock: ManualClock) -> None:
    pace = Pace(8, clock, LOGGER)
    waiting(pace).send(limited(20))
    entered: list[int] = []

    def ask() -> None:
        with pace.request():
            entered.append(1)

    workers = [Worker(ask) for _ in range(3)]
    clock.wait_for_waiters(3)
    clock.advance(19.5)
    clock.wait_for_waiters(3)
    assert entered == []
    clock.advance(0.5)
    assert [worker.ended() for worker in workers] == [None, None, None]
    assert len(entered) == 3


def test_the_request_for_a_token_waits_like_all_others(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    pace.wait_out_pause()
    assert leaping.waited == []
    waiting(pace).send(limited(20))
    pace.wait_out_pause()
    assert leaping.waited == [20]


def test_the_request_for_a_token_needs_no_place(leaping: LeapingClock) -> None:
    pace = Pace(1, leaping, LOGGER)
    with pace.request():
        pace.wait_out_pause()


def test_a_request_that_was_asked_to_wait_waits_where_its_next_attempt_begins(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    waiting(pace).send(limited(20))
    assert leaping.waited == []
    with pace.request():
        assert leaping.waited == [20]


def test_the_width_halves_once_per_pause_however_many_are_asked_to_wait(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    for _ in range(5):
        waiting(pace).send(limited(20))
    assert places(pace) == 4
    leaping.now += 20
    waiting(pace).send(limited(20))
    assert places(pace) == 2


def test_the_longest_of_the_waits_counts_for_all(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    for wait in (20, 50, 10):
        waiting(pace).send(limited(wait))
    with pace.request():
        assert leaping.waited == [50]


def test_the_width_never_falls_below_one(leaping: LeapingClock) -> None:
    pace = Pace(3, leaping, LOGGER)
    for _ in range(5):
        waiting(pace).send(limited(20))
        leaping.now += 20
    assert places(pace) == 1
    satisfy(pace, 1)


def test_the_width_grows_back_by_one_for_each_whole_width_of_answers(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    waiting(pace).send(limited(20))
    satisfy(pace, 3)
    assert places(pace) == 4
    satisfy(pace, 1)
    assert places(pace) == 5
    satisfy(pace, 5)
    assert places(pace) == 6
    satisfy(pace, 6 + 7)
    assert places(pace) == 8
    satisfy(pace, 100)
    assert places(pace) == 8


def test_answers_before_a_pause_do_not_count_for_the_width_after_it(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    waiting(pace).send(limited(20))
    satisfy(pace, 3)
    waiting(pace).send(limited(20))
    assert places(pace) == 2
    satisfy(pace, 1)
    assert places(pace) == 2


def test_a_width_that_grew_lets_in_a_waiting_request(clock: ManualClock) -> None:
    pace, entered = Pace(2, clock, LOGGER), threading.Event()
    with pace.request():
        waiting(pace).send(limited(0.5))

        def ask() -> None:
            with pace.request():
                entered.set()

        worker = Worker(ask)
        clock.wait_for_waiters(1)
        clock.advance(1)
        clock.wait_for_waiters(1)
        assert not entered.is_set()
        pace.answered()
        assert worker.ended() is None


def test_the_half_width_holds(clock: ManualClock) -> None:
    pace = Pace(4, clock, LOGGER)
    waiting(pace).send(limited(20))
    held = [threading.Event() for _ in range(3)]
    entered = threading.Semaphore(0)

    def ask(number: int) -> None:
        with pace.request():
            entered.release()
            assert held[number].wait(LONG)

    workers = [Worker(lambda number=number: ask(number)) for number in range(3)]  # type: ignore[misc]
    clock.wait_for_waiters(3)
    clock.advance(20)
    assert entered.acquire(timeout=LONG)
    assert entered.acquire(timeout=LONG)
    # The third waits, now for a place.
    clock.wait_for_waiters(1)
    assert clock.waited[-1] is None
    assert not entered.acquire(blocking=False)
    for event in held:
        event.set()
    assert [worker.ended() for worker in workers] == [None, None, None]


def test_changes_of_width_are_logged_at_most_every_ten_seconds(
    leaping: LeapingClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pace = Pace(40, leaping, LOGGER)
    for _ in range(30):
        waiting(pace).send(limited(1))
        leaping.now += 1
        satisfy(pace, 50)
    assert 1 <= len(caplog.messages) <= 3 + 1
    assert caplog.messages[0] == "Zuora's limits: now 20 of 40 requests at a time"


def waits_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "asks to wait" in message]


@pytest.mark.parametrize(
    ("wait", "logged"),
    [(None, []), (9, []), (10, []), (11, ["Zuora asks to wait 11 s"]), (600, ["Zuora asks to wait 600 s"])],
)
@pytest.mark.parametrize("make", [limited, faulty])
def test_a_wait_over_ten_seconds_is_logged_with_its_length(
    leaping: LeapingClock,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[float | None], Transient],
    wait: float | None,
    logged: list[str],
) -> None:
    caplog.set_level(logging.INFO)
    waiting(Pace(8, leaping, LOGGER)).send(make(wait))
    assert waits_logged(caplog) == logged


def test_a_wait_that_many_are_asked_for_is_logged_once(leaping: LeapingClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = Pace(40, leaping, LOGGER)
    for _ in range(40):
        waiting(pace).send(limited(25))
        leaping.now += 0.1
    assert waits_logged(caplog) == ["Zuora asks to wait 25 s"]
    waiting(pace).send(limited(60))
    leaping.now += 60
    waiting(pace).send(limited(25))
    assert waits_logged(caplog)[1:] == ["Zuora asks to wait 60 s", "Zuora asks to wait 25 s"]


def test_a_wait_that_is_too_long_is_not_logged_as_one(leaping: LeapingClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(Fatal):
        waiting(Pace(8, leaping, LOGGER)).send(limited(601))
    assert caplog.messages == []


# One waits.


def test_a_fault_makes_one_wait_and_nobody_else(clock: ManualClock) -> None:
    pace = Pace(8, clock, LOGGER)
    backing_off = Worker(lambda: waiting(pace).send(faulty(30)))
    clock.wait_for_waiters(1)
    with pace.request():
        assert backing_off.is_alive()
    assert places(pace) == 8
    clock.advance(29)
    clock.wait_for_waiters(1)
    assert backing_off.is_alive()
    clock.advance(1)
    assert backing_off.ended() is None


def test_the_bounds_of_the_jitter_double_from_a_second_to_a_minute(
    leaping: LeapingClock, no_jitter: list[tuple[float, float]]
) -> None:
    generator = waiting(Pace(8, leaping, LOGGER))
    for _ in range(9):
        # The wait is over: python-backoff itself does not wait.
        assert generator.send(faulty()) == 0
    assert no_jitter == [(0, longest) for longest in (1, 2, 4, 8, 16, 32, 60, 60, 60)]
    assert leaping.waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("jitter", [0.0, 0.3, 1.0])
def test_a_wait_is_as_long_as_the_jitter(monkeypatch: pytest.MonkeyPatch, leaping: LeapingClock, jitter: float) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: jitter * high)
    waiting(Pace(8, leaping, LOGGER)).send(faulty())
    assert sum(leaping.waited) == pytest.approx(jitter)


@pytest.mark.parametrize(("error", "waits"), [(faulty(0.25), 1), (faulty(5), 5), (faulty(600), 600)])
def test_a_wait_is_at_least_as_long_as_zuora_asks_for(leaping: LeapingClock, error: Transient, waits: float) -> None:
    waiting(Pace(8, leaping, LOGGER)).send(error)
    assert leaping.waited == [waits]


def test_a_limit_without_a_wait_pauses_all_for_the_jitter(leaping: LeapingClock) -> None:
    pace = Pace(8, leaping, LOGGER)
    waiting(pace).send(limited())
    with pace.request():
        assert leaping.waited == [1]


# The end.


@pytest.mark.parametrize("error", [limited(600.5), faulty(3600), limited(1e12)])
def test_a_wait_of_more_than_ten_minutes_stops_everything_and_the_error_says_how_long(
    leaping: LeapingClock, error: Transient
) -> None:
    pace = Pace(8, leaping, LOGGER)
    with pytest.raises(Fatal, match=f"asks to wait {error.wait:,.0f} s") as ended:
        waiting(pace).send(error)
    assert type(ended.value) is Fatal
    assert leaping.waited == []
    with pytest.raises(Fatal, match=f"asks to wait {error.wait:,.0f} s") as later, pace.request():
        pass
    assert later.value is ended.value


def test_the_end_wakes_all_who_wait(clock: ManualClock) -> None:
    pace = Pace(1, clock, LOGGER)
    end = CredentialsRefused(EXCHANGE, "refused")

    def ask() -> None:
        with pace.request():
            pytest.fail("no request may begin")

    with pace.request():
        asking = Worker(ask)
        backing_off = Worker(lambda: waiting(pace).send(faulty(500)))
        clock.wait_for_waiters(2)
        waiting(pace).send(limited(500))
        paused = Worker(pace.wait_out_pause)
        clock.wait_for_waiters(1)
        assert pace.stop(end) is end
        assert asking.ended() is end
        assert paused.ended() is end
        assert backing_off.ended() is None
    with pytest.raises(CredentialsRefused), pace.request():
        pass


def test_all_get_the_error_of_the_first_stop(leaping: LeapingClock) -> None:
    pace = Pace(1, leaping, LOGGER)
    first, second = CredentialsRefused(EXCHANGE, "first"), Fatal(EXCHANGE, "second")
    assert pace.stop(first) is first
    assert pace.stop(second) is first
    with pytest.raises(CredentialsRefused, match="first"):
        waiting(pace).send(limited(601))
