"""Pure: the rows of a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import described
from tap_zuora_testenv.zuora.errors import ZuoraError

if TYPE_CHECKING:
    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.answers import Document


class Listing(NamedTuple):
    """The rows of a list.

    Attributes:
        rows: The rows, as Zuora sent them.
        errors: One error per element that is not a row, and one if the list is not whole.
    """

    rows: list[Row]
    errors: list[ZuoraError]


def one_row(document: Document, row: str) -> Row:
    """Return the row of a response that must be a single row.

    Args:
        document: The JSON document of the response.
        row: The id that the row must have.

    Raises:
        ZuoraError: The row has another id, or none.
    """
    if row_id(document.content) != folded(row):
        raise ZuoraError(described(document.response), "the answer is about something else than what was asked for")
    return document.content


def listed_rows(document: Document) -> Listing:
    """Return the rows of a response that must be a list; if an id appears twice, the later row.

    `size` beside the list asserts nothing: Zuora's sample shows 0 beside one element. Only without a list, 0 means an
    empty one.

    Args:
        document: The JSON document of the response.

    Raises:
        ZuoraError: The document has no list.
    """
    result = document.content.get("result", [] if document.content.get("size") == 0 else None)
    if not isinstance(result, list):
        reason = "the answer holds no list; check that base_url is a Zuora REST host"
        raise ZuoraError(described(document.response), reason)
    rows: dict[str, Row] = {}
    errors: list[ZuoraError] = []
    for number, element in enumerate(result, start=1):
        key = row_id(element)
        if key is not None:
            rows[key] = element
        else:
            shown = REDACTION.show(element.get("id") if isinstance(element, dict) else element)
            reason = f"element {number:,} of the list, {shown}, is not what was asked for, and is left out"
            errors.append(ZuoraError(described(document.response), reason))
    if document.content.get("nextPage"):
        reason = "the list announces another page, which the tap cannot request; the rows of this one are emitted"
        errors.append(ZuoraError(described(document.response), reason))
    return Listing(list(rows.values()), errors)
