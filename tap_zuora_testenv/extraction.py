"""What both streams need from Zuora: the list of test environments, and the results of the requests for jobs in order.

singer-sdk's tap makes its streams and each stream refers to its tap, so what the streams share belongs to neither.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.breaker import CircuitBreaker
from tap_zuora_testenv.outcome import Outcome, RunEnded
from tap_zuora_testenv.plan import JobRequest, environments, named_requests
from tap_zuora_testenv.progress import Progress
from tap_zuora_testenv.zuora import ClientOptions, Fatal, Listing, ZuoraClient, ZuoraError
from tap_zuora_testenv.zuora.look_ahead import LookAhead

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_zuora_testenv.timestamps import Instant
    from tap_zuora_testenv.zuora.pace import Clock


class Extraction:
    """One run: what is requested from Zuora, and what came of it.

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
            clock: The clock to wait by.
            logger: Logs what a person should know.
        """
        self._config, self._user_agent, self._clock, self._logger = config, user_agent, clock, logger
        self.started = started
        self.outcome = Outcome(logger)
        self._resources = ExitStack()
        self._listing: Listing | ZuoraError | None = None
        self._job_results: LookAhead[JobRequest, Listing] | None = None

    @cached_property
    def named_requests(self) -> list[JobRequest] | None:
        """The requests for the jobs of what the configuration names, None if it names nothing."""
        return named_requests(self._config)

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

    def list_environments(self) -> Listing | ZuoraError:
        """Request the list of all test environments, which both streams use; return it, or why there is none."""
        client, breaker = self._client, self._breaker

        def fetch(_: None) -> Listing:
            with breaker.watch(None, environments=1):
                return client.environments()

        # In a thread, like every request: a signal can then interrupt the wait for it at any time.
        ((_, result),) = self._look_ahead(fetch, [None])
        if isinstance(result, Exception) and not isinstance(result, ZuoraError):
            raise result
        if isinstance(result, Listing):
            self.outcome.failed(*result.errors)
        self._listing = result
        return result

    def job_requests(self) -> list[JobRequest]:
        """Return the requests for jobs: for what the configuration names, or else for what Zuora lists.

        Raises:
            RunEnded: The list is needed, and there is none.
        """
        if self.named_requests is not None:
            return self.named_requests
        listing = self._listing or self.list_environments()
        if isinstance(listing, Fatal):
            raise RunEnded.stopped_by(listing)
        if isinstance(listing, ZuoraError):
            reason = f"which test environments there are is not known; {listing.reason}"
            raise RunEnded.stopped_by(Fatal(listing.exchange, reason))
        return [JobRequest(str(row["id"])) for row in listing.rows]

    def job_results(self, environment: str) -> Iterator[tuple[JobRequest, Listing | ZuoraError]]:
        """Return the result of each request for a test environment, while the requests for the next ones go on.

        Args:
            environment: The id of a test environment; expected to be called with each one, in order.

        Raises:
            RunEnded: A request failed in a way that ends the run.
        """
        # Kept for the next test environment only if read to its end: whoever breaks off in between starts again.
        results, self._job_results = self._job_results, None
        if results is None or results.upcoming is None or results.upcoming.environment != environment:
            results = self._request_jobs(environment)
        while (upcoming := results.upcoming) is not None and upcoming.environment == environment:
            request, result = next(results)
            if isinstance(result, Fatal):
                raise RunEnded.stopped_by(result, untried=results.not_started)
            if isinstance(result, Exception) and not isinstance(result, ZuoraError):
                raise result
            yield request, result
        self._job_results = results

    def _request_jobs(self, environment: str) -> LookAhead[JobRequest, Listing]:
        """Start the requests for a test environment and for those after it."""
        requests = list(dropwhile(lambda each: each.environment != environment, self.job_requests()))
        client, breaker, count = self._client, self._breaker, len(environments(requests))
        is_named = self.named_requests is not None
        progress = Progress(len(requests), self._clock, self._logger)

        def fetch(request: JobRequest) -> Listing:
            try:
                with breaker.watch(request.environment, environments=count):
                    if request.job is not None:
                        return Listing([client.job(request.environment, request.job)], [])
                    listing = client.jobs(request.environment)
                    if is_named and listing == ([], []):
                        # Zuora does not document its response for an unknown test environment: it may be an empty list.
                        client.environment(request.environment)
                    return listing
            finally:
                progress.completed()

        return self._look_ahead(fetch, requests)

    def _look_ahead(self, call: Callable[[Any], Listing], requests: Sequence[Any]) -> LookAhead[Any, Listing]:
        results = LookAhead(call, requests, width=self._config["max_parallel_requests"], fatal=Fatal)
        self._resources.callback(results.close)
        return results
