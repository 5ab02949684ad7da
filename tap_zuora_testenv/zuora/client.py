"""The client: Zuora's four operations that read test environments and their jobs, from many threads at once."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import backoff
import requests
from requests.structures import CaseInsensitiveDict

from tap_zuora_testenv.ids import is_path_segment
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import document
from tap_zuora_testenv.zuora.auth import Authenticator, Token, token
from tap_zuora_testenv.zuora.errors import (
    Exchange,
    Fatal,
    TokenRejected,
    Transient,
    Unauthorized,
    ZuoraError,
)
from tap_zuora_testenv.zuora.pace import Clock, Pace, SystemClock
from tap_zuora_testenv.zuora.rows import Listing, listed_rows, one_row
from tap_zuora_testenv.zuora.transport import Transport, late

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backoff.types import Details

    from tap_zuora_testenv.values import Row
    from tap_zuora_testenv.zuora.answers import Document

_ENVIRONMENTS = "/test-environments"


@dataclass(frozen=True, kw_only=True)
class ClientOptions:
    """How Zuora is called. The fields are the tap's settings of the same names.

    Attributes:
        base_url: The REST host, without a slash at its end.
        client_id: The id of an OAuth client.
        client_secret: Its secret.
        access_token: A ready-made bearer token instead of the two.
        entity_id: Sent as `Zuora-Entity-Ids`.
        track_id: Sent as `Zuora-Track-Id`.
        user_agent: Sent as `User-Agent`.
        max_parallel_requests: How many requests may be in flight.
        request_timeout: Seconds per request, its response included.
        max_attempts: How many attempts a request has while its faults are transient.
    """

    base_url: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    entity_id: str | None = None
    track_id: str | None = None
    user_agent: str = "tap-zuora-testenv"
    max_parallel_requests: int = 8
    request_timeout: float = 120
    max_attempts: int = 5

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, user_agent: str) -> Self:
        """Take the options from the tap's configuration.

        Args:
            config: The validated settings.
            user_agent: The `User-Agent`, unless the configuration has one.
        """
        given = {each.name: config[each.name] for each in fields(cls) if config.get(each.name) is not None}
        return cls(**{"user_agent": user_agent} | given | {"base_url": str(config["base_url"]).rstrip("/")})


class ZuoraClient:
    """Zuora's four operations that read test environments and their jobs.

    Every method may be called from many threads at once. All of them share one token, one pool of connections and one
    pace. A transient fault is retried; one that persists is raised as a `ZuoraError`. After a `Fatal`, every call
    raises it again.
    """

    def __init__(
        self, options: ClientOptions, *, clock: Clock | None = None, logger: logging.Logger | None = None
    ) -> None:
        """Set up everything that the requests share; nothing is sent yet.

        Args:
            options: How Zuora is called.
            clock: The clock that waits are measured by; None for the machine's.
            logger: Logs waits and retries; None for the logger of this module.
        """
        clock = clock or SystemClock()
        self._logger = logger or logging.getLogger(__name__)
        self._base_url, parts = options.base_url, urlsplit(options.base_url)
        self._host, self._base_path = parts.netloc.lower(), parts.path
        self._width = options.max_parallel_requests
        self._pace = Pace(self._width, clock, self._logger)
        self._has_started, self._start_lock = False, threading.Lock()
        # One connection more than requests in flight: a token may be fetched meanwhile.
        self._transport = Transport(
            options.base_url, connections=options.max_parallel_requests + 1, timeout=options.request_timeout
        )
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": options.user_agent}
        if options.track_id:
            headers["Zuora-Track-Id"] = options.track_id
        form = {
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "grant_type": "client_credentials",
        }
        self._token_request = requests.Request(
            "POST", f"{options.base_url}/oauth/token", data=form, headers=headers
        ).prepare()
        self._token_exchange = Exchange("POST", f"{self._base_path}/oauth/token", self._host)
        if options.entity_id:
            headers["Zuora-Entity-Ids"] = options.entity_id
        self._headers = CaseInsensitiveDict(headers)
        self._authenticator = Authenticator(options.access_token, self._fetch_token, clock)
        # One attempt loop. python-backoff's own logger would write a line per retry at INFO.
        retry = backoff.on_exception(
            self._pace.back_off,
            Transient,
            max_tries=options.max_attempts,
            on_backoff=self._log_retry,
            jitter=None,
            logger=None,
        )
        self._get_with_retries, self._fetch_token_with_retries = retry(self._get_once), retry(self._fetch_token_once)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the client."""
        self.close()

    def start(self, connections: int) -> None:
        """Fetch the token at once and open connections meanwhile, in threads. Only the first call does anything.

        Without it, the first request fetches the token, and each request that needs a connection opens it.

        Args:
            connections: How many requests there will be in flight; no more connections are opened than are allowed.
        """
        with self._start_lock:
            if self._has_started:
                return
            self._has_started = True
        self._transport.open_early(min(connections, self._width))
        # If no thread can be started, the first request fetches the token.
        with suppress(RuntimeError):
            threading.Thread(target=self._authenticator.prepare, name="token", daemon=True).start()

    def stop(self, error: Fatal) -> Fatal:
        """Let no more requests start; all calls raise the error of the first such call, which is returned."""
        return self._pace.stop(error)

    def close(self) -> None:
        """Let no more requests start, and close the connections."""
        self.stop(Fatal(None, "the client is closed"))
        self._transport.close()

    def environments(self) -> Listing:
        """List all test environments (Zuora's reference, List all test environments).

        Raises:
            ZuoraError: The request could not be satisfied.
        """
        return listed_rows(self._get(_ENVIRONMENTS))

    def environment(self, environment: str) -> Row:
        """Retrieve a test environment.

        Args:
            environment: The id of the test environment.

        Raises:
            ZuoraError: The request could not be satisfied; `NotFound` if Zuora does not have the test environment.
        """
        return one_row(self._get(_ENVIRONMENTS, environment), environment)

    def jobs(self, environment: str) -> Listing:
        """List all jobs of a test environment (Zuora's reference, List all jobs of a test environment).

        Args:
            environment: The id of the test environment.

        Raises:
            ZuoraError: The request could not be satisfied.
        """
        return listed_rows(self._get(_ENVIRONMENTS, environment, "jobs"))

    def job(self, environment: str, job: str) -> Row:
        """Retrieve a job of a test environment (Zuora's reference, Retrieve a job of a test environment).

        Args:
            environment: The id of the test environment.
            job: The id of the job.

        Raises:
            ZuoraError: The request could not be satisfied; `NotFound` if Zuora does not have the job.
        """
        return one_row(self._get(_ENVIRONMENTS, environment, "jobs", job), job)

    def _get(self, *path: str) -> Document:
        """Send a GET request; the first segment of the path is fixed, and the others may be ids."""
        ids = path[1:]
        if not all(map(is_path_segment, ids)):
            reason = "is not requested: an id in it is not a plain path segment (letters, digits, - and _, at most 128)"
            raise ZuoraError(None, f"{REDACTION.show('/'.join(path))} {reason}")
        operation = "/".join(path)
        exchange = Exchange("GET", self._base_path + operation, self._host)
        # The URL is checked and its segments are plain, so neither needs parsing or quoting. No session is used: it
        # would add headers, cookies and the credentials of .netrc.
        request = requests.PreparedRequest()
        request.method, request.url = "GET", self._base_url + operation
        request.headers = self._headers.copy()
        try:
            response = self._get_with_retries(request, exchange)
        except Transient:
            raise
        except Fatal as error:
            raise self._pace.stop(error) from None
        except ZuoraError:
            self._pace.answered()
            raise
        self._pace.answered()
        return response

    def _get_once(self, request: requests.PreparedRequest, exchange: Exchange) -> Document:
        try:
            return self._exchange(request, exchange)
        except TokenRejected as error:
            self._authenticator.renew(request, error)
        try:
            return self._exchange(request, exchange)
        except TokenRejected as error:
            raise Unauthorized(error.exchange, f"{error.reason}; a new token did not help") from None

    def _exchange(self, request: requests.PreparedRequest, exchange: Exchange) -> Document:
        with self._pace.request():
            # The header is set last: the token may be about to expire after a pause.
            response = self._transport.send(self._authenticator(request), exchange)
        read = document(response)
        if time.monotonic() > response.deadline:
            # Parsing a huge response takes time as well.
            raise late(response)
        return read

    def _fetch_token(self) -> Token:
        """Fetch a token (Zuora's reference, Create an OAuth token).

        Raises:
            Fatal: There is no token, so nothing can be requested.
        """
        try:
            return self._fetch_token_with_retries()
        except Fatal as error:
            raise self._pace.stop(error) from None
        except Transient as error:
            raise self._pace.stop(Fatal(error.exchange, error.reason)) from None
        except ZuoraError as error:
            raise self._pace.stop(Fatal(error.exchange, error.reason, misconfigured=True)) from None

    def _fetch_token_once(self) -> Token:
        self._pace.wait_out_pause()
        return token(self._transport.send(self._token_request, self._token_exchange))

    def _log_retry(self, details: Details) -> None:
        self._logger.debug("Attempt %d failed: %s", details["tries"], details.get("exception"))
