"""What must hold, whatever happens; the sentence of a promise that did not hold ends the soak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Record: TypeAlias = dict[str, Any]
Warehouse: TypeAlias = dict[tuple[str, str], Record]
"""Records by stream and id, the latest of each, as a target with a key keeps them."""


class PromiseBrokenError(Exception):
    """Something happened that must not."""


def promise(*, holds: bool, otherwise: str) -> None:
    """Go on only when something holds.

    Args:
        holds: Whether it does.
        otherwise: What to say when it does not.

    Raises:
        PromiseBrokenError: It does not hold.
    """
    if not holds:
        raise PromiseBrokenError(otherwise)


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
