"""The two streams: which rows they emit, and what an error means for the rest."""

from __future__ import annotations

import abc
import math
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import SchemaDirectory, StreamSchema
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_zuora_testenv.bookmarks import REPLICATION_KEY, Bookmark, Seen
from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.plan import environments
from tap_zuora_testenv.progress import RecordCounter, SyncTimer
from tap_zuora_testenv.records import RecordSchema
from tap_zuora_testenv.state import PARTITION_KEY, BookmarkStateManager, NoState
from tap_zuora_testenv.stream_maps import guarded
from tap_zuora_testenv.timestamps import instant
from tap_zuora_testenv.zuora import Fatal, NotFound, ZuoraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.mapper import StreamMap

    from tap_zuora_testenv.extraction import Extraction
    from tap_zuora_testenv.plan import JobRequest
    from tap_zuora_testenv.values import Row


def schema_directory() -> SchemaDirectory:
    """Return the folder of the JSON schemas, one file per stream, named after it.

    A wheel has the schemas in the package, a checkout has them beside it. The package comes first, so that a folder
    beside an installed package is never mistaken for ours.
    """
    packaged = resources.files(__package__) / "schemas"
    return SchemaDirectory(packaged if packaged.is_dir() else Path(__file__).parent.parent / "schemas")


class ZuoraStream(Stream):
    """A stream whose rows come from Zuora.

    Not a `RESTStream`: its `request_records` makes one request at a time, and these streams keep many in flight.
    `extraction` makes them; a stream only decides which rows to emit.
    """

    schema: ClassVar[StreamSchema] = StreamSchema(schema_directory())
    primary_keys: ClassVar[Sequence[str]] = ("id",)
    # `post_process` converts each value, and reports what was lost.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, extraction: Extraction) -> None:
        super().__init__(tap)
        self.extraction = extraction
        self._message_writer = tap.message_writer

    @cached_property
    def _record_schema(self) -> RecordSchema:
        # Not in the constructor: singer-sdk applies a given catalog to a stream that exists.
        own, fields = self.schema["properties"], self.effective_schema.get("properties", {})
        selected = {name: definition for name, definition in fields.items() if self.mask["properties", name]}
        return RecordSchema(selected, known=own.keys() | fields.keys())

    @cached_property
    @override
    def stream_maps(self) -> list[StreamMap]:
        return guarded(super().stream_maps, self._message_writer)

    @property
    def is_dry_run(self) -> bool:
        """Whether `--test` only counts what a run would emit."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @abc.abstractmethod
    def get_rows(self, context: Context | None) -> Iterator[Row]:
        """Return the rows of a partition that are to be emitted, as Zuora sent them."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Row]:
        for row in self.get_rows(context):
            if not self.is_dry_run:
                self.extraction.outcome.read[self.name] += 1
                yield row
            elif self._is_first_in_dry_run(row):
                yield row

    def _is_first_in_dry_run(self, row: Row) -> bool:
        """Count the records that a run would emit for a row; return whether the dry run emits them."""
        # If singer-sdk received more rows than its limit, it would log an unhandled error.
        record, *_ = self._record_schema.record(row)
        count = sum(each.get_filter_result(record) for each in self.stream_maps)
        before = self.extraction.outcome.read[self.name]
        self.extraction.outcome.read[self.name] += count
        return before == 0 < count

    @override
    def post_process(self, row: Row, context: Context | None = None) -> Row:
        record, losses, unknown_fields = self._record_schema.record(row)
        for loss in losses:
            self.extraction.outcome.lost(self.name, str(row["id"]), loss)
        if unknown_fields:
            self.extraction.outcome.unknown_fields(self.name, unknown_fields)
        return record

    @override
    def get_record_counter(self, **_: Any) -> RecordCounter:
        tags = {metrics.Tag.STREAM: self.name}
        return RecordCounter(metrics.Metric.RECORD_COUNT, tags, log_interval=math.inf)

    @override
    def get_sync_timer(self) -> SyncTimer:
        return SyncTimer(metrics.Metric.SYNC_DURATION, {metrics.Tag.STREAM: self.name})


