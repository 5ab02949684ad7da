"""A circuit breaker: ends a run in which request after request fails."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_zuora_testenv.zuora.errors import Fatal, Refused, Transient, ZuoraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAILURES_IN_A_ROW = 10
"""How many requests in a row, in order of completion, may use up their attempts or be refused."""


class CircuitBreaker:
    """Counts requests in a row that used up their attempts or were refused; called from many threads at once."""

    def __init__(self, stop: Callable[[Fatal], Fatal]) -> None:
        """Start with no failure.

        Args:
            stop: Lets no more requests start, and returns the error that did so first.
        """
        self._stop = stop
        self._lock = threading.Lock()
        self._failed: list[tuple[str | None, bool]] = []

    @contextmanager
    def watch(self, environment: str | None, *, environments: int) -> Iterator[None]:
        """Watch what is done for one request.

        Args:
            environment: The test environment that is requested, None for the list of all of them.
            environments: How many test environments the run requests. If several, ten failures of the same one are a
                fault of that test environment, and the run goes on.

        Raises:
            Fatal: One request too many failed.
        """
        try:
            yield
        except (Transient, Refused) as error:
            self._add(environment, error, several=environments > 1)
            raise
        except ZuoraError as error:
            # A request that was never sent says nothing about Zuora.
            if error.exchange is not None:
                self._answered()
            raise
        self._answered()

    def _answered(self) -> None:
        # Locked, so that the list is not emptied while it is counted: all failures of an empty list are refused.
        with self._lock:
            self._failed.clear()

    def _add(self, environment: str | None, error: ZuoraError, *, several: bool) -> None:
        with self._lock:
            self._failed.append((environment, isinstance(error, Refused)))
            count, are_refused = len(self._failed), all(is_refused for _, is_refused in self._failed)
            environments = {each for each, _ in self._failed}
            is_enough = count >= FAILURES_IN_A_ROW and (not several or len(environments) > 1)
        if is_enough:
            reason = f"{count} requests in a row failed, the last one: {error.reason}"
            raise self._stop(Fatal(error.exchange, reason, misconfigured=are_refused)) from None
