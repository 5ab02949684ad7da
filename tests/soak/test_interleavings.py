"""The tap's threads in a few thousand orders; and bugs put into them on purpose, each of which some order reveals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.soak.interleaving_soak import soak
from dev.soak.invariants import InvariantError
from dev.soak.thread_scenarios import SCENARIOS, Modules
from dev.testbed.interleaving import Condition, InterleavingError, Lock, Thread, VirtualClock, scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

PACE, AUTH, LOOK_AHEAD, CLIENT = (
    f"tap_zuora_testenv.zuora.{name}" for name in ("pace", "auth", "look_ahead", "client")
)
BREAKER = "tap_zuora_testenv.breaker"


@pytest.mark.parametrize(
    ("scenario", "interleavings"),
    [("look_ahead", 1200), ("pace", 1000), ("auth", 1500), ("client", 600), ("breaker", 300)],
)
def test_in_every_order_nothing_is_lost_or_duplicated_and_no_wait_is_endless(scenario: str, interleavings: int) -> None:
    figures = soak(1, interleavings, scenarios=(scenario,))
    assert figures.interleavings == {scenario: interleavings}
    # The threads can change at many points of each.
    assert figures.switch_points > 50 * interleavings


def test_the_same_seed_gives_the_same_order() -> None:
    first, again, other = (soak(seed, 20).switch_points for seed in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize(
    ("scenario", "module", "old", "new", "finding"),
    [
        pytest.param(
            "pace",
            PACE,
            "the place would stay empty.\n                self._changed.notify_all()",
            "the place would stay empty.\n                self._changed.notify()",
            "a request waits for a place although one is free",
            id="a place that is given back wakes only one thread",
        ),
        pytest.param(
            "pace",
            PACE,
            "        finally:\n",
            "        except ArithmeticError:\n            raise\n        else:\n",
            "wait",
            id="a request that fails keeps its place",
        ),
        pytest.param(
            "pace",
            PACE,
            "self._wait_until(lambda: self._in_flight < self._width)\n            self",
            "self._wait_until(lambda: self._in_flight < self._width)\n        self",
            "in flight",
            id="a place is taken without the lock",
        ),
        pytest.param(
            "pace",
            PACE,
            "self._stopped_by or error\n            self._changed.notify_all()",
            "self._stopped_by or error",
            "waits after the end",
            id="the end wakes no thread",
        ),
        pytest.param(
            "pace",
            PACE,
            "self._set_width(self._width + 1)\n                self._changed.notify_all()",
            "self._set_width(self._width + 1)",
            "a request waits for a place although one is free",
            id="a wider pace wakes no thread",
        ),
        pytest.param(
            "auth",
            AUTH,
            "    def _current(self) -> str:\n        with self._lock:\n",
            "    def _current(self) -> str:\n        if True:\n",
            "two tokens are fetched at once",
            id="the token is looked at without the lock",
        ),
        pytest.param(
            "auth",
            AUTH,
            'request.headers["Authorization"] == f"Bearer {self._token}"',
            "request.headers",
            "renewed without a reason",
            id="a refusal discards a token that it is not about",
        ),
        pytest.param(
            "look_ahead",
            LOOK_AHEAD,
            "self._returned += 1\n            self._room.notify()",
            "self._returned += 1",
            "wait",
            id="a result that is read makes no room",
        ),
        pytest.param(
            "look_ahead",
            LOOK_AHEAD,
            "threading.Condition(lock), threading.Condition(lock)",
            "[threading.Condition(lock)] * 2",
            "wait",
            id="one condition is used for two things to wait for",
        ),
        pytest.param(
            "look_ahead",
            LOOK_AHEAD,
            "self._ended = result\n                    self._room.notify_all()",
            "self._ended = result",
            "a thread waits for room although it may go on",
            id="a fatal error wakes no thread",
        ),
        pytest.param(
            "client",
            CLIENT,
            "self._pace.wait_out_pause()\n",
            "self._pace.request().__enter__()\n",
            "all threads wait forever",
            id="the token needs a separate place",
        ),
        pytest.param(
            "client",
            CLIENT,
            "with self._start_lock:",
            "if True:",
            "connections were opened early twice",
            id="the start is not locked",
        ),
        pytest.param(
            "breaker",
            BREAKER,
            "        with self._lock:\n            self._failed.clear()",
            "        self._failed.clear()",
            "misconfigured by",
            id="failures are forgotten while they are counted",
        ),
    ],
)
def test_a_bug_is_found(scenario: str, module: str, old: str, new: str, finding: str) -> None:
    with pytest.raises(InvariantError, match=finding):
        soak(1, 1500, scenarios=(scenario,), modules=Modules({module: (old, new)}))


def run(seed: int, work: Callable[[], object]) -> float:
    """Run a scenario of this file; return the virtual seconds that it took."""
    with scheduled(seed) as scheduler:
        began = scheduler.now
        scheduler.run(work)
        return scheduler.now - began


def test_a_deadlock_is_found() -> None:
    def work() -> None:
        locks = Lock(), Lock()

        def take(*order: int) -> None:
            with locks[order[0]], locks[order[1]]:
                pass

        for order in ((0, 1), (1, 0)):
            Thread(target=take, args=order).start()

    def run_all() -> None:
        for seed in range(50):
            run(seed, work)

    with pytest.raises(InterleavingError, match="all threads wait forever"):
        run_all()


def test_an_endless_loop_is_found() -> None:
    def work() -> None:
        lock = Lock()
        while True:
            with lock:
                pass

    with pytest.raises(InterleavingError, match="no end after"):
        run(1, work)


def test_an_error_of_any_thread_is_that_of_the_run() -> None:
    def fail() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        run(1, lambda: Thread(target=fail).start())


def test_a_wait_with_a_limit_takes_only_virtual_time() -> None:
    def work() -> None:
        condition = Condition()
        with condition:
            assert not condition.wait(3600.0)
            VirtualClock.wait(condition, 60.0)

    assert run(1, work) == 3660.0


def test_a_condition_without_its_lock_is_refused_as_the_library_refuses_it() -> None:
    for misuse in (lambda: Condition().wait(1.0), lambda: Condition().notify_all(), lambda: Lock().release()):
        with pytest.raises(RuntimeError, match="lock"):
            run(1, misuse)


def test_every_scenario_is_run() -> None:
    assert soak(3, 1).interleavings == dict.fromkeys(SCENARIOS, 1)
