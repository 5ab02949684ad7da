"""When the emulator answers 429: too many requests in flight, or in a minute."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.refusals import LIMIT_EXCEEDED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 60


class Limits:
    """Zuora's two limits, both off unless given ("Rate limits" and "Concurrent request limits" have its numbers).

    Args:
        max_in_flight: Requests at the same time; Zuora's own default is 40.
        per_minute: Requests in a minute; Zuora's own number for production is 50,000.
        ticks: Real seconds that never go back; a parameter so that a test need not wait.
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
            in_flight: How many are in flight, this one included.

        Returns:
            The `ratelimit-*` headers of its answer; none while no number a minute is set.

        Raises:
            Refusal: When it is one too many; with `Retry-After` in seconds.
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
                raise Refusal(429, LIMIT_EXCEEDED, "Too many requests in a minute.", headers | {"Retry-After": reset})
        if self.max_in_flight is not None and in_flight > self.max_in_flight:
            raise Refusal(429, LIMIT_EXCEEDED, "Too many requests at a time.", headers | {"Retry-After": "1"})
        return headers
