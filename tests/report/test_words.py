"""Words for instants and spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics import words

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
def test_a_span_has_the_unit_that_says_enough(time: timedelta, said: str) -> None:
    assert words.span(time) == said


def test_an_instant_leaves_out_the_year_that_is_now() -> None:
    assert words.instant(datetime(2026, 2, 5, 7, 4, tzinfo=UTC), NOW) == "5 Feb, 07:04"
    assert words.instant(datetime(2025, 2, 5, 7, 4, tzinfo=UTC), NOW) == "5 Feb 2025, 07:04"
    assert words.instant(None) == "—"


def test_what_lies_ahead_and_what_lies_behind_differ() -> None:
    assert words.relative(NOW + timedelta(days=3), NOW) == "in 3 days"
    assert words.relative(NOW - timedelta(days=3), NOW) == "3 days ago"


def test_numbers_and_lists() -> None:
    assert words.number(Decimal("2.25")) == "2.2"
    assert words.percent(Decimal("0.3333")) == "33 %"
    assert words.percent(None) == words.number(None) == "—"
    assert words.count(1, "job", "jobs") == "1 job"
    assert words.count(1200, "job", "jobs") == "1,200 jobs"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.job(None) == "Job"
