"""Zuora's limits: when the emulator responds with 429 to requests in flight or requests per minute."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.refusals import LIMIT_EXCEEDED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 60


class Limits:
    """Two limits, both off by default (Zuora's pages "Rate limits" and "Concurrent request limits").

    Args:
        max_in_flight: Requests at the same time; Zuora's default is 40.
        per_minute: Requests per minute; Zuora's limit for production is 50,000.
        ticks: Returns real seconds that never go back; tests pass their own.
    """

    def __init__(
        self,
        max_in_flight: int | None = None,
        per_minute: int | None = None,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_in_flight = max_in_flight
        self.per_minute = per_minute
        self._ticks = ticks
        self._window_start = ticks()
        self._used = 0

    def count(self, in_flight: int) -> dict[str, str]:
        """Count a request.

        Args:
            in_flight: The number of requests in flight, this one included.

        Returns:
            The `ratelimit-*` headers of its response; none if `per_minute` is off.

        Raises:
            Refusal: If the request exceeds a limit, with `Retry-After` in seconds.
        """
        headers = {}
        if self.per_minute is not None:
            passed = self._ticks() - self._window_start
            if passed >= WINDOW_SECONDS:
                self._window_start, self._used, passed = self._ticks(), 0, 0.0
            self._used += 1
            reset = str(math.ceil(WINDOW_SECONDS - passed))
            headers = {
                "ratelimit-limit": f"{self.per_minute}, {self.per_minute};w={WINDOW_SECONDS}",
                "ratelimit-remaining": str(max(self.per_minute - self._used, 0)),
                "ratelimit-reset": reset,
            }
            if self._used > self.per_minute:
                raise Refusal(429, LIMIT_EXCEEDED, "Too many requests per minute.", headers | {"Retry-After": reset})
        if self.max_in_flight is not None and in_flight > self.max_in_flight:
            raise Refusal(429, LIMIT_EXCEEDED, "Too many requests in flight.", headers | {"Retry-After": "1"})
        return headers
