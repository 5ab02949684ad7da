from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_zuora_testenv.timestamps import NANOSECONDS_PER_SECOND, from_instant, instant, rfc_3339

NOON = 1_767_268_800  # 2026-01-01T12:00:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets)  # noqa: DTZ001 - the zones follow


def nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("2026-01-01T12:00:00Z", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01t12:00:00z", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00.500Z", NOON + 0.5, "2026-01-01T12:00:00.500Z"),
        ("2026-01-01T04:00:00.500-08:00", NOON + 0.5, "2026-01-01T04:00:00.500-08:00"),
        ("2026-01-01T20:00:00+0800", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01T20:00:00+08", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00.250 UTC", NOON + 0.25, "2026-01-01T12:00:00.250Z"),
        ("2026-01-01T12:00:00 GMT", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01 12:00:00", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01 20:00:00 +08:00", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00", NOON, "2026-01-01T12:00:00Z"),
        ("2026-01-01", NOON - 43_200, "2026-01-01T00:00:00Z"),
        (NOON * 1000, NOON, "2026-01-01T12:00:00Z"),
        (str(NOON * 1000), NOON, "2026-01-01T12:00:00Z"),
        (NOON * 1000 + 50, NOON + 0.05, "2026-01-01T12:00:00.05Z"),
        (float(NOON * 1000), NOON, "2026-01-01T12:00:00Z"),
        (Decimal(NOON * 1000), NOON, "2026-01-01T12:00:00Z"),
        (-1000, -1, "1969-12-31T23:59:59Z"),
        ("2026-01-01t04:00:00.500-08:00", NOON + 0.5, "2026-01-01T04:00:00.500-08:00"),
        ("2016-12-31T23:59:60Z", 1_483_228_800, "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.500z", 1_483_228_800.5, "2017-01-01T00:00:00.500Z"),
        ("2016-12-31T15:59:60-08:00", 1_483_228_800, "2016-12-31T16:00:00-08:00"),
        ("2016-12-31T15:59:60-0800", 1_483_228_800, "2017-01-01T00:00:00Z"),
        ("2024-01-01T00:00:60Z", 1_704_067_260, "2024-01-01T00:01:00Z"),
        ("2016-12-31 23:59:60", 1_483_228_800, "2017-01-01T00:00:00Z"),
    ],
)
def test_each_form_names_its_instant_and_is_written_as_rfc_3339(text: object, seconds: float, written: str) -> None:
    assert instant(text) == round(seconds * 1000) * 1_000_000
    assert rfc_3339(text) == written


@pytest.mark.parametrize("text", ["9999-12-31T23:59:60Z", "9999-12-31T23:59:60-08:00", "9999-12-31 23:59:60"])
def test_a_second_60_after_which_the_calendar_ends_cannot_be_written(text: str) -> None:
    assert instant(text) is not None
    assert rfc_3339(text) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "2026",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T12:60:00Z",
        "2026-01-01T12:00Z",
        "2026-01-01T12:00:00.Z",
        "2026-01-01T12:00:00+24:00",
        "2026-01-01T12:00:00+01:60",
        "2026-01-01T12:00:00Z ",
        "2026-01-01T12:00:00Z\n",
        " 2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00 Europe/Berlin",
        "٢٠٢٦-01-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "12345",
        "1767268800000.5",
        True,
        1767268800000.5,
        10**18,
        -(10**18),
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1e999999999999"),
        Decimal("-1e999999999999"),
        [1767268800000],
        {},
        b"2026-01-01",
    ],
)
def test_a_value_that_is_not_a_date_time_names_no_instant(value: object) -> None:
    assert instant(value) is None
    assert rfc_3339(value) is None


def test_nine_fractional_digits_are_kept_to_the_last() -> None:
    at = instant("2026-01-01T12:00:00.123456789Z")
    assert at == NOON * NANOSECONDS_PER_SECOND + 123_456_789
    assert from_instant(at) == "2026-01-01T12:00:00.123456789Z"


def test_digits_beyond_the_ninth_stay_in_the_text() -> None:
    assert rfc_3339("2026-01-01 12:00:00.1234567890123") == "2026-01-01T12:00:00.1234567890123Z"


