"""The soak in short: the same invariants, in seconds."""

from __future__ import annotations

import random
import signal
from itertools import product

import pytest

from dev.soak import fault_soak, signal_soak
from dev.soak.invariants import InvariantError, require
from dev.soak.signal_schedule import SIGNALS, moments


def test_each_of_three_hundred_jobs_behind_faults_arrives_once_or_is_named() -> None:
    figures = fault_soak.soak(1, environments=6, jobs=300)
    assert figures.jobs == 300
    # A fifth of some six hundred requests.
    assert figures.faults.total() > 60
    assert figures.runs > 1
    assert figures.stopped == 2
    assert figures.named > 0


def test_six_signals_cost_a_target_nothing() -> None:
    figures = signal_soak.soak(7, 6)
    assert figures.endings.total() == 6
    assert (figures.rounds, figures.records) == (2, 2 * 6 * 56)


def test_every_signal_is_drawn_and_half_of_them_while_jobs_are_requested() -> None:
    drawn, again = (list(moments(random.Random(1), 200, signal_soak.REQUESTS)) for _ in range(2))  # noqa: S311 - a seed
    assert {each.signal for each in drawn} == set(SIGNALS) == {signal.SIGTERM, signal.SIGINT, signal.SIGKILL}
    assert sum(each.requests > 1 for each in drawn) > 100
    assert sum(each.pause is not None for each in drawn) > 10
    assert sum(not each.reads_on for each in drawn) > 0
    assert {(each.unbuffered, each.target_dies) for each in drawn} == set(product([True, False], repeat=2))
    assert drawn == again


def test_an_invariant_that_does_not_hold_ends_the_soak() -> None:
    require(holds=True, otherwise="never said")
    with pytest.raises(InvariantError, match="a job was lost"):
        require(holds=False, otherwise="a job was lost")
