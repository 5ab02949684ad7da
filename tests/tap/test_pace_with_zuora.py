"""The pace against an emulator with limits: what is requested, how often the limit is hit, how wide the pace gets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv.emulator.faults import Fault
from tap_zuora_testenv.emulator.limits import Limits
from tests.tap.running import E1, E2, ENVIRONMENTS, JOBS, LeapingClock, Tap, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

NAMES = [job(100 + number)["id"] for number in range(120)]


@pytest.fixture(autouse=True)
def many_jobs(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    for number in range(120):
        zuora.put_job(E1, job(100 + number, updated="2026-01-01T00:00:00Z"))


def test_a_server_that_lets_four_through_is_hit_at_its_limit_only_a_few_times(tap: Tap, zuora: Zuora) -> None:
    zuora.limits = Limits(max_in_flight=4)
    zuora.latency_seconds = 0.004
    ran = tap(test_environments=[{"id": E1, "job_ids": NAMES}], only=JOBS, max_parallel_requests=16, max_attempts=20)
    assert (ran.code, ran.ids()) == (0, NAMES)
    statuses = Counter(request.status for request in zuora.requests)
    assert 1 <= statuses[429] <= 40
    # One line per change of width, at most every 10 seconds, on a clock on which all of this took a few seconds.
    assert 1 <= ran.log.count("Zuora's limits: now") <= 5


def test_each_request_is_made_once(tap: Tap, zuora: Zuora) -> None:
    tap(test_environments=[{"id": E1, "job_ids": NAMES}], max_parallel_requests=20)
    assert set(Counter(paths(zuora)).values()) == {1}
    assert len(paths(zuora)) == len(NAMES) + 1
    assert len(paths(zuora, "POST")) == 1
    assert zuora.requests.connections <= 21


def test_discovered_environments_cost_one_request_each_and_one_for_the_list(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E2))
    ran = tap()
    assert len(ran.ids(ENVIRONMENTS)) == 2
    assert len(paths(zuora)) == 3


def test_progress_is_logged_every_ten_seconds(tap: Tap, zuora: Zuora, clock: LeapingClock) -> None:
    for after in (20, 60):
        fault = Fault("*/jobs/*", after=after, times=1, status=429, headers={"Retry-After": "25"})
        zuora.faults.add(fault)
    ran = tap(test_environments=[{"id": E1, "job_ids": NAMES}], only=JOBS, max_parallel_requests=1)
    assert ran.code == 0
    assert round(sum(clock.waited)) == 50
    assert ran.log.count(" of 120 requests, ") == 2


def test_the_state_is_in_one_message_however_many_jobs_it_names(tap: Tap) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": NAMES}], only=JOBS)
    assert sum(message["type"] == "STATE" for message in ran.messages) == 1


def test_no_row_follows_the_last_state(tap: Tap) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": NAMES}])
    assert ran.records(ENVIRONMENTS)
    assert ran.messages[-1]["type"] == "STATE"
