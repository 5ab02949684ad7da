"""The mistakes in a user's stream maps, which surface when singer-sdk sets the maps up or transforms a record."""

from __future__ import annotations

import fnmatch
import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk import mapper
from singer_sdk.exceptions import StreamMapConfigError
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

_DOCUMENTATION = "see https://sdk.meltano.com/en/latest/stream_maps.html"

_NO_EXPRESSION = "it is not an expression"


class GuardedStreamMap(mapper.StreamMap):
    """A stream map that ends the run with a sentence if it fails, or if what it makes cannot be written.

    singer-sdk would log the exception that leaves a stream as unhandled, and our own verdict would call it a bug.
    """

    def __init__(self, stream_map: mapper.StreamMap, writer: GenericSingerWriter[Any, Any]) -> None:
        """Guard a stream map.

        Args:
            stream_map: The stream map, once it is set up.
            writer: The writer of the messages.
        """
        # The names, the schema and the key are those of the guarded map.
        vars(self).update(vars(stream_map))
        self._stream_map, self._writer = stream_map, writer

    @override
    def transform(self, record: dict[str, Any]) -> dict[str, Any] | None:
        try:
            result = self._stream_map.transform(record)
            if result is not None:
                self._writer.format_message(RecordMessage(stream=self.stream_alias, record=result))
        except Exception as error:  # noqa: BLE001 - an expression may raise anything
            raise RunEnded.misconfigured(sentence(error)) from None
        return result

    @override
    def get_filter_result(self, record: dict[str, Any]) -> bool:
        try:
            return self._stream_map.get_filter_result(record)
        except Exception as error:  # noqa: BLE001 - an expression may raise anything
            raise RunEnded.misconfigured(sentence(error)) from None


def guarded(stream_maps: Iterable[mapper.StreamMap], writer: GenericSingerWriter[Any, Any]) -> list[mapper.StreamMap]:
    """Return the stream maps, of which those that evaluate what a person wrote, or flatten, are guarded.

    Args:
        stream_maps: The stream maps of a stream.
        writer: The writer of the messages.
    """
    return [
        each
        if isinstance(each, mapper.DefaultStreamMap) and not each.flattening_enabled
        else GuardedStreamMap(each, writer)
        for each in stream_maps
    ]


def unused(config: object, streams: Iterable[str]) -> list[str]:
    """Return a sentence for each entry of the setting `stream_maps` that singer-sdk does not use for any stream.

    A misspelt name would let fields through that the map removes.

    Args:
        config: The setting `stream_maps`.
        streams: The names of the tap's streams.
    """
    names = [*streams]
    sources = {
        str(key): each.get("__source__", key) if isinstance(each, dict) else key
        for key, each in (config.items() if isinstance(config, dict) else ())
        if key != "__else__"
    }
    return [
        f"The entry `{REDACTION.quote(key)}` of the setting `stream_maps` is not used: "
        f"no stream has that name, only {' and '.join(sorted(names))}"
        for key, source in sources.items()
        if not fnmatch.filter(names, str(source))
    ]


def sentence(error: Exception, *, is_set_up: bool = True) -> str:
    """Describe a mistake in a stream map. An expression is not shown.

    Args:
        error: The exception that came out of singer-sdk's mapper.
        is_set_up: Whether the maps were set up, and failed for a record.
    """
    if isinstance(error, StreamMapConfigError):
        return f"Setting `stream_maps` is wrong: {REDACTION.quote(str(error))} {_DOCUMENTATION.capitalize()}."
    place = ".".join(_place(error))
    where = f" at `{place}`" if place else ""
    return f"Setting `stream_maps` is wrong{where}: {_reason(error, is_set_up=is_set_up)}; {_DOCUMENTATION}."


def _place(error: Exception) -> list[str]:
    """Return the stream and the field whose expression failed, as far as singer-sdk's calls show them."""
    frames = [
        frame.f_locals
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") == mapper.__name__
    ]
    places = [
        {
            "stream": getattr(each.get("self"), "stream_alias", None),
            "field": each.get("prop_key", "__filter__" if "filter_rule" in each else None),
        }
        for each in frames
    ]
    names = (next((place[name] for place in places if place[name]), None) for name in ("stream", "field"))
    return [REDACTION.quote(str(name)) for name in names if name]


def _reason(error: Exception, *, is_set_up: bool) -> str:
    """Return what is wrong with an expression."""
    match error.__cause__ or error:
        case SyntaxError():
            return _NO_EXPRESSION
        case IndexError() if not is_set_up:
            # singer-sdk looks at the first character of an empty one.
            return _NO_EXPRESSION
        case cause if unknown := _unknown_name(cause):
            hint = "; the package faker must be in the tap's environment" if unknown == "fake" else ""
            return f"there is no `{REDACTION.quote(unknown)}`{hint}"
        case cause:
            return REDACTION.quote(f"{type(cause).__name__}, {cause}" if str(cause) else type(cause).__name__)


def _unknown_name(error: BaseException) -> str | None:
    """Return the name that an expression uses and that does not exist, as Python's and simpleeval's errors name it."""
    names = (getattr(error, attribute, None) for attribute in ("name", "func_name", "attr"))
    return next((name for name in names if isinstance(name, str)), None)
