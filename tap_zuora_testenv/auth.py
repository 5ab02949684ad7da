"""One bearer token for all threads of a run, renewed once when it must be."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

import backoff
import requests

from tap_zuora_testenv.answers import document
from tap_zuora_testenv.errors import (
    AuthenticationRefused,
    EndsTheRun,
    TokenRejected,
    TokenUnavailable,
    Transient,
    ZuoraError,
)
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.transport import answer, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_zuora_testenv.pace import Clock, Pace

# Zuora's guides: a token lasts about an hour, is used until then, and is renewed a few minutes early.
_RENEWED_EARLY = 300.0
# Beyond this, 30 years, a number is no lifetime; it may not even fit a float.
_LONGEST_LIFETIME = 1_000_000_000

_VISIBLE_WORD = re.compile(r"[\x21-\x7e]+")


class Token(NamedTuple):
    """A bearer token.

    Attributes:
        value: The token.
        lifetime: Seconds from now on, None when that is not known.
    """

    value: str
    lifetime: float | None


class TokenAuthenticator:
    """Sets the Authorization header; what `RESTStream.authenticator` returns, and a callable as `requests` wants it."""

    def __init__(self, token: str | None, fetch: Callable[[], Token], clock: Clock) -> None:
        """Prepare; the first request fetches the token.

        Args:
            token: A ready token, which cannot be renewed; None to fetch one.
            fetch: Fetches a new token.
            clock: Tells when a token is to be renewed.
        """
        self._fetch, self._clock = fetch, clock
        self._is_renewable = token is None
        self._token = token
        self._renew_at: float | None = None
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header, with a new token when there is none or it is near its end."""
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def renew(self, request: requests.PreparedRequest, error: TokenRejected) -> None:
        """Give up the token that a request was refused with, so that the next request fetches a new one.

        Of several threads whose requests were refused with the same token one renews it.

        Args:
            request: The refused request.
            error: The refusal.

        Raises:
            AuthenticationRefused: The token cannot be renewed.
        """
        if not self._is_renewable:
            reason = "`access_token` is not, or no longer, good for this host; a token lasts about an hour"
            raise AuthenticationRefused(error.asked, reason)
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
    """Return the seconds for which a token is used: until 5 minutes before its end, half of a life under 10 minutes."""
    return lifetime - _RENEWED_EARLY if lifetime >= 2 * _RENEWED_EARLY else lifetime / 2


class TokenOperation:
    """`POST /oauth/token` (Zuora's reference, Create an OAuth token), with the care that every request gets."""

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        config: Mapping[str, object],
        headers: Mapping[str, str],
        pace: Pace,
    ) -> None:
        """Prepare the request.

        Args:
            session: The session of the run.
            base_url: Where to ask.
            config: The settings.
            headers: Headers that every request has.
            pace: The pace of the run.
        """
        self._session, self._pace = session, pace
        self._timeout, self._attempts = float(str(config["request_timeout"])), int(str(config["max_attempts"]))
        form = {
            "client_id": config.get("client_id"),
            "client_secret": config.get("client_secret"),
            "grant_type": "client_credentials",
        }
        # Prepared apart from the session, whose authenticator would ask for a token first.
        self._request = requests.Request("POST", f"{base_url}/oauth/token", data=form, headers=dict(headers)).prepare()

    def fetch(self) -> Token:
        """Fetch a new token.

        Raises:
            EndsTheRun: There is none to be had; nothing can be asked without one.
        """
        attempts = backoff.on_exception(
            self._pace.back_off, Transient, max_tries=self._attempts, jitter=None, logger=None
        )
        try:
            return attempts(self._attempt)()
        except EndsTheRun as error:
            raise self._pace.end(error) from None
        except Transient as error:
            raise self._pace.end(TokenUnavailable(error.asked, error.reason)) from None
        except ZuoraError as error:
            reason = (
                "no token; check client_id and client_secret, and that base_url is the host they belong to: "
                "credentials of one host fail on another"
            )
            raise self._pace.end(AuthenticationRefused(error.asked, reason)) from None

    def _attempt(self) -> Token:
        self._pace.wait_out_pause()
        response = send(self._session, self._request, self._timeout)
        told = document(answer(response))
        value, lifetime = told.get("access_token"), told.get("expires_in")
        if not isinstance(value, str) or not _VISIBLE_WORD.fullmatch(value):
            # Nor is it concealed: a space for a token would take the spaces out of all that is said.
            raise TokenRejected(answer(response).asked, "the answer holds no token")
        REDACTION.conceal([value])
        is_known = isinstance(lifetime, int) and not isinstance(lifetime, bool) and 0 < lifetime < _LONGEST_LIFETIME
        return Token(value, float(lifetime) if is_known else None)  # type: ignore[arg-type]
