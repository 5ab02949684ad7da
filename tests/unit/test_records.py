from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker

from tap_zuora_testenv.records import Loss, RecordSchema

SCHEMAS = Path(__file__).parents[2] / "schemas"
JOBS, ENVIRONMENTS = (
    json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")) for name in ("test_environment_jobs", "test_environments")
)
SCHEMA = RecordSchema(JOBS)

RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
checker = FormatChecker([])


# jsonschema's own check needs a package that is not installed, and without it accepts everything.
@checker.checks("date-time")
def is_rfc_3339(value: object) -> bool:
    if not isinstance(value, str):
        return True
    match = RFC_3339.fullmatch(value)
    if match is None:
        return False
    try:
        datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return False
    return match[3] <= "60"


def converted(field: str, raw: object) -> tuple[Any, list[Loss]]:
    row, losses, _ = SCHEMA.record({"id": "j", field: raw})
    return row[field], losses


@pytest.mark.parametrize(
    ("raw", "whole"),
    [
        (50, 50),
        (0, 0),
        (-1, -1),
        ("50", 50),
        ("+50", 50),
        ("-50", -50),
        ("050", 50),
        ("50.0", 50),
        (Decimal("50.0"), 50),
        (Decimal(50), 50),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_whole_number_is_read_when_that_is_exact(raw: object, whole: int) -> None:
    value, losses = converted("progressPercentage", raw)
    assert (value, type(value), losses) == (whole, int, [])


@pytest.mark.parametrize(
    "raw",
    [
        "50 %",
        "",
        " 50",
        "50\n",
        "5e1",
        "\u0665\u0660",
        "fifty",
        50.5,
        Decimal("50.5"),
        Decimal("1e999999999999"),
        float("inf"),
        True,
        False,
        2**63,
        -(2**63) - 1,
        10**4000,
        "9" * 5000,
        [],
        [50],
        {},
        {"value": 50},
    ],
    ids=lambda raw: repr(raw)[:20],
)
def test_a_value_that_is_not_a_whole_number_becomes_null_and_is_reported(raw: object) -> None:
    assert converted("progressPercentage", raw) == (
        None,
        [Loss("progressPercentage", "is not of its type and becomes null", raw)],
    )


def test_a_number_that_is_nan_is_reported_as_lost() -> None:
    value, (loss,) = converted("progressPercentage", float("nan"))
    assert (value, loss.field) == (None, "progressPercentage")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("NEW", "NEW"),
        ("", ""),
        ("é\U0001f600", "é\U0001f600"),
        (7, "7"),
        (10**30, "1" + "0" * 30),
        (Decimal("7.50"), "7.50"),
    ],
)
def test_a_text_is_kept_and_a_number_becomes_its_digits_without_a_report(raw: object, text: str) -> None:
    assert converted("status", raw) == (text, [])


@pytest.mark.parametrize("raw", [True, False, [], ["NEW"], {}, {"name": "NEW"}], ids=repr)
def test_a_value_that_is_not_a_text_becomes_null_and_is_reported(raw: object) -> None:
    assert converted("status", raw) == (None, [Loss("status", "is not of its type and becomes null", raw)])


@pytest.mark.parametrize("half", [0xD800, 0xDFFF])
def test_half_a_character_is_replaced_and_reported(half: int) -> None:
    raw = f"a{chr(half)}b"
    assert converted("status", raw) == (
        "a\ufffdb",
        [Loss("status", "holds half a character, which becomes U+FFFD", raw)],
    )


def test_a_replacement_character_of_zuoras_own_is_no_loss() -> None:
    assert converted("status", "a\ufffdb") == ("a\ufffdb", [])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00.123456789-08:00", "2026-01-01T12:00:00.123456789-08:00"),
        ("2026-01-01 12:00:00", "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00+0200", "2026-01-01T10:00:00Z"),
        (1_767_268_800_000, "2026-01-01T12:00:00Z"),
    ],
)
def test_a_date_time_becomes_rfc_3339_without_a_report(raw: object, text: str) -> None:
    assert converted("updateTime", raw) == (text, [])


@pytest.mark.parametrize("raw", ["soon", "", "2026-02-30T00:00:00Z", True, [], {}, 10**30, "\ud800"], ids=repr)
def test_a_value_that_is_not_a_date_time_becomes_null_and_is_reported(raw: object) -> None:
    assert converted("updateTime", raw) == (None, [Loss("updateTime", "is not of its type and becomes null", raw)])


@pytest.mark.parametrize("field", ["status", "progressPercentage", "updateTime"])
def test_a_null_is_no_loss(field: str) -> None:
    assert converted(field, None) == (None, [])


def test_a_field_that_the_row_lacks_is_null() -> None:
    row, losses, unknown = SCHEMA.record({"id": "j"})
    assert row == {**dict.fromkeys(JOBS["properties"]), "id": "j"}
    assert (losses, unknown) == ([], set())


def test_an_unknown_field_is_left_out_and_named() -> None:
    row, losses, unknown = SCHEMA.record({"id": "j", "colour": "red"})
    assert "colour" not in row
    assert (losses, unknown) == ([], {"colour"})


def test_the_row_itself_is_not_changed() -> None:
    row = {"id": 7, "progressPercentage": "50"}
    SCHEMA.record(row)
    assert row == {"id": 7, "progressPercentage": "50"}


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**64), 2**64).map(str),
        st.floats(),
        st.decimals(),
        st.text(st.characters()),
        st.text(st.characters(categories=["Cs", "L"])),
        st.datetimes().map(str),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def rows(schema: dict[str, Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {field: values for field in schema["properties"] if field != "id"}
    identified = st.fixed_dictionaries({"id": st.text(min_size=1) | st.integers()}, optional=fields)
    strange = st.dictionaries(st.text(), values, max_size=2)
    return st.builds(lambda one, other: {**other, **one}, identified, strange)


@given(
    st.sampled_from([JOBS, ENVIRONMENTS]).flatmap(lambda schema: rows(schema, anything).map(lambda row: (schema, row)))
)
@example(
    (JOBS, {"id": "\ud800", "progressPercentage": Decimal("1e999999999999"), "updateTime": Decimal("1e999999999999")})
)
def test_every_row_becomes_a_record_that_is_as_the_schema_promises(
    given_row: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    schema, row = given_row
    record, losses, unknown = RecordSchema(schema).record(row)
    Draft7Validator(schema, format_checker=checker).validate(record)
    assert record.keys() == schema["properties"].keys()
    assert json.dumps(record, allow_nan=False, ensure_ascii=False).encode()
    assert unknown == row.keys() - record.keys()
    # Nothing is lost without a report.
    assert {loss.field for loss in losses} >= {
        field for field in record if record[field] is None and row.get(field) is not None
    }


def right(definition: dict[str, Any]) -> st.SearchStrategy[Any]:
    if definition.get("format") == "date-time":
        at = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows
        return at.map(datetime.isoformat) | at.map(lambda moment: moment.isoformat().replace("+00:00", "Z"))
    if "integer" in definition["type"]:
        return st.integers(-(2**63) + 1, 2**63 - 1)
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    st.fixed_dictionaries(
        {
            field: right(definition) if field == "id" else st.none() | right(definition)
            for field, definition in JOBS["properties"].items()
        }
    )
)
def test_a_row_that_is_as_the_schema_promises_is_the_record(row: dict[str, Any]) -> None:
    assert SCHEMA.record(row) == (row, [], set())
