"""The soak in short: the same promises, in seconds."""

from __future__ import annotations

import random
import signal
from itertools import product

import pytest

from soak import faults, signals
from soak.moments import SIGNALS, moments
from soak.promises import PromiseBrokenError, promise


def test_each_of_three_hundred_jobs_behind_faults_arrives_once_or_is_named() -> None:
    figures = faults.soak(1, environments=6, jobs=300)
    assert figures.jobs == 300
    # A fifth of some six hundred requests.
    assert figures.faults.total() > 60
    assert figures.runs > 1
    assert figures.stopped == 2
    assert figures.named > 0


def test_six_signals_cost_a_target_nothing() -> None:
    figures = signals.soak(7, 6)
    assert figures.endings.total() == 6
    assert (figures.rounds, figures.records) == (2, 2 * 6 * 56)


def test_every_signal_is_drawn_and_half_of_them_while_jobs_are_asked_for() -> None:
    drawn, again = (list(moments(random.Random(1), 200, signals.REQUESTS)) for _ in range(2))  # noqa: S311 - a seed
    assert {each.signal for each in drawn} == set(SIGNALS) == {signal.SIGTERM, signal.SIGINT, signal.SIGKILL}
    assert sum(each.requests > 1 for each in drawn) > 100
    assert sum(each.pause is not None for each in drawn) > 10
    assert sum(not each.reads_on for each in drawn) > 0
    assert {(each.unbuffered, each.target_dies) for each in drawn} == set(product([True, False], repeat=2))
    assert drawn == again


def test_a_promise_that_does_not_hold_ends_the_soak() -> None:
    promise(holds=True, otherwise="never said")
    with pytest.raises(PromiseBrokenError, match="a job was lost"):
        promise(holds=False, otherwise="a job was lost")
