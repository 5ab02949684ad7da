"""Pure: which rows of a response are what was requested, and the errors for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import described
from tap_zuora_testenv.zuora.errors import ZuoraError

if TYPE_CHECKING:
    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.answers import Document


_ERRORS_KEPT = 20
# Far more than is shown of a text: it is redacted before it is cut.
_LONGEST_SHOWN = 200_000


class Listing(NamedTuple):
    """The rows of a list.

    Attributes:
        rows: The rows, as Zuora sent them.
        errors: One error per element that is not a row, up to 20 of them, and one if the list is not whole.
        more_errors: How many more elements are not rows.
    """

    rows: list[Row]
    errors: list[ZuoraError]
    more_errors: int = 0


def one_row(document: Document, row: str) -> Row:
    """Return the row of a response that must be a single row.

    Args:
        document: The JSON document of the response.
        row: The id that the row must have.

    Raises:
        ZuoraError: The row has another id, or none.
    """
    if row_id(document.content) != folded(row):
        raise ZuoraError(described(document.response), "the answer is about something other than what was asked for")
    return document.content


def listed_rows(document: Document) -> Listing:
    """Return the rows of a response that must be a list; if an id appears twice, the later row.

    The `size` next to a list means nothing: Zuora's sample shows 0 next to one element. Only without a list, 0 means
    an empty one.

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
    more_errors = 0
    exchange = described(document.response)
    for number, element in enumerate(result, start=1):
        key = row_id(element)
        if key is not None:
            rows[key] = element
        elif len(errors) < _ERRORS_KEPT:
            reason = f"element {number:,} of the list, {_shown(element)}, is not what was asked for, and is left out"
            errors.append(ZuoraError(exchange, reason))
        else:
            # A response may hold millions of them.
            more_errors += 1
    if document.content.get("nextPage"):
        reason = "the list announces another page, which the tap cannot request; the rows of this one are emitted"
        errors.append(ZuoraError(exchange, reason))
    return Listing(list(rows.values()), errors, more_errors)


def _shown(element: object) -> str:
    value = element.get("id") if isinstance(element, dict) else element
    # To show the beginning of a list or an object, all of it would have to be written, and it may be huge.
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return REDACTION.show(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
