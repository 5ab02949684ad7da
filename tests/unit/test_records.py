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
SCHEMA = RecordSchema(JOBS["properties"])

RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):([0-5]\d)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
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
    return True


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
        (Decimal("5e1"), 50),
        (2**63 - 1, 2**63 - 1),
        (Decimal(2**63 - 1), 2**63 - 1),
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
        Decimal("50." + "0" * 40 + "1"),
        Decimal("1e-999999999999"),
        Decimal("1e999999999999"),
        Decimal(2**63),
        Decimal("Infinity"),
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
        [Loss("status", "holds NUL or half a character, which becomes U+FFFD", raw)],
    )


@pytest.mark.parametrize("raw", ["a\0b", "\0", "\0\ud800"], ids=ascii)
def test_a_nul_is_replaced_and_reported(raw: str) -> None:
    value, losses = converted("status", raw)
    assert value == raw.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert losses == [Loss("status", "holds NUL or half a character, which becomes U+FFFD", raw)]


def test_a_replacement_character_from_zuora_is_not_a_loss() -> None:
    assert converted("status", "a\ufffdb") == ("a\ufffdb", [])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00.123456789-08:00", "2026-01-01T12:00:00.123456789-08:00"),
        ("2026-01-01t12:00:00z", "2026-01-01T12:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2026-01-01 12:00:00", "2026-01-01T12:00:00Z"),
        ("2026-01-01T12:00:00+0200", "2026-01-01T10:00:00Z"),
        (1_767_268_800_000, "2026-01-01T12:00:00Z"),
    ],
)
def test_a_date_time_becomes_rfc_3339_without_a_report(raw: object, text: str) -> None:
    assert converted("updateTime", raw) == (text, [])


@pytest.mark.parametrize("raw", ["", " ", "\t\n", "\u00a0"], ids=ascii)
def test_a_blank_date_time_is_null_without_a_report(raw: str) -> None:
    assert converted("updateTime", raw) == (None, [])


@pytest.mark.parametrize(
    "raw",
    ["soon", "2026-02-30T00:00:00Z", "9999-12-31T23:59:60Z", "2026-01-01T12:00:00Z\0", True, [], {}, 10**30, "\ud800"],
    ids=ascii,
)
def test_a_value_that_is_not_a_date_time_becomes_null_and_is_reported(raw: object) -> None:
    assert converted("updateTime", raw) == (None, [Loss("updateTime", "is not of its type and becomes null", raw)])


@pytest.mark.parametrize("field", ["status", "progressPercentage", "updateTime"])
def test_a_null_is_not_a_loss(field: str) -> None:
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


# Of the schema that a catalog may declare.


def declared(definition: dict[str, Any], raw: object) -> tuple[dict[str, Any], list[str]]:
    """The record of a row with one field of this schema, and the loss of its value."""
    record, losses, _ = RecordSchema({"field": definition}).record({"field": raw})
    return record, [loss.kind for loss in losses]


NULL = "is not of its type and becomes null"
NESTED: Any = []
for _ in range(200):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("string", True, None),
        ("integer", "94870", 94870),
        ("integer", "SSO", None),
        ("number", 5, 5),
        ("number", Decimal("0.10"), Decimal("0.10")),
        ("number", "0.10", Decimal("0.10")),
        ("number", "-1.5e3", Decimal("-1.5e3")),
        ("number", "", None),
        ("number", "1_0", None),
        ("number", "NaN", None),
        ("number", True, None),
        ("number", [1], None),
        ("number", float("inf"), None),
        ("number", 10**400, None),
        ("number", Decimal("1e400"), None),
        ("number", Decimal("1e-400"), None),
        ("number", Decimal("sNaN"), None),
        ("number", Decimal("0.0"), Decimal("0.0")),
        ("boolean", False, False),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("boolean", "yes", None),
        ("boolean", 1, None),
        ("array", ["a", {"b": 1}], ["a", {"b": 1}]),
        ("array", "a", None),
        ("array", NESTED, None),
        ("object", {"a": [1]}, {"a": [1]}),
        ("object", ["a"], None),
    ],
    ids=lambda each: ascii(each)[:30],
)
def test_a_value_is_converted_to_the_type_that_a_catalog_declares_if_that_is_exact(
    kind: str, raw: object, value: object
) -> None:
    record, kinds = declared({"type": [kind, "null"]}, raw)
    assert (record, kinds) == ({"field": value}, [NULL] if value is None else [])
    assert type(record["field"]) is type(value)


