"""What the streams of one run share: what is asked for, how to ask, and what came of it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.auth import TokenAuthenticator, TokenOperation
from tap_zuora_testenv.errors import EndsTheRun
from tap_zuora_testenv.look_ahead import LookAhead
from tap_zuora_testenv.outcome import Outcome
from tap_zuora_testenv.pace import Pace
from tap_zuora_testenv.timestamps import Instant, instant
from tap_zuora_testenv.transport import session
from tap_zuora_testenv.validation import JobIds, base_url, requested

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    import requests

    from tap_zuora_testenv.pace import Clock
    from tap_zuora_testenv.rows import Told


class Run:
    """One run of the tap. What needs settings is made when it is first asked for: discovery has none."""

    def __init__(
        self, config: Mapping[str, Any], *, logger: logging.Logger, user_agent: str, started: Instant, clock: Clock
    ) -> None:
        """Prepare.

        Args:
            config: The settings.
            logger: Is told what a person should know.
            user_agent: The User-Agent header, unless a setting says another.
            started: When the run began.
            clock: Tells the time and lets it pass.
        """
        self.config, self.started, self.clock = config, started, clock
        self.logger = logger
        self.user_agent: str = config.get("user_agent") or user_agent
        self.outcome = Outcome(logger)
        self.open = ExitStack()
        """What is closed when the run is over."""

    @cached_property
    def requested(self) -> dict[str, JobIds | None] | None:
        """The jobs to fetch by test environment, as `validation.requested` returns them."""
        return requested(self.config)

    @cached_property
    def start(self) -> Instant | None:
        """The setting `start_date`."""
        return instant(self.config.get("start_date"))

    @cached_property
    def base_url(self) -> str:
        """The address that paths are appended to."""
        return base_url(self.config)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers that every request has."""
        track_id = self.config.get("track_id")
        return {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": self.user_agent,
            **({"Zuora-Track-Id": track_id} if track_id else {}),
        }

    @cached_property
    def session(self) -> requests.Session:
        """The one pool of connections; one of them is for a token that is fetched meanwhile."""
        return self.open.enter_context(session(self.base_url, self.config["max_parallel_requests"] + 1))

    @cached_property
    def pace(self) -> Pace:
        """How many requests may be in flight now."""
        return Pace(self.config["max_parallel_requests"], self.clock, self.logger)

    @cached_property
    def authenticator(self) -> TokenAuthenticator:
        """The one token."""
        operation = TokenOperation(self.session, self.base_url, self.config, self.headers, self.pace)
        return TokenAuthenticator(self.config.get("access_token"), operation.fetch, self.clock)

    def look_ahead(self, call: Callable[[Any], Told], contexts: Sequence[Any]) -> LookAhead[Any, Told]:
        """Ask for many things at once, and get the answers in order."""
        # Made here, by the one thread that there is: several that came first at once would make several.
        _ = self.authenticator
        ahead = LookAhead(call, contexts, width=self.config["max_parallel_requests"], fatal=EndsTheRun)
        self.open.callback(ahead.close)
        return ahead
