"""What must hold, whatever happens; the sentence of a promise that did not hold ends the soak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from demo.compare import schema

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
        documents: The rows of the emulator, by stream. A field that a row leaves out is null in the record.
    """
    nothing = {stream: dict.fromkeys(schema(stream)["properties"]) for stream in documents}
    return {
        (stream, str(document["id"])): nothing[stream] | document
        for stream, rows in documents.items()
        for document in rows
    }
