"""What must hold, whatever happens; the first invariant that does not hold ends the soak with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dev.testbed.confirming_target import Record, Warehouse


class InvariantError(Exception):
    """Something happened that must not."""


def require(*, holds: bool, otherwise: str) -> None:
    """Go on only when something holds.

    Args:
        holds: Whether it does.
        otherwise: What to say when it does not.

    Raises:
        InvariantError: It does not hold.
    """
    if not holds:
        raise InvariantError(otherwise)


def expected(documents: Mapping[str, list[Record]]) -> Warehouse:
    """Return what a warehouse must hold of what a Zuora holds.

    Args:
        documents: What the emulator holds, by stream; its only values that a record may not hold as they are, are
            the numbers of tenants, which Zuora's reference declares to be text.
    """
    return {
        (stream, str(document["id"])): {
            field: str(value) if field.endswith("enantId") and value is not None else value
            for field, value in document.items()
        }
        for stream, rows in documents.items()
        for document in rows
    }