@pytest.mark.parametrize(
    ("form", "raw", "value"),
    [
        ("date", "2026-01-01", "2026-01-01"),
        ("date", "2026-01-01T00:00:00Z", None),
        ("date", 5, None),
        ("time", "12:00:00Z", "12:00:00Z"),
        ("time", "noon", None),
        ("uuid", "not one", "not one"),
    ],
)
def test_a_text_that_a_target_would_parse_is_kept_only_if_the_target_can(form: str, raw: object, value: object) -> None:
    definition = {"type": ["string", "null"], "format": form}
    assert declared(definition, raw) == ({"field": value}, [NULL] if value is None else [])


def test_a_blank_date_is_null_without_a_report() -> None:
    assert declared({"type": ["string", "null"], "format": "date"}, " ") == ({"field": None}, [])


@pytest.mark.parametrize(
    ("raw", "value"), [(7, 7), ("7", "7"), (Decimal("7.5"), "7.5"), (True, None), ([7], None)], ids=str
)
@pytest.mark.parametrize(
    "definition",
    [
        {"type": ["string", "integer", "null"]},
        {"type": ["integer", "string", "null"]},
        {"anyOf": [{"type": "integer"}, {"type": ["string", "null"]}, True]},
        {"oneOf": [{"type": "null"}, {"type": "string"}, {"type": "integer"}]},
    ],
    ids=str,
)
def test_of_several_types_the_one_that_a_value_has_counts(
    definition: dict[str, Any], raw: object, value: object
) -> None:
    assert declared(definition, raw)[0] == {"field": value}


@pytest.mark.parametrize(
    "definition",
    [
        {"type": ["integer", "string", "null"], "format": "date-time"},
        {"anyOf": [{"type": "string"}, {"type": "string", "format": "date-time"}, {"type": "null"}]},
    ],
    ids=str,
)
@pytest.mark.parametrize(("raw", "value"), [("2026-01-01", "2026-01-01T00:00:00Z"), (True, None), ("soon", None)])
def test_a_field_that_may_be_a_date_time_is_nothing_else(
    definition: dict[str, Any], raw: object, value: object
) -> None:
    assert declared(definition, raw)[0] == {"field": value}


@pytest.mark.parametrize("raw", ["text", 7, True, ["a", None], {"a": Decimal("1.5")}], ids=str)
@pytest.mark.parametrize("definition", [{}, {"type": []}, {"type": "unheard-of"}], ids=str)
def test_a_field_of_no_known_type_is_as_sent(definition: dict[str, Any], raw: object) -> None:
    assert declared(definition, raw) == ({"field": raw}, [])


def test_nul_and_half_a_character_are_replaced_at_any_depth_and_reported() -> None:
    record, kinds = declared({"type": "object"}, {"a\0": ["b\ud800", {"c": "\0"}]})
    assert record == {"field": {"a\ufffd": ["b\ufffd", {"c": "\ufffd"}]}}
    assert kinds == ["holds NUL or half a character, which becomes U+FFFD"]


@pytest.mark.parametrize("definition", [{"type": "integer"}, {"anyOf": [{"type": "integer"}]}], ids=str)
def test_where_null_is_forbidden_a_value_that_cannot_be_converted_is_left_out(definition: dict[str, Any]) -> None:
    assert declared(definition, "seven") == ({}, ["is not of its type and is left out"])
    assert declared(definition, None) == ({}, [])
    assert RecordSchema({"field": definition}).record({}) == ({}, [], set())


def test_a_field_that_is_known_but_not_declared_is_left_out_and_not_named() -> None:
    schema = RecordSchema({"id": {"type": "string"}}, known={"status"})
    assert schema.record({"id": "j", "status": "NEW", "colour": "red"}) == ({"id": "j"}, [], {"colour"})


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
    record, losses, unknown = RecordSchema(schema["properties"]).record(row)
    Draft7Validator(schema, format_checker=checker).validate(record)
    assert record.keys() == schema["properties"].keys()
    assert json.dumps(record, allow_nan=False, ensure_ascii=False).encode()
    assert unknown == row.keys() - record.keys()
    # Nothing is lost without a report; a blank is not a date-time.
    assert {loss.field for loss in losses} >= {
        field
        for field in record
        if record[field] is None
        and row.get(field) is not None
        and not ("format" in schema["properties"][field] and str(row[field]).isspace() | (row[field] == ""))
    }


def right(definition: dict[str, Any]) -> st.SearchStrategy[Any]:
    if definition.get("format") == "date-time":
        at = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows
        return at.map(datetime.isoformat) | at.map(lambda moment: moment.isoformat().replace("+00:00", "Z"))
    if "integer" in definition["type"]:
        return st.integers(-(2**63) + 1, 2**63 - 1)
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


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
