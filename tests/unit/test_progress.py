from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.progress import Progress, progress_line

if TYPE_CHECKING:
    from tests.unit.conftest import ManualClock

LOGGER = logging.getLogger("test-progress")


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_run_of_less_than_ten_seconds_logs_nothing(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress(4000, clock, LOGGER)
    for _ in range(4000):
        progress.completed()
    clock.now += 9.9
    progress.completed()
    assert caplog.messages == []


def test_after_ten_seconds_one_line_reports_the_progress(clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress(4000, clock, LOGGER)
    for _ in range(1979):
        progress.completed()
    clock.now += 10
    for _ in range(5):
        progress.completed()
    assert caplog.messages == ["1,980 of 4,000 requests, 198/s, 10 s left"]


@pytest.mark.parametrize("requests", [100, 10_000])
def test_the_log_grows_with_time_and_not_with_requests(
    clock: ManualClock, caplog: pytest.LogCaptureFixture, requests: int
) -> None:
    progress = Progress(requests, clock, LOGGER)
    for _ in range(requests):
        clock.now += 100 / requests
        progress.completed()
    assert 9 <= len(caplog.messages) <= 10


def test_the_line_reads_as_promised() -> None:
    assert progress_line(612, 4000, 3.09) == "612 of 4,000 requests, 198/s, 17 s left"


def test_when_all_is_done_nothing_is_left() -> None:
    assert progress_line(4000, 4000, 20) == "4,000 of 4,000 requests, 200/s, 0 s left"


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(1e-3, 1e6))
def test_a_line_can_be_written_for_any_progress(done: int, more: int, seconds: float) -> None:
    assert progress_line(done, done + more, seconds).startswith(f"{done:,} of {done + more:,} requests, ")
