"""Whether tables have exactly the rows and values that Zuora answers; it reads only the schemas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"

KEY = "id"
# The columns that a target adds.
METADATA = "_sdc_"
DIFFERENCES_SHOWN = 20


def schema(stream: str) -> dict[str, Any]:
    """Read the JSON schema of a stream, whose fields are the columns of its table."""
    document: dict[str, Any] = json.loads((SCHEMAS / f"{stream}.json").read_text(encoding="utf-8"))
    return document


def check_tables(documents: Mapping[str, list[dict[str, Any]]], rows_of: Callable[[str], list[dict[str, Any]]]) -> str:
    """Compare everything that Zuora answers with the tables.

    Args:
        documents: What Zuora answers, by stream.
        rows_of: Returns the rows of a stream's table.

    Returns:
        A sentence with the numbers of rows and values.

    Raises:
        ToolError: There is a difference.
    """
    fields = {stream: schema(stream)["properties"] for stream in documents}
    found = [
        f"{stream}: {difference}"
        for stream, rows in documents.items()
        for difference in differences(rows_of(stream), rows, fields[stream])
    ]
    if found:
        listed = "\n  ".join(found[:DIFFERENCES_SHOWN])
        raise ToolError(f"PostgreSQL does not have the same rows as Zuora ({len(found)} differences):\n  {listed}")
    values = sum(len(rows) * len(fields[stream]) for stream, rows in documents.items())
    return f"Yes: {sum(map(len, documents.values()))} rows with {values:,} values are the same on both sides."


def differences(
    rows: Iterable[Mapping[str, Any]], documents: Iterable[Mapping[str, Any]], properties: Mapping[str, Any]
) -> Iterator[str]:
    """Describe where a table and Zuora's answers differ.

    Args:
        rows: The table's rows.
        documents: What Zuora answers.
        properties: The fields of the stream, as its JSON schema describes them.

    Yields:
        A sentence for each difference; none if both are the same.
    """
    stored = list(rows)
    loaded = {row[KEY]: row for row in stored}
    answered = {document[KEY]: document for document in documents}
    if len(stored) != len(loaded):
        yield f"{len(stored) - len(loaded)} rows are in the table more than once."
    for key in sorted(answered.keys() - loaded.keys()):
        yield f"{key} is missing from the table."
    for key in sorted(loaded.keys() - answered.keys()):
        yield f"{key} is in the table, and Zuora does not have it."
    for key in sorted(answered.keys() & loaded.keys()):
        yield from _differing_values(loaded[key], answered[key], properties)


def _differing_values(
    row: Mapping[str, Any], document: Mapping[str, Any], properties: Mapping[str, Any]
) -> Iterator[str]:
    columns = {column for column in row if not column.startswith(METADATA)}
    for name in sorted(columns ^ properties.keys()):
        where = "the table" if name in columns else "the schema"
        yield f"{row[KEY]}: only {where} has the field {name}."
    for name in sorted(columns & properties.keys()):
        expected = expected_value(document.get(name), properties[name])
        found = stored_value(row[name])
        if (type(found), found) != (type(expected), expected):
            yield f"{row[KEY]}: {name} is {found!r} in the table and {expected!r} in Zuora."


def expected_value(value: object, definition: Mapping[str, Any]) -> object:
    """Return the value that must be stored for a value of Zuora: an instant, a whole number, a text or nothing."""
    if value is None:
        return None
    if definition.get("format") == "date-time":
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    return int(str(value)) if "integer" in definition["type"] else str(value)


def stored_value(value: object) -> object:
    """Return what a stored value means: the target stores times in UTC without a zone."""
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