class EnvironmentsStream(ZuoraStream):
    """The test environments of the tenant, or those that the configuration names."""

    name = "test_environments"

    @cached_property
    @override
    def state_manager(self) -> NoState:
        return NoState(tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state)

    @override
    def get_rows(self, context: Context | None) -> Iterator[Row]:
        jobs, requests = self._tap.streams[JobsStream.name], self.extraction.named_requests
        unfinished = jobs.unfinished if isinstance(jobs, JobsStream) and jobs.selected else None
        listing = self.extraction.list_environments(unfinished)
        if isinstance(listing, Fatal):
            raise RunEnded.stopped_by(listing)
        if isinstance(listing, ZuoraError):
            self.extraction.outcome.failed(listing)
        elif requests is None:
            yield from listing.rows
        else:
            rows = {row_id(row): row for row in listing.rows}
            for environment in environments(requests):
                if folded(environment) in rows:
                    yield rows[folded(environment)]
                else:
                    self.extraction.outcome.environment_not_found(environment)


class JobsStream(ZuoraStream):
    """The jobs that create, refresh or delete test environments; a partition is a test environment."""

    name = "test_environment_jobs"
    replication_key = REPLICATION_KEY

    @cached_property
    @override
    def state_manager(self) -> BookmarkStateManager:
        # Without keys, since singer-sdk would copy their values into records, even if a given catalog lacks the field.
        return BookmarkStateManager(
            tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state, state_partitioning_keys=()
        )

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return none: `bookmarks` keeps every bookmark from being after the start of the run."""

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        return [{PARTITION_KEY: environment} for environment in environments(self.extraction.job_requests())]

    @override
    def get_rows(self, context: Context | None) -> Iterator[Row]:
        if context is None:
            # singer-sdk passes None if there is no partition: no test environment, so no job.
            return
        environment, outcome = context[PARTITION_KEY], self.extraction.outcome
        bookmark, start_date = self._bookmark(environment), instant(self.config.get("start_date"))
        seen, is_complete = Seen(), True
        for request, result in self.extraction.job_results(environment, self.unfinished):
            seen.listed = request.job is None
            if isinstance(result, ZuoraError):
                self._report(request, result)
                is_complete = False
                continue
            outcome.obtained_jobs(environment)
            outcome.failed(*result.errors, more=result.more_errors)
            for job, error in result.gone:
                outcome.job_gone(environment, job, error)
            is_complete = is_complete and not result.errors
            for row in result.rows:
                seen.add(row)
                if bookmark is None or bookmark.wants(row, start_date):
                    yield row
        if bookmark is not None and not self.is_dry_run and (is_complete or not seen.listed):
            self.state_manager.write(context, bookmark.after(seen, now=self.extraction.started))

    @override
    def post_process(self, row: Row, context: Context | None = None) -> Row:
        environment, sent = context[PARTITION_KEY] if context else "", row.get(PARTITION_KEY)
        if sent is not None and folded(sent) != folded(environment):
            self.extraction.outcome.other_environment(environment, str(row["id"]), sent)
        # A response may omit the test environment, and the tap knows which one it requested.
        return super().post_process({**row, PARTITION_KEY: environment} if sent is None else row, context)

    def _bookmark(self, environment: str) -> Bookmark | None:
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        return self.state_manager.bookmark({PARTITION_KEY: environment})

    def unfinished(self, environment: str) -> tuple[str, ...]:
        """Return the ids of the jobs of a test environment that the last run saw unfinished."""
        bookmark = self._bookmark(environment)
        return (bookmark and bookmark.unfinished) or ()

    def _report(self, request: JobRequest, error: ZuoraError) -> None:
        is_named = self.extraction.named_requests is not None
        if not isinstance(error, NotFound) or not is_named:
            self.extraction.outcome.failed(error)
        elif request.job is None:
            self.extraction.outcome.environment_not_found(request.environment, error)
        else:
            self.extraction.outcome.job_not_found(request.environment, request.job, error)
