"""A stock singer-sdk target that stores nothing: a test fails if it refuses a message of the tap."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import RecordSink, Target
from singer_sdk.helpers.capabilities import PluginCapabilities
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Sink(RecordSink):
    """Validates and parses each record, as every sink of singer-sdk does before it stores the record."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        # What a database then refuses.
        assert all("\0" not in value for value in record.values() if isinstance(value, str))


class Consumer(Target):
    """A target without settings."""

    name = "consumer"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    capabilities: ClassVar[list[Any]] = [PluginCapabilities.STREAM_MAPS]
    default_sink_class = _Sink


def accept(lines: Iterable[str]) -> None:
    """Read each message as a target does, and raise the error that a target would end with."""
    target = Consumer()
    target.logger.disabled = True
    target.process_lines(StringIO("".join(f"{line.rstrip()}\n" for line in lines)))
