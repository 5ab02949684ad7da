"""What the comparison of a table with Zuora's answers notices; the demo and the tests of the pipe rely on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.table_comparison import differences

if TYPE_CHECKING:
    from dev.testbed.emulator_process import Row

PROPERTIES: dict[str, Any] = {
    "id": {"type": "string"},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "done": {"type": ["integer", "null"]},
    "tenant": {"type": ["string", "null"]},
}
DOCUMENT: Row = {"id": "a", "at": "2026-01-02T03:04:05-08:00", "done": 7, "tenant": 12}
ROW: Row = {"id": "a", "at": datetime(2026, 1, 2, 11, 4, 5), "done": 7, "tenant": "12", "_sdc_sequence": 1}  # noqa: DTZ001


def compare(*rows: Row, documents: list[Row] | None = None) -> list[str]:
    return list(differences(rows, [DOCUMENT] if documents is None else documents, PROPERTIES))


def test_the_same_in_another_notation_is_no_difference() -> None:
    assert compare(ROW) == []
    assert compare(ROW | {"at": datetime(2026, 1, 2, 13, 4, 5, tzinfo=timezone(timedelta(hours=2)))}) == []


def test_a_field_that_zuora_lacks_is_null() -> None:
    assert compare(ROW | {"tenant": None}, documents=[{"id": "a", "at": DOCUMENT["at"], "done": 7}]) == []


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "a is missing from the table."),
        ([ROW, ROW], "1 rows are in the table more than once."),
        ([ROW, ROW | {"id": "b"}], "b is in the table, and Zuora does not have it."),
        ([ROW | {"done": 8}], "a: done is 8 in the table and 7 in Zuora."),
        ([ROW | {"done": None}], "a: done is None in the table and 7 in Zuora."),
        ([ROW | {"done": "7"}], "a: done is '7' in the table and 7 in Zuora."),
        ([ROW | {"tenant": 12}], "a: tenant is 12 in the table and '12' in Zuora."),
        ([ROW | {"more": 1}], "a: only the table has the field more."),
        ([{name: value for name, value in ROW.items() if name != "at"}], "a: only the schema has the field at."),
    ],
)
def test_each_difference_is_a_sentence(rows: list[Row], sentence: str) -> None:
    assert compare(*rows) == [sentence]


def test_an_instant_that_is_a_second_off_is_a_difference() -> None:
    (found,) = compare(ROW | {"at": datetime(2026, 1, 2, 11, 4, 6, tzinfo=UTC)})
    assert found.startswith("a: at is ")
