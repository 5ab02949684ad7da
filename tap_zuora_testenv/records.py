"""What becomes of a row: which rows are emitted, how each becomes a record, and what is measured of it."""

from __future__ import annotations

import abc
import math
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import StreamSchema
from typing_extensions import override

from tap_zuora_testenv.client import ZuoraStream
from tap_zuora_testenv.outcome import NOUNS
from tap_zuora_testenv.schema_files import schema_directory
from tap_zuora_testenv.values import RowShape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_zuora_testenv.answers import Document
    from tap_zuora_testenv.tap import TapZuoraTestenv
    from tap_zuora_testenv.values import Row


class RecordCounter(metrics.Counter):
    """Counts the records of a stream; one line a stream."""

    @override
    def with_context(self, value: Context | None) -> None:
        """Do nothing: the count is that of all test environments, not of the last one."""


class SyncTimer(metrics.Timer):
    """Times the sync of a stream."""

    @override
    def with_context(self, value: Context | None) -> None:
        """Do nothing: the time is that of all test environments, not of the last one."""


class RecordStream(ZuoraStream):
    """A stream whose records are as its schema says."""

    schema: ClassVar[StreamSchema] = StreamSchema(schema_directory())
    primary_keys: ClassVar[Sequence[str]] = ("id",)
    # `post_process` conforms each value, and tells what was lost.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapZuoraTestenv) -> None:
        super().__init__(tap)
        self._shape = RowShape(self.schema)

    @override
    def get_records(self, context: Context | None) -> Iterator[Document]:
        # A dry run counts the rows beyond its limit; were they handed on, singer-sdk would announce an unhandled error.
        outcome, limit = self.run.outcome, self.ABORT_AT_RECORD_COUNT
        for row in self.get_rows(context):
            outcome.read[self.name] += 1
            if limit is None or outcome.records[self.name] < limit:
                yield row

    @property
    def is_dry_run(self) -> bool:
        """Whether `--test` only looks what could be read."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @abc.abstractmethod
    def get_rows(self, context: Context | None) -> Iterator[Document]:
        """Return the rows of a partition, as Zuora sent them, that are to be emitted."""

    @override
    def post_process(self, row: Row, context: Context | None = None) -> Row:
        record, losses, unknown = self._shape.conform(row)
        for loss in losses:
            self.run.outcome.lost(f"{NOUNS[self.name][:-1]} {record['id']}", loss)
        if unknown:
            self.run.outcome.unknown_fields(self.name, unknown)
        self.run.outcome.records[self.name] += 1
        return record

    @override
    def get_record_counter(self, **_: Any) -> RecordCounter:
        tags = {metrics.Tag.STREAM: self.name}
        return RecordCounter(metrics.Metric.RECORD_COUNT, tags, log_interval=math.inf)

    @override
    def get_sync_timer(self) -> SyncTimer:
        return SyncTimer(metrics.Metric.SYNC_DURATION, {metrics.Tag.STREAM: self.name})
