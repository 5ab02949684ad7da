from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tap_zuora_testenv.zuora.look_ahead import LookAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LONG = 10.0


class Fatal(Exception):
    pass


class MoreFatal(Fatal):
    pass


class Gate:
    """Calls that each wait until the test lets them go on, and report when they have started."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self._changed = threading.Condition()
        self._opened: set[int] = set()
        self._all = False

    def call(self, argument: int) -> int:
        with self._changed:
            self.started.append(argument)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._all or argument in self._opened, LONG)
        return -argument

    def open(self, *arguments: int) -> None:
        with self._changed:
            self._opened.update(arguments)
            self._changed.notify_all()

    def open_all(self) -> None:
        with self._changed:
            self._all = True
            self._changed.notify_all()

    def wait_for(self, count: int) -> set[int]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.started) >= count, LONG), self.started
            return set(self.started)


def ahead(call: Callable[[int], int], arguments: Sequence[int], width: int = 3) -> LookAhead[int, int]:
    return LookAhead(call, arguments, width=width, fatal=Fatal)


others: set[threading.Thread] = set()


@pytest.fixture(scope="module", autouse=True)
def threads_of_others() -> None:
    """Note the threads that tests of other files left."""
    others.update(threading.enumerate())


def workers() -> list[threading.Thread]:
    return [
        thread for thread in threading.enumerate() if thread.name.startswith("look-ahead-") and thread not in others
    ]


def assert_no_worker_is_left() -> None:
    for thread in workers():
        thread.join(LONG)
        assert not thread.is_alive()


@contextmanager
def reading(results: LookAhead[int, int]) -> Iterator[list[tuple[int, int | Exception]]]:
    """Read the next result in a separate thread, as a test must go on meanwhile."""
    taken: list[tuple[int, int | Exception]] = []
    reader = threading.Thread(target=lambda: taken.append(next(results)))
    reader.start()
    yield taken
    reader.join(LONG)
    assert not reader.is_alive()


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_results_come_in_the_order_of_the_arguments_each_called_once(arguments: list[int], width: int) -> None:
    called: list[int] = []

    def call(argument: int) -> int:
        called.append(argument)
        return argument + 1

    assert list(ahead(call, arguments, width)) == [(argument, argument + 1) for argument in arguments]
    assert sorted(called) == sorted(arguments)
    assert_no_worker_is_left()


def test_results_come_in_order_when_the_calls_end_in_reverse() -> None:
    gate = Gate()
    results = ahead(gate.call, [1, 2, 3])
    with reading(results) as taken:
        gate.wait_for(3)
        gate.open(3)
        gate.open(2)
        assert taken == []
        gate.open(1)
    assert taken == [(1, -1)]
    assert list(results) == [(2, -2), (3, -3)]


def test_no_call_is_started_before_the_first_result_is_requested() -> None:
    gate = Gate()
    results = ahead(gate.call, range(5))
    assert (gate.started, workers(), results.not_started) == ([], [], 5)


def test_no_more_calls_are_in_progress_than_the_width_allows() -> None:
    under_way, most, lock, together = 0, 0, threading.Lock(), threading.Barrier(3)

    def call(argument: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(LONG)
        with lock:
            under_way -= 1
        return argument

    # The barrier lets no thread go on before there are three: fewer at a time would break it.
    assert len(list(ahead(call, range(30)))) == 30
    assert most == 3


@pytest.mark.parametrize(("arguments", "width", "threads"), [(2, 8, 2), (9, 4, 4), (1, 1, 1)])
def test_there_are_no_more_threads_than_calls(arguments: int, width: int, threads: int) -> None:
    gate = Gate()
    results = ahead(gate.call, range(arguments), width)
    with reading(results):
        gate.wait_for(threads)
        assert len(workers()) == threads
        gate.open_all()
    assert len(list(results)) == arguments - 1
    assert_no_worker_is_left()


def test_twice_the_width_is_started_ahead_of_the_reader_and_no_more() -> None:
    gate = Gate()
    results = ahead(gate.call, range(20), width=2)
    with reading(results) as taken:
        gate.wait_for(2)
        gate.open(*range(1, 20))
        # All but the first end, and the one worker that is free waits for room.
        assert gate.wait_for(4) == {0, 1, 2, 3}
        assert results.not_started == 16
        gate.open(0)
    assert taken == [(0, 0)]
    # Each result that is returned makes room for one more.
    for handed_out in range(1, 16):
        assert max(gate.wait_for(4 + handed_out)) == 3 + handed_out
        next(results)
    assert len(list(results)) == 4
    assert_no_worker_is_left()


@given(st.lists(st.booleans(), max_size=15), st.integers(1, 4))
def test_no_more_calls_are_started_than_results_returned_and_twice_the_width(fails: list[bool], width: int) -> None:
    started: list[int] = []
    handed_out = 0
    too_many: list[int] = []

    def call(argument: int) -> int:
        started.append(argument)
        if len(started) > handed_out + 1 + 2 * width:
            too_many.append(argument)
        if fails[argument]:
            raise ValueError(argument)
        return argument

    for _ in ahead(call, range(len(fails)), width):
        handed_out += 1
    assert too_many == []


@pytest.mark.parametrize("position", [0, 1, 4, 9])
@pytest.mark.parametrize("width", [1, 3])
def test_an_exception_is_a_result_like_any_other(position: int, width: int) -> None:
    def call(argument: int) -> int:
        if argument == position:
            raise ValueError(argument)
        return argument

    results = dict(ahead(call, range(10), width))
    assert isinstance(results.pop(position), ValueError)
    assert results == {argument: argument for argument in range(10) if argument != position}
    assert_no_worker_is_left()


def test_a_call_that_gives_none_or_false_gives_a_result() -> None:
    results: LookAhead[int, int | None] = LookAhead(lambda argument: argument or None, [0, 1], width=2, fatal=Fatal)
    assert list(results) == [(0, None), (1, 1)]


@pytest.mark.parametrize("position", [0, 1, 4, 9])
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("fatal", [Fatal, MoreFatal])
def test_after_a_fatal_exception_every_missing_result_is_that_exception(
    position: int, width: int, fatal: type[Exception]
) -> None:
    called: list[int] = []

    def call(argument: int) -> int:
        called.append(argument)
        if argument == position:
            raise fatal
        return argument

    results = list(ahead(call, range(10), width))
    assert [argument for argument, _ in results] == list(range(10))
    end = results[position][1]
    assert type(end) is fatal
    for argument, result in results:
        assert result is end or (result == argument and argument in called)
    assert_no_worker_is_left()
    assert len(called) <= position + 2 * width


def test_a_fatal_exception_is_returned_at_once_although_earlier_calls_go_on() -> None:
    gate, started = Gate(), threading.Event()

    def call(argument: int) -> int:
        if argument == 2:
            gate.wait_for(2)
            started.set()
            raise Fatal
        return gate.call(argument)

    results = ahead(call, range(100))
    answers = [next(results) for _ in range(100)]
    assert started.is_set()
    assert all(isinstance(result, Fatal) for _, result in answers)
    # Only those that were in progress.
    assert gate.started in ([0, 1], [1, 0])
    assert results.not_started == 97
    gate.open_all()
    assert_no_worker_is_left()


def test_a_result_from_before_a_fatal_exception_is_returned_as_it_is() -> None:
    others_are_done = threading.Event()

    def call(argument: int) -> int:
        if argument == 1:
            assert others_are_done.wait(LONG)
            raise Fatal
        if argument == 3:
            # Started by the thread that has left the results of 0 and 2 before.
            others_are_done.set()
        return argument

    results = list(ahead(call, range(4), width=2))
    assert [results[0], results[2]] == [(0, 0), (2, 2)]
    assert isinstance(results[1][1], Fatal)


def test_of_several_fatal_exceptions_the_first_one_counts() -> None:
    first, second = Fatal("first"), Fatal("second")
    ended = threading.Event()

    def call(argument: int) -> int:
        if argument == 0:
            assert ended.wait(LONG)
            raise second
        raise first

    results = ahead(call, [0, 1, 2], width=2)
    assert next(results) == (0, first)
    ended.set()
    assert_no_worker_is_left()
    assert [result for _, result in results][-1] is first


def test_after_it_is_closed_no_call_is_started_and_no_thread_waits() -> None:
    gate = Gate()
    results = ahead(gate.call, range(100), width=2)
    gate.open(0)
    assert next(results) == (0, 0)
    gate.wait_for(3)
    results.close()
    gate.open_all()
    assert_no_worker_is_left()
    assert len(gate.started) <= 5


class Idle:
    """Reports when this many threads wait for room."""

    def __init__(self, results: LookAhead[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
        self._waits = threading.Semaphore(0)
        room = results._room  # noqa: SLF001 - from outside, a thread that waits looks like one that is slow
        wait = room.wait

        def counted(timeout: float | None = None) -> bool:
            self._waits.release()
            return wait(timeout)

        monkeypatch.setattr(room, "wait", counted)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._waits.acquire(timeout=LONG)


def test_a_reader_that_stops_leaves_threads_that_wait_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    results = ahead(lambda argument: argument, range(100))
    idle = Idle(results, monkeypatch)
    next(results)
    idle.wait_for(3)
    assert len(workers()) == 3
    # Nor do they keep the program from ending.
    assert all(thread.daemon for thread in workers())
    results.close()
    assert_no_worker_is_left()


def test_a_fatal_exception_wakes_those_that_wait_although_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()

    def call(argument: int) -> int:
        if argument == 0:
            gate.call(argument)
            raise Fatal
        return argument

    results = ahead(call, range(100))
    idle = Idle(results, monkeypatch)
    with reading(results) as taken:
        idle.wait_for(2)
        gate.open_all()
    assert isinstance(taken[0][1], Fatal)
    assert_no_worker_is_left()


class Limit:
    """Lets only this many threads be started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
        self.left = threads
        limit = self

        class Thread(threading.Thread):
            @override
            def start(self) -> None:
                if limit.left == 0:
                    raise RuntimeError("can't start new thread")
                limit.left -= 1
                super().start()

        limited = SimpleNamespace(Lock=threading.Lock, Condition=threading.Condition, Thread=Thread)
        monkeypatch.setattr("tap_zuora_testenv.zuora.look_ahead.threading", limited)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_with_fewer_threads_than_the_width_all_is_called(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    Limit(monkeypatch, threads)
    results = ahead(lambda argument: -argument, range(50), width=8)
    assert list(results) == [(argument, -argument) for argument in range(50)]
    assert_no_worker_is_left()


def test_threads_that_are_free_again_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, gate = Limit(monkeypatch, 1), Gate()
    results = ahead(gate.call, range(10), width=3)
    with reading(results):
        gate.wait_for(1)
        assert len(workers()) == 1
        limit.left = 10
        gate.open(0)
    with reading(results):
        # The reader starts two more, and each of the three starts a call.
        assert gate.wait_for(4) == {0, 1, 2, 3}
        gate.open_all()
    assert len(list(results)) == 8
    assert limit.left == 8
    assert_no_worker_is_left()


def test_without_a_single_thread_reading_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    Limit(monkeypatch, 0)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        next(ahead(lambda argument: argument, range(3)))


def test_calls_may_be_started_before_the_first_result_is_read() -> None:
    gate = Gate()
    results = ahead(gate.call, range(20), width=2)
    results.start()
    gate.open(0, 1, 2)
    # As far ahead of the reader as later on, and no further.
    assert gate.wait_for(4) == {0, 1, 2, 3}
    assert results.upcoming == 0
    gate.open_all()
    assert [argument for argument, _ in results] == list(range(20))
    assert_no_worker_is_left()


def test_calls_that_were_started_are_not_started_again() -> None:
    called: list[int] = []

    def call(argument: int) -> int:
        called.append(argument)
        return argument

    results = ahead(call, range(5))
    results.start()
    results.start()
    assert len(list(results)) == 5
    assert sorted(called) == list(range(5))
    assert_no_worker_is_left()


def test_without_arguments_there_is_nothing_to_read() -> None:
    assert list(ahead(lambda argument: argument, [])) == []


def test_a_fatal_exception_wakes_a_reader_that_waits_for_an_earlier_call(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, reader_waits = Gate(), threading.Event()

    class Condition(threading.Condition):
        @override
        def wait(self, timeout: float | None = None) -> bool:
            reader_waits.set()
            return super().wait(timeout)

    def call(argument: int) -> int:
        if argument == 1:
            assert reader_waits.wait(LONG)
            raise Fatal
        return gate.call(argument)

    with monkeypatch.context() as watched:
        watched.setattr(
            "tap_zuora_testenv.zuora.look_ahead.threading",
            SimpleNamespace(Lock=threading.Lock, Condition=Condition, Thread=threading.Thread),
        )
        # Two calls and room for four: nobody else waits.
        results = ahead(call, [0, 1], width=2)
        _, result = next(results)
    assert isinstance(result, Fatal)
    gate.open_all()
    assert_no_worker_is_left()


def test_after_the_last_result_no_call_is_left_to_start() -> None:
    results = ahead(lambda argument: argument, range(5), width=1)
    assert len(list(results)) == 5
    assert_no_worker_is_left()
    assert results.not_started == 0


def test_the_upcoming_argument_is_that_of_the_next_result_and_starts_no_call() -> None:
    gate = Gate()
    results = ahead(gate.call, [7, 8, 9], width=1)
    assert (results.upcoming, gate.started, workers()) == (7, [], [])
    gate.open_all()
    for argument, following in [(7, 8), (8, 9), (9, None)]:
        assert results.upcoming == argument
        assert next(results) == (argument, -argument)
        assert results.upcoming == following
    assert_no_worker_is_left()


def test_without_arguments_none_is_upcoming() -> None:
    assert ahead(lambda argument: argument, []).upcoming is None


def test_a_fatal_exception_changes_nothing_about_the_upcoming_argument() -> None:
    def call(argument: int) -> int:
        raise Fatal(argument)

    results = ahead(call, [7, 8], width=1)
    upcoming = [results.upcoming]
    for _ in range(2):
        assert isinstance(next(results)[1], Fatal)
        upcoming.append(results.upcoming)
    assert upcoming == [7, 8, None]
    assert_no_worker_is_left()
