"""Pure: what Zuora sent for a row becomes a record that follows the schema in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tap_zuora_testenv.timestamps import rfc_3339
from tap_zuora_testenv.values import as_sent, boolean, date, integer, number, string, time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

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


class _Field(NamedTuple):
    """How the value of a field becomes what the schema declares.

    Attributes:
        convert: Returns the value of the declared type, None if the conversion is not exact.
        is_nullable: Whether the field may be null.
        is_temporal: Whether the field is a date-time, a date or a time.
    """

    convert: Callable[[Any], Any]
    is_nullable: bool
    is_temporal: bool


class RecordSchema:
    """The fields of a stream, and how the value of each becomes what the schema declares."""

    def __init__(self, properties: Mapping[str, Mapping[str, Any]], *, known: Collection[str] = ()) -> None:
        """Read the fields.

        Args:
            properties: The JSON schema of each field.
            known: The names of other fields that a row may have.
        """
        self._fields = {name: _field(definition) for name, definition in properties.items()}
        self._known = self._fields.keys() | known

    def record(self, row: Row) -> tuple[Row, list[Loss], set[str]]:
        """Convert a row.

        A field that the row lacks is null. A value of another type is converted if the conversion is exact, else it
        becomes null. A field that cannot be null is left out instead.

        Args:
            row: A row as Zuora sent it.

        Returns:
            The record, with no field that the schema lacks; what was lost; and the names of the row's unknown fields.
        """
        losses: list[Loss] = []
        record: Row = {}
        for name, field in self._fields.items():
            raw = row.get(name)
            value = None if raw is None else field.convert(raw)
            if value is not None or field.is_nullable:
                record[name] = value
            if value is not raw and (kind := _loss(field, raw, value)) is not None:
                losses.append(Loss(name, kind, raw))
        return record, losses, row.keys() - self._known


def _loss(field: _Field, raw: object, value: object) -> str | None:
    """Return what became of a value that was lost, None if nothing was."""
    if value is None:
        is_blank = field.is_temporal and isinstance(raw, str) and not raw.strip()
        end = "becomes null" if field.is_nullable else "is left out"
        return None if is_blank else f"is not of its type and {end}"
    is_rewritten = not field.is_temporal and type(value) is type(raw) and value != raw
    return "holds NUL or half a character, which becomes U+FFFD" if is_rewritten else None


def _field(definition: Mapping[str, Any]) -> _Field:
    alternatives = list(_alternatives(definition))
    is_nullable = not alternatives or ("null", None) in alternatives
    for each in alternatives:
        # A singer-sdk target parses each value of such a field, whatever other types the field may have.
        if each in _TEMPORAL:
            return _Field(_TEMPORAL[each], is_nullable, is_temporal=True)
    converters = list(dict.fromkeys(_CONVERTERS[kind] for kind, _ in alternatives if kind in _CONVERTERS))
    match converters:
        case []:
            convert: Callable[[Any], Any] = as_sent
        case [convert]:
            pass
        case _:
            convert = _first_of(converters)
    return _Field(convert, is_nullable, is_temporal=False)


def _alternatives(definition: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Return each type that a field may have, with the format if that is a date-time, a date or a time."""
    types = definition.get("type", [])
    for kind in [types] if isinstance(types, str) else types:
        temporal = (kind, definition.get("format"))
        yield temporal if temporal in _TEMPORAL else (kind, None)
    for alternative in (*definition.get("anyOf", ()), *definition.get("oneOf", ())):
        if isinstance(alternative, dict):
            yield from _alternatives(alternative)


def _first_of(converters: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return a conversion to the type that a value has already, else to the first type to which it is exact."""

    def convert(raw: object) -> object:
        converted = [value for each in converters if (value := each(raw)) is not None]
        return next((value for value in converted if type(value) is type(raw)), converted[0] if converted else None)

    return convert


def _only(kind: type) -> Callable[[Any], Any]:
    """Return a conversion of nothing but values that have a type already."""
    return lambda raw: as_sent(raw) if isinstance(raw, kind) else None


_TEMPORAL: dict[tuple[str, str | None], Callable[[Any], Any]] = {
    ("string", "date-time"): rfc_3339,
    ("string", "date"): date,
    ("string", "time"): time,
}
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": string,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "array": _only(list),
    "object": _only(dict),
}
