"""Pure: which rows of a response are what was requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import described
from tap_zuora_testenv.zuora.errors import ZuoraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.answers import Document


class Listing(NamedTuple):
    """The rows of a list.

    Attributes:
        rows: The rows that were requested, as Zuora sent them.
        errors: One error per other element of the list.
    """

    rows: list[Row]
    errors: list[ZuoraError]


def one_row(document: Document, **requested: str) -> Row:
    """Return the row of a response that must be a single row.

    Args:
        document: The JSON document of the response.
        requested: The values of the row's fields, compared as ids. A field that the row lacks may have any value.

    Raises:
        ZuoraError: The row is another one.
    """
    if _id_if_requested(document.content, {field: folded(value) for field, value in requested.items()}) is None:
        raise ZuoraError(described(document.response), "the answer is about something else than what was asked for")
    return document.content


def listed_rows(document: Document, **requested: str) -> Listing:
    """Return the rows of a response that must be a list; if an id appears twice, the later row.

    `size` beside the list asserts nothing: Zuora's sample shows 0 beside one element.

    Args:
        document: The JSON document of the response.
        requested: As for `one_row`, for each row.

    Raises:
        ZuoraError: The document has no list.
    """
    result = document.content.get("result")
    if not isinstance(result, list):
        reason = "the answer holds no list; check that base_url is a Zuora REST host"
        raise ZuoraError(described(document.response), reason)
    values = {field: folded(value) for field, value in requested.items()}
    rows: dict[str, Row] = {}
    errors: list[ZuoraError] = []
    for number, element in enumerate(result, start=1):
        key = _id_if_requested(element, values)
        if key is not None:
            rows[key] = element
        else:
            shown = REDACTION.show(element.get("id") if isinstance(element, dict) else element)
            reason = f"element {number:,} of the list, {shown}, is not what was asked for, and is left out"
            errors.append(ZuoraError(described(document.response), reason))
    return Listing(list(rows.values()), errors)


def _id_if_requested(row: object, values: Mapping[str, str]) -> str | None:
    """Return the id of a row that has these values or lacks their fields, as ids are compared; else None."""
    if not isinstance(row, dict):
        return None
    for field, value in values.items():
        if (sent := row.get(field)) is not None and folded(sent) != value:
            return None
    return row_id(row)
