"""What both streams need from Zuora: the list of test environments, and the results of the requests for jobs in order.

The tap creates the streams, and each stream refers to the tap. This module holds what they share, so that neither has
to import the other.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from tap_zuora_testenv.breaker import CircuitBreaker
from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.outcome import Outcome, RunEnded
from tap_zuora_testenv.plan import JobRequest, environments, named_requests
from tap_zuora_testenv.progress import Progress
from tap_zuora_testenv.zuora import ClientOptions, Fatal, Listing, NotFound, ZuoraClient, ZuoraError
from tap_zuora_testenv.zuora.look_ahead import LookAhead

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_zuora_testenv.timestamps import Instant
    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.pace import Clock


Result = TypeVar("Result")
Unfinished: TypeAlias = "Callable[[str], tuple[str, ...]]"
"""Returns the ids of the jobs of a test environment that the last run saw unfinished."""


class Jobs(NamedTuple):
    """The result of a request for jobs.

    Attributes:
        rows: The jobs, as Zuora sent them.
        errors: Why the result is incomplete: one error per row that is not a job, and per job that was not fetched.
        gone: The ids of the jobs that the last run saw unfinished and that Zuora no longer has, with the errors.
        more_errors: How many more rows are not jobs.
    """

    rows: list[Row]
    errors: list[ZuoraError]
    gone: list[tuple[str, ZuoraError]]
    more_errors: int = 0


class JobFetcher:
    """Fetches what a `JobRequest` names; called from many threads at once."""

    def __init__(self, client: ZuoraClient, breaker: CircuitBreaker, *, environments: int, are_named: bool) -> None:
        """Keep the client and the breaker; nothing is sent.

        Args:
            client: The client.
            breaker: Ends a run in which request after request fails.
            environments: How many test environments the run requests.
            are_named: Whether the configuration names them; otherwise Zuora has just listed them.
        """
        self._client, self._breaker = client, breaker
        self._environments, self._are_named = environments, are_named

    def __call__(self, request: JobRequest) -> Jobs:
        """Fetch a job, or all jobs of a test environment.

        Raises:
            ZuoraError: The request could not be satisfied.
        """
        if request.job is not None:
            return Jobs([self._job(request.environment, request.job)], [], [])
        with self._watch(request.environment):
            listing = self._client.jobs(request.environment)
        if self._are_named and not (listing.rows or listing.errors):
            # Zuora does not document its response for an unknown test environment: it may be an empty list.
            with self._watch(request.environment):
                self._client.environment(request.environment)
        return self._with_lacking(request, listing)

    def _with_lacking(self, request: JobRequest, listing: Listing) -> Jobs:
        """Add the jobs that the last run saw unfinished and that the list lacks: a list does not settle a job."""
        listed = {row_id(row) for row in listing.rows}
        jobs = Jobs(listing.rows, [*listing.errors], [], listing.more_errors)
        for job in request.unfinished:
            if folded(job) in listed:
                continue
            try:
                jobs.rows.append(self._job(request.environment, job))
            except NotFound as error:
                jobs.gone.append((job, error))
            except Fatal:
                raise
            except ZuoraError as error:
                jobs.errors.append(error)
        return jobs

    def _job(self, environment: str, job: str) -> Row:
        with self._watch(environment):
            return self._client.job(environment, job)

    def _watch(self, environment: str) -> AbstractContextManager[None]:
        return self._breaker.watch(environment, environments=self._environments)


class Extraction:
    """One run: what is requested from Zuora, and the results.

    What needs settings is created when it is first needed, by the one thread that emits: discovery has no settings.

    Attributes:
        started: The start of the run.
        outcome: What happened so far.
    """

    def __init__(
        self, config: Mapping[str, Any], *, user_agent: str, started: Instant, clock: Clock, logger: logging.Logger
    ) -> None:
        """Start with nothing sent.

        Args:
            config: The settings.
            user_agent: The `User-Agent`, unless a setting has one.
            started: The start of the run.
            clock: The clock that waits are measured by.
            logger: Logs what a person should know.
        """
        self._config, self._user_agent, self._clock, self._logger = config, user_agent, clock, logger
        self.started = started
        self.outcome = Outcome(logger)
        self._resources = ExitStack()
        self._listing: Listing | ZuoraError | None = None
        self._job_results: LookAhead[JobRequest, Jobs] | None = None

    @cached_property
    def named_requests(self) -> list[JobRequest] | None:
        """The requests for the jobs of what the configuration names, None if it names nothing."""
        return named_requests(self._config)

    @property
    def _width(self) -> int:
        width: int = self._config["max_parallel_requests"]
        return width

    @cached_property
    def _client(self) -> ZuoraClient:
        options = ClientOptions.from_config(self._config, user_agent=self._user_agent)
        return self._resources.enter_context(ZuoraClient(options, clock=self._clock, logger=self._logger))

    @cached_property
    def _breaker(self) -> CircuitBreaker:
        return CircuitBreaker(self._client.stop)

    def close(self) -> None:
        """End the threads and close the connections."""
        self._resources.close()

    def list_environments(self, unfinished: Unfinished | None = None) -> Listing | ZuoraError:
        """Request the list of all test environments, which both streams use; return it, or why there is none.

        Args:
            unfinished: As for `job_results`, if jobs are requested as well; named jobs need no list, and are requested
                at the same time.
        """
        jobs = 0 if unfinished is None else self._width if self.named_requests is None else len(self.named_requests)
        self._client.start(1 + jobs)
        client, breaker = self._client, self._breaker

        def fetch(_: None) -> Listing:
            with breaker.watch(None, environments=1):
                return client.environments()

        # In a thread, like every request: a signal can then interrupt the wait for it at any time.
        results = self._look_ahead(fetch, [None])
        if unfinished is not None and self.named_requests and self._job_results is None:
            self._job_results = self._request_jobs(self.named_requests[0].environment, unfinished)
        ((_, result),) = results
        if isinstance(result, Exception) and not isinstance(result, ZuoraError):
            raise result
        if isinstance(result, Listing):
            self.outcome.failed(*result.errors, more=result.more_errors)
            named = {folded(environment) for environment in environments(self.named_requests or [])}
            for environment in named & {row_id(row) or "" for row in result.rows}:
                self.outcome.found(environment)
        self._listing = result
        return result

    def job_requests(self) -> list[JobRequest]:
        """Return the requests for jobs: for what the configuration names, or else for what Zuora lists.

        Raises:
            RunEnded: The list is needed, and there is none.
        """
        if self.named_requests is not None:
            return self.named_requests
        self._client.start(self._width)
        listing = self._listing or self.list_environments()
        if isinstance(listing, ZuoraError):
            raise RunEnded.stopped_by(listing)
        return [JobRequest(str(row["id"])) for row in listing.rows]

    def job_results(self, environment: str, unfinished: Unfinished) -> Iterator[tuple[JobRequest, Jobs | ZuoraError]]:
        """Return the result of each request for a test environment, while the requests for the next ones go on.

        Args:
            environment: The id of a test environment; expected to be called with each one, in order.
            unfinished: Returns the ids of the jobs of a test environment that the last run saw unfinished.

        Raises:
            RunEnded: A request failed in a way that ends the run.
        """
        # Kept for the next test environment only if read to its end: a reader that stops in between starts again.
        results, self._job_results = self._job_results, None
        if results is None or results.upcoming is None or results.upcoming.environment != environment:
            results = self._request_jobs(environment, unfinished)
        while (upcoming := results.upcoming) is not None and upcoming.environment == environment:
            request, result = next(results)
            if isinstance(result, Fatal):
                raise RunEnded.stopped_by(result, untried=results.not_started)
            if isinstance(result, Exception) and not isinstance(result, ZuoraError):
                raise result
            yield request, result
        self._job_results = results

    def _request_jobs(self, environment: str, unfinished: Unfinished) -> LookAhead[JobRequest, Jobs]:
        """Start the requests for a test environment and for those after it."""
        requests = [
            request._replace(unfinished=unfinished(request.environment)) if request.job is None else request
            for request in dropwhile(lambda each: each.environment != environment, self.job_requests())
        ]
        self._client.start(len(requests))
        progress = Progress(len(requests), self._clock, self._logger)
        fetch = JobFetcher(
            self._client,
            self._breaker,
            environments=len(environments(requests)),
            are_named=self.named_requests is not None,
        )

        def fetch_and_count(request: JobRequest) -> Jobs:
            try:
                return fetch(request)
            finally:
                progress.completed()

        return self._look_ahead(fetch_and_count, requests)

    def _look_ahead(self, call: Callable[[Any], Result], requests: Sequence[Any]) -> LookAhead[Any, Result]:
        results = LookAhead(call, requests, width=self._width, fatal=Fatal)
        self._resources.callback(results.close)
        try:
            results.start()
        except RuntimeError:
            reason = "the system does not let this process start a thread; raise its limit on threads or processes"
            raise RunEnded.stopped_by(Fatal(None, reason)) from None
        return results