def test_half_a_second_later_is_later_although_its_text_sorts_before() -> None:
    earlier, later = "2026-01-01T12:00:22Z", "2026-01-01T12:00:22.500Z"
    assert later < earlier
    assert (instant(later) or 0) > (instant(earlier) or 0)


def test_an_instant_beyond_the_calendar_is_moved_to_its_limit() -> None:
    assert from_instant(-(10**30)) == "0001-01-01T00:00:00Z"
    assert from_instant(10**30) == "9999-12-31T23:59:59Z"


@given(moments, st.sampled_from(["isoformat", "zone without colon", "space", "UTC with a gap"]))
def test_every_form_of_a_moment_names_the_same_instant(moment: datetime, form: str) -> None:
    in_utc = moment.astimezone(UTC).replace(tzinfo=None)
    text = {
        "isoformat": moment.isoformat(),
        "zone without colon": "".join(moment.isoformat().rsplit(":", 1)),
        "space": in_utc.isoformat(" "),
        "UTC with a gap": f"{in_utc.isoformat()} UTC",
    }[form]
    assert instant(text) == nanoseconds(moment)


@given(moments, moments)
def test_instants_are_ordered_as_the_moments_are(one: datetime, other: datetime) -> None:
    first, second = instant(one.isoformat()), instant(other.isoformat())
    assert first is not None
    assert second is not None
    assert (first < second) == (one < other)
    assert (first == second) == (one == other)


@given(st.integers(-62_135_596_800 * NANOSECONDS_PER_SECOND, 253_402_300_799 * NANOSECONDS_PER_SECOND))
def test_an_instant_written_and_read_is_the_same(at: int) -> None:
    assert RFC_3339.fullmatch(from_instant(at))
    assert instant(from_instant(at)) == at


digits = st.integers(-1, 10**19)
odd_texts = st.builds(
    "{:04d}-{:02d}-{:02d}{}{:02d}:{:02d}:{:02d}{}{}".format,
    st.integers(0, 9999),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from(["T", "t", " ", ""]),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["", ".", ".5", ".000000000", ".123456789123"]),
    st.sampled_from(["", "Z", "z", " UTC", "GMT", "+01", "-0830", "+14:00", " -23:59", "+24:00", "X"]),
)
vast = st.builds(
    lambda sign, whole, exponent: Decimal((sign, tuple(map(int, str(whole))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**19),
    st.integers(-(10**17), 10**17) | st.integers(-20, 20),
)
anything = st.one_of(
    st.text(),
    odd_texts,
    st.integers(),
    digits,
    digits.map(str),
    st.floats(),
    vast,
    st.none(),
    st.booleans(),
    st.binary(),
)


@given(anything)
@example("9999-12-31 23:59:60")
@example("9999-12-31T23:59:60+01:00")
@example("0001-01-01T00:00:00+01:00")
@example(Decimal("sNaN"))
@example("9" * 5000)
def test_any_value_is_written_as_rfc_3339_of_the_same_instant_or_not_at_all(value: object) -> None:
    at, written = instant(value), rfc_3339(value)
    if written is not None:
        assert RFC_3339.fullmatch(written)
        # As a singer-sdk target reads it.
        assert datetime.fromisoformat(written).tzinfo is not None
        assert instant(written) == at
        assert rfc_3339(written) == written


FIRST_MILLISECOND, LAST_MILLISECOND = -62_135_596_800_000, 253_402_300_799_999
"""The limits of the years 1 and 9999."""


@pytest.mark.parametrize("milliseconds", [FIRST_MILLISECOND, -86_400_000_000, -1, 0, LAST_MILLISECOND])
def test_milliseconds_before_and_after_1970_are_instants(milliseconds: int) -> None:
    assert instant(milliseconds) == milliseconds * 1_000_000


@pytest.mark.parametrize("milliseconds", [FIRST_MILLISECOND - 1, LAST_MILLISECOND + 1])
def test_milliseconds_beyond_the_years_1_and_9999_name_no_instant(milliseconds: int) -> None:
    assert instant(milliseconds) is None
