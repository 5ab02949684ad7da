"""Pure: what Zuora sent for a row becomes a record that is as the stream's schema promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zuora_testenv.timestamps import rfc_3339
from tap_zuora_testenv.values import REPLACEMENT_CHARACTER, integer, string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_zuora_testenv.values import Row


class Loss(NamedTuple):
    """A value that could not be kept as Zuora sent it.

    Attributes:
        field: The name of its field.
        kind: What became of the value.
        raw: What Zuora sent.
    """

    field: str
    kind: str
    raw: object


class RecordSchema:
    """The fields of a stream, and how the value of each becomes what the schema promises."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Read the fields.

        Args:
            schema: The stream's JSON schema: fields of type string, integer, or string with format date-time.
        """
        self._converters: dict[str, Callable[[Any], Any]] = {
            field: _converter(definition) for field, definition in schema["properties"].items()
        }

    def record(self, row: Row) -> tuple[Row, list[Loss], set[str]]:
        """Convert a row.

        A field that the row lacks is null. A value of another type is converted if the conversion is exact, else it
        becomes null.

        Args:
            row: A row as Zuora sent it.

        Returns:
            The record, with exactly the fields of the schema; what was lost; and the names of the row's other fields.
        """
        losses: list[Loss] = []
        record: Row = {}
        for field, convert in self._converters.items():
            raw = row.get(field)
            # Nothing and plain text are by far the most frequent: they need no call.
            if raw is None or (convert is string and isinstance(raw, str) and raw.isascii()):
                record[field] = raw
                continue
            value = record[field] = convert(raw)
            if value is not raw and value != raw:
                if value is None:
                    losses.append(Loss(field, "is not of its type and becomes null", raw))
                elif isinstance(value, str) and REPLACEMENT_CHARACTER in value:
                    losses.append(Loss(field, "holds half a character, which becomes U+FFFD", raw))
        return record, losses, row.keys() - self._converters.keys()


def _converter(definition: Mapping[str, Any]) -> Callable[[Any], Any]:
    if definition.get("format") == "date-time":
        return rfc_3339
    return integer if "integer" in definition["type"] else string
