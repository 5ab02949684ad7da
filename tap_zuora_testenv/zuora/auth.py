"""One bearer token for all threads, renewed once when it must be."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.values import VISIBLE_ASCII
from tap_zuora_testenv.zuora.answers import described, document, is_zuoras_error
from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Fatal,
    NotFound,
    Refused,
    TokenRejected,
    Transient,
    Unauthorized,
    ZuoraError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_zuora_testenv.zuora.answers import Response
    from tap_zuora_testenv.zuora.errors import Exchange
    from tap_zuora_testenv.zuora.pace import Clock

# Zuora's guides: a token lasts about an hour, should be used until then, and be renewed a few minutes early.
_RENEWED_EARLY = 300.0
# A larger number of seconds (30 years) is not a lifetime, and may not even fit a float.
_LONGEST_LIFETIME = 1_000_000_000

# A shorter word is not a token: redacting it would make the log unreadable.
_SHORTEST_TOKEN = 8
_VISIBLE_ASCII = re.compile(VISIBLE_ASCII)

_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})


class Token(NamedTuple):
    """A bearer token.

    Attributes:
        value: The token.
        lifetime: Seconds from now on, None if unknown.
    """

    value: str
    lifetime: float | None


class Authenticator:
    """Sets the Authorization header; a callable, as authentication is in `requests`."""

    def __init__(self, token: str | None, fetch: Callable[[], Token], clock: Clock) -> None:
        """Keep a token, or the means to fetch one; the first request fetches it.

        Args:
            token: A ready-made token, which cannot be renewed; None to fetch one.
            fetch: Fetches a new token.
            clock: The clock by which a token is renewed.
        """
        self._fetch, self._clock = fetch, clock
        self._is_renewable = token is None
        self._token = token
        self._renew_at: float | None = None
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header, with a new token if there is none or the token is about to expire."""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def prepare(self) -> None:
        """Fetch a token if there is none. A failure is reported by the requests, which need the token."""
        with suppress(Exception):
            self._current()

    def renew(self, request: requests.PreparedRequest, error: TokenRejected) -> None:
        """Discard the token that a request was refused with, so that the next request fetches a new one.

        If several requests were refused with the same token, only the first of these calls discards it.

        Args:
            request: The refused request.
            error: The refusal.

        Raises:
            Unauthorized: The token cannot be renewed.
        """
        if not self._is_renewable:
            reason = "`access_token` is not valid for this host, or no longer; a token lasts about an hour"
            raise Unauthorized(error.exchange, reason)
        with self._lock:
            if self._token is not None and request.headers["Authorization"] == f"Bearer {self._token}":
                self._token = None

    def _current(self) -> str:
        with self._lock:
            is_near_its_end = self._renew_at is not None and self._clock.monotonic() >= self._renew_at
            if self._token is None or is_near_its_end:
                self._token, lifetime = self._fetch()
                self._renew_at = None if lifetime is None else self._clock.monotonic() + used_for(lifetime)
            return self._token


def used_for(lifetime: float) -> float:
    """Return how many seconds a token is used: its lifetime less 5 minutes, or half of it if under 10 minutes."""
    return lifetime - _RENEWED_EARLY if lifetime >= 2 * _RENEWED_EARLY else lifetime / 2


def token(response: Response) -> Token:
    """Read the token of a response (Zuora's reference, Create an OAuth token), and keep it out of every log.

    Zuora does not document its response to bad credentials; OAuth's are 400 and 401 (RFC 6749, 5.2).

    Raises:
        Transient: Another attempt may bring a token.
        Fatal: There is no token; `CredentialsRefused` only if Zuora refused the credentials.
    """
    try:
        content = document(response, is_secret=True).content
    except Transient:
        raise
    except Refused as error:
        raise Fatal(error.exchange, error.reason, misconfigured=True) from None
    except ZuoraError as error:
        raise _no_token(error.exchange, is_refusal=_is_refusal(response, error)) from None
    value, lifetime = content.get("access_token"), content.get("expires_in")
    if not isinstance(value, str) or len(value) < _SHORTEST_TOKEN or not _VISIBLE_ASCII.fullmatch(value):
        raise _no_token(described(response), is_refusal=False)
    REDACTION.conceal([value])
    if isinstance(lifetime, int) and not isinstance(lifetime, bool) and 0 < lifetime < _LONGEST_LIFETIME:
        return Token(value, float(lifetime))
    return Token(value, None)


def _is_refusal(response: Response, error: ZuoraError) -> bool:
    if response.status >= HTTPStatus.MULTIPLE_CHOICES and response.status not in _REFUSALS:
        return isinstance(error, TokenRejected)
    return is_zuoras_error(response) and not isinstance(error, NotFound)


def _no_token(exchange: Exchange | None, *, is_refusal: bool) -> Fatal:
    if is_refusal:
        reason = (
            "no token; check client_id and client_secret, and that base_url is the host they belong to: "
            "credentials of one host fail on another"
        )
        return CredentialsRefused(exchange, reason)
    reason = "no token; check that base_url is a Zuora REST host, and what is between here and Zuora"
    return Fatal(exchange, reason, misconfigured=True)
