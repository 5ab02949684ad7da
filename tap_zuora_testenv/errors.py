"""What can go wrong, as a tree; each error is one sentence that says what was asked, what came back and what to do.

    ZuoraError
    |-- Transient             worth another attempt (singer-sdk's RetriableAPIError)
    |-- NotFound              Zuora does not have what was asked for
    |-- Unusable              an answer that is not what was asked for, and will not be
    |-- TokenRejected         worth one new token
    `-- EndsTheRun            nothing that follows could succeed
        |-- AuthenticationRefused
        |-- TokenUnavailable
        |-- PermissionRefused
        |-- TlsRefused
        |-- WaitTooLong
        |-- TooManyFailures
        `-- EnvironmentsUnknown

Settings that are refused are singer-sdk's ConfigValidationError; `RunEnded` carries any reason out of singer-sdk.
"""

from __future__ import annotations

from dataclasses import dataclass

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_zuora_testenv.redaction import REDACTION


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what is known of its answer.

    Attributes:
        method: The HTTP method.
        path: The path below the host, no query.
        host: Where it was sent.
        status: The HTTP status, None when no answer came.
        request_id: Zuora's `Zuora-Request-Id` or the body's `requestId`; Zuora's support asks for it.
        process_id: The body's `processId`; Zuora's support asks for it.
        track_id: The `Zuora-Track-Id` that came back.
        said: What Zuora said about it, in its own words.
    """

    method: str
    path: str
    host: str
    status: int | None = None
    request_id: str | None = None
    process_id: str | None = None
    track_id: str | None = None
    said: str = ""

    @override
    def __str__(self) -> str:
        answered = "got no answer" if self.status is None else f"answered {self.status}"
        ids = [
            f"{name} {REDACTION.quote(value)}"
            for name, value in (
                ("Zuora-Request-Id", self.request_id),
                ("processId", self.process_id),
                ("Zuora-Track-Id", self.track_id),
            )
            if value
        ]
        known = f" ({', '.join(ids)})" if ids else ""
        said = f', saying "{REDACTION.quote(self.said)}"' if self.said else ""
        return f"{self.method} {self.path} at {self.host} {answered}{known}{said}"


class ZuoraError(Exception):
    """A request that did not give what was asked for.

    Attributes:
        asked: The request and what is known of its answer.
        reason: What was wrong and what to do, without the request.
    """

    def __init__(self, asked: Asked, reason: str) -> None:
        super().__init__(f"{asked}: {reason}")
        self.asked = asked
        self.reason = reason


class Transient(ZuoraError, RetriableAPIError):
    """Another attempt may succeed.

    Attributes:
        wait: Seconds that Zuora asks to wait at least, None when it does not say.
        concerns_everyone: Whether Zuora asks all requests to wait, not this one alone.
    """

    response = None

    def __init__(
        self, asked: Asked, reason: str, *, wait: float | None = None, concerns_everyone: bool = False
    ) -> None:
        ZuoraError.__init__(self, asked, reason)
        self.wait = wait
        self.concerns_everyone = concerns_everyone


class NotFound(ZuoraError, FatalAPIError):
    """Zuora does not have it."""


class Unusable(ZuoraError, FatalAPIError):
    """The answer is not what was asked for, and another attempt would bring the same."""


class TokenRejected(ZuoraError, FatalAPIError):
    """The bearer token is not, or no longer, good."""


class EndsTheRun(ZuoraError, FatalAPIError):
    """No request that follows could succeed."""


class AuthenticationRefused(EndsTheRun):
    """Zuora does not take the credentials or the token."""


class TokenUnavailable(EndsTheRun):
    """Zuora could not be asked for a token."""


class PermissionRefused(EndsTheRun):
    """Zuora knows the credentials, and they may not read test environments."""


class TlsRefused(EndsTheRun):
    """The host's certificate is not trusted here."""


class WaitTooLong(EndsTheRun):
    """Zuora asks to wait for longer than a run should."""


class TooManyFailures(EndsTheRun):
    """Many requests in a row failed."""


class EnvironmentsUnknown(EndsTheRun):
    """The list of test environments could not be had, so what to fetch is not known."""


class RunEnded(SystemExit):
    """Takes the reason that ends a run out of singer-sdk.

    A SystemExit, since singer-sdk announces any Exception that leaves a stream as unhandled.

    Attributes:
        sentence: The reason, for the last line.
        reason: The reason as an error, when a request was it.
    """

    def __init__(self, code: int, sentence: str, reason: ZuoraError | None = None) -> None:
        super().__init__(code)
        self.sentence = sentence
        self.reason = reason
