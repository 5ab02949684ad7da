"""The mistakes in a person's stream maps, which show when singer-sdk sets the maps up, or at a record."""

from __future__ import annotations

import fnmatch
import functools
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

from singer_sdk import mapper
from singer_sdk.exceptions import StreamMapConfigError
from singer_sdk.singerlib import RecordMessage

from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

_DOCUMENTATION = "see https://sdk.meltano.com/en/latest/stream_maps.html"

_NO_EXPRESSION = "it is not an expression"

Result = TypeVar("Result")


def guard(maps: mapper.PluginMapper, writer: GenericSingerWriter[Any, Any]) -> None:
    """Make each stream map end the run with a sentence when it fails, or when what it makes cannot be written.

    singer-sdk would log the exception that leaves a stream as unhandled, and we would call it a bug of ours.

    Args:
        maps: The stream maps, once they are set up.
        writer: The writer of the messages.
    """
    for each in (each for several in maps.stream_maps.values() for each in several):
        if not isinstance(each, mapper.DefaultStreamMap) or each.flattening_enabled:
            # On the object, because singer-sdk chooses its class.
            vars(each)["get_filter_result"] = _guarded(each.get_filter_result)
            vars(each)["transform"] = _guarded(functools.partial(_transform, each.transform, each.stream_alias, writer))


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


def _guarded(call: Callable[[dict[str, Any]], Result]) -> Callable[[dict[str, Any]], Result]:
    def guarded(record: dict[str, Any]) -> Result:
        try:
            return call(record)
        except Exception as error:  # noqa: BLE001 - an expression may raise anything
            raise RunEnded.misconfigured(sentence(error)) from None

    return guarded


def _transform(
    transform: Callable[[dict[str, Any]], dict[str, Any] | None],
    alias: str,
    writer: GenericSingerWriter[Any, Any],
    record: dict[str, Any],
) -> dict[str, Any] | None:
    result = transform(record)
    if result is not None:
        writer.format_message(RecordMessage(stream=alias, record=result))
    return result


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
    """Return the name that an expression uses and that does not exist, as Python's and simpleeval's errors have it."""
    names = (getattr(error, attribute, None) for attribute in ("name", "func_name", "attr"))
    return next((name for name in names if isinstance(name, str)), None)
