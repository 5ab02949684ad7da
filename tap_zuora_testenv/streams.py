"""The two streams."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_zuora_testenv.bookmarks import REPLICATION_KEY, Seen
from tap_zuora_testenv.errors import EndsTheRun, EnvironmentsUnknown, NotFound, ZuoraError
from tap_zuora_testenv.progress import Progress
from tap_zuora_testenv.records import RecordStream
from tap_zuora_testenv.rows import Told, identity, listed_rows, one_row, same
from tap_zuora_testenv.state import PARTITION_KEY, BookmarkStateManager, NoState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_zuora_testenv.answers import Document
    from tap_zuora_testenv.look_ahead import LookAhead
    from tap_zuora_testenv.tap import TapZuoraTestenv

_HINT = "; if that is the id of a job, name it in `job_ids` of its test environment"


class EnvironmentsStream(RecordStream):
    """The test environments of the tenant, or those that the configuration names."""

    name = "test_environments"
    path = "/test-environments"

    @cached_property
    @override
    def state_manager(self) -> NoState:
        return NoState(tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state)

    @override
    def get_url(self, context: Context | None) -> str:
        url = super().get_url(context)
        return f"{url}/{context[PARTITION_KEY]}" if context else url

    @cached_property
    def listed(self) -> Told | ZuoraError:
        """The answer of the list, asked for once a run; the other stream uses it too."""
        ((_, result),) = self.run.look_ahead(lambda _: listed_rows(*self.ask(None)), [None])
        if isinstance(result, Exception) and not isinstance(result, ZuoraError):
            raise result
        return result

    @override
    def get_rows(self, context: Context | None) -> Iterator[Document]:
        told = self.listed
        if isinstance(told, EndsTheRun):
            raise self.run.outcome.stopped(told)
        if isinstance(told, ZuoraError):
            self.run.outcome.failed(told)
            return
        self.run.outcome.strangers(told.strangers)
        if self.run.requested is None:
            yield from told.rows
            return
        rows = {identity(row): row for row in told.rows}
        self.run.outcome.named(self.name, len(self.run.requested))
        for environment in self.run.requested:
            if same(environment) in rows:
                yield rows[same(environment)]
            else:
                self.run.outcome.missing(self.name, f"test environment {environment}", hint=_HINT)


class JobsStream(RecordStream):
    """The jobs that create, refresh or delete test environments."""

    name = "test_environment_jobs"
    path = "/test-environments/{testEnvironmentId}/jobs"
    replication_key = REPLICATION_KEY

    def __init__(self, tap: TapZuoraTestenv, environments: EnvironmentsStream) -> None:
        super().__init__(tap)
        self._environments = environments

    @override
    def get_url(self, context: Context | None) -> str:
        url = super().get_url(context)
        return f"{url}/{context['jobId']}" if context and "jobId" in context else url

    @cached_property
    @override
    def state_manager(self) -> BookmarkStateManager:
        return BookmarkStateManager(tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state)

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Have none: a bookmark never lies after the start of the run by itself."""

    @cached_property
    @override
    def partitions(self) -> list[dict[str, str]]:
        return [{PARTITION_KEY: environment} for environment in self._contexts]

    @cached_property
    def _contexts(self) -> dict[str, list[dict[str, str]]]:
        """The ids of each request, by test environment."""
        if self.run.requested is None:
            return {str(row["id"]): [{PARTITION_KEY: str(row["id"])}] for row in self._discovered()}
        return {
            environment: [{PARTITION_KEY: environment}]
            if jobs is None
            else [{PARTITION_KEY: environment, "jobId": job} for job in jobs]
            for environment, jobs in self.run.requested.items()
        }

    def _discovered(self) -> list[Document]:
        told = self._environments.listed
        if isinstance(told, ZuoraError):
            reason = f"which test environments there are is not known; {told.reason}"
            error = told if isinstance(told, EndsTheRun) else EnvironmentsUnknown(told.asked, reason)
            raise self.run.outcome.stopped(error)
        if not self._environments.selected:
            # Else that stream tells of them.
            self.run.outcome.strangers(told.strangers)
        return told.rows

    @property
    @override
    def environments_asked(self) -> int:
        return len(self._contexts)

    def _fetch(self, context: dict[str, str]) -> Told:
        environment, job = context[PARTITION_KEY], context.get("jobId")
        try:
            if job is not None:
                return one_row(*self.ask(context), id=job, testEnvironmentId=environment)
            told = listed_rows(*self.ask(context), testEnvironmentId=environment)
            if told == ([], []) and self.run.requested is not None:
                # An unknown environment's answer is not documented; an empty list may be it.
                self._environments.ask(context)
            return told
        finally:
            self._progress.completed()

    def _requests(self, environment: str) -> list[dict[str, str]]:
        """The requests for a test environment; of named jobs a dry run asks for the first, and counts the others."""
        contexts = self._contexts[environment]
        return contexts[:1] if self.is_dry_run else contexts

    @cached_property
    def _answers(self) -> LookAhead[dict[str, str], Told]:
        requests = [context for environment in self._contexts for context in self._requests(environment)]
        if self.run.requested is not None:
            self.run.outcome.named(self.name, len(requests))
        self._progress = Progress(len(requests), self.run.clock, self.logger)
        return self.run.look_ahead(self._fetch, requests)

    @override
    def get_rows(self, context: Context | None) -> Iterator[Document]:
        if context is None:
            # What singer-sdk asks for when there is no partition: no environment, no job.
            return
        is_incremental = self.replication_method == REPLICATION_INCREMENTAL
        bookmark = self.state_manager.bookmark(context) if is_incremental else None
        requests = self._requests(context[PARTITION_KEY])
        seen, is_whole = Seen(listed="jobId" not in requests[0]), True
        for request, result in islice(self._answers, len(requests)):
            if isinstance(result, Exception):
                self._tell_error(request, result)
                is_whole = False
                continue
            is_whole = is_whole and not result.strangers
            self.run.outcome.strangers(result.strangers)
            for job in result.rows:
                seen.add(job)
                if bookmark is None or bookmark.wants(job, self.run.start):
                    yield job
        if self.is_dry_run:
            self.run.outcome.read[self.name] += len(self._contexts[context[PARTITION_KEY]]) - len(requests)
        elif bookmark is not None and (is_whole or not seen.listed):
            self.state_manager.write(context, bookmark.after(seen, now=self.run.started))

    def _tell_error(self, request: dict[str, str], error: Exception) -> None:
        if isinstance(error, EndsTheRun):
            raise self.run.outcome.stopped(error, self._answers.not_begun)
        if not isinstance(error, ZuoraError):
            raise error
        if isinstance(error, NotFound):
            environment = f"test environment {request[PARTITION_KEY]}"
            is_job = "jobId" in request
            what = f"job {request['jobId']} of the {environment}" if is_job else environment
            self.run.outcome.missing(self.name, what, hint="" if is_job else _HINT, error=error)
        else:
            self.run.outcome.failed(error)
