"""Pure: what Zuora sent for a row becomes what the stream's schema promises, and what was lost is told."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tap_zuora_testenv.timestamps import rfc_3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Row: TypeAlias = dict[str, Any]

# What a warehouse's largest whole number takes. Zuora declares int32.
_LARGEST_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"([+-]?[0-9]{1,19})(?:\.0+)?")
# A surrogate without its other half is no character, and no writer of UTF-8 takes it.
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_REPLACEMENT_CHARACTER = "\ufffd"


class Loss(NamedTuple):
    """A value that could not be kept as Zuora sent it.

    Attributes:
        field: The field it stood in.
        kind: What became of it.
        raw: What Zuora sent.
    """

    field: str
    kind: str
    raw: object


class RowShape:
    """The fields of a stream, and how the value of each becomes what the schema promises."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Read the shape.

        Args:
            schema: The stream's JSON schema: fields of type string, integer, or string with format date-time.
        """
        self._read: dict[str, Callable[[Any], Any]] = {
            field: _reader(definition) for field, definition in schema["properties"].items()
        }

    def conform(self, row: Row) -> tuple[Row, list[Loss], set[str]]:
        """Return the row with exactly the schema's fields, what was lost on the way, and the names of unknown fields.

        A field that the row lacks is null; one of another type is converted when that is exact, else it is null.
        """
        losses: list[Loss] = []
        conformed: Row = {}
        for field, read in self._read.items():
            raw = row.get(field)
            # The commonest, nothing and plain text, without a call.
            if raw is None or (read is _string and isinstance(raw, str) and raw.isascii()):
                conformed[field] = raw
                continue
            value = conformed[field] = read(raw)
            if value is not raw and value != raw:
                if value is None:
                    losses.append(Loss(field, "is not of its type and becomes null", raw))
                elif isinstance(value, str) and _REPLACEMENT_CHARACTER in value:
                    losses.append(Loss(field, "holds half a character, which becomes U+FFFD", raw))
        return conformed, losses, row.keys() - self._read.keys()


def whole(text: str) -> str:
    """Return the text with U+FFFD for each half of a character."""
    return text if text.isascii() else _LONE_SURROGATE.sub(_REPLACEMENT_CHARACTER, text)


def _reader(definition: Mapping[str, Any]) -> Callable[[Any], Any]:
    if definition.get("format") == "date-time":
        return rfc_3339
    return _integer if "integer" in definition["type"] else _string


def _string(raw: object) -> str | None:
    if isinstance(raw, str):
        return whole(raw)
    # `tenantId` is declared a string, and Zuora's samples show a number.
    is_number = isinstance(raw, int | Decimal) and not isinstance(raw, bool)
    return str(raw) if is_number else None


def _integer(raw: object) -> int | None:
    if type(raw) is int and -_LARGEST_INTEGER <= raw <= _LARGEST_INTEGER:
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        return None
    match = _INTEGER.fullmatch(str(raw))
    if match is None:
        return None
    whole = int(match[1])
    return whole if -_LARGEST_INTEGER <= whole <= _LARGEST_INTEGER else None
