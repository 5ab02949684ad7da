"""Instants, time spans and numbers as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tap_zuora_testenv.report import formatting

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(), "0 min"),
        (timedelta(minutes=89), "89 min"),
        (timedelta(minutes=90), "2 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=-400), "400 days"),
    ],
)
def test_a_span_has_the_unit_of_its_size(time: timedelta, said: str) -> None:
    assert formatting.span(time) == said


def test_an_instant_leaves_out_the_year_that_is_now() -> None:
    assert formatting.instant(datetime(2026, 2, 5, 7, 4, tzinfo=UTC), NOW) == "5 Feb, 07:04"
    assert formatting.instant(datetime(2025, 2, 5, 7, 4, tzinfo=UTC), NOW) == "5 Feb 2025, 07:04"
    assert formatting.instant(None) == "—"


def test_future_and_past_instants_differ() -> None:
    assert formatting.relative(NOW + timedelta(days=3), NOW) == "in 3 days"
    assert formatting.relative(NOW - timedelta(days=3), NOW) == "3 days ago"


def test_numbers_and_lists() -> None:
    assert formatting.number(Decimal("2.25")) == "2.2"
    assert formatting.percent(Decimal("0.3333")) == "33 %"
    assert formatting.percent(None) == formatting.number(None) == "—"
    assert formatting.count(1, "job", "jobs") == "1 job"
    assert formatting.count(1200, "job", "jobs") == "1,200 jobs"
    assert formatting.listed(["a"]) == "a"
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.job(None) == "Job"
