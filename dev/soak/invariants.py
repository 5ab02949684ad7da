"""The invariants, which must always hold; the first one that does not hold ends the soak with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dev.testbed.table_comparison import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dev.testbed.confirming_target import Record, Warehouse


class InvariantError(Exception):
    """An invariant does not hold."""


def require(*, holds: bool, otherwise: str) -> None:
    """Go on only if an invariant holds.

    Args:
        holds: Whether it does.
        otherwise: The sentence if it does not.

    Raises:
        InvariantError: It does not hold.
    """
    if not holds:
        raise InvariantError(otherwise)


def expected(documents: Mapping[str, list[Record]]) -> Warehouse:
    """Return the records that a warehouse must have for the rows of a Zuora.

    Args:
        documents: The rows of the emulator, by stream. A field that a row leaves out is null in the record.
    """
    nothing = {stream: dict.fromkeys(schema(stream)["properties"]) for stream in documents}
    return {
        (stream, str(document["id"])): nothing[stream] | document
        for stream, rows in documents.items()
        for document in rows
    }
