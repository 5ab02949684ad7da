"""What can go wrong with a request, as a tree.

    ZuoraError                    concerns one request, and another attempt would bring the same
    |-- Transient                 another attempt may succeed
    |-- NotFound                  Zuora does not have what was requested
    |-- TokenRejected             a new token may be accepted
    |-- Refused                   Zuora does not let these credentials have what was requested
    |   |-- PermissionRefused
    |   `-- Unauthorized
    `-- Fatal                     no later request could succeed
        `-- CredentialsRefused

An error has its own class only if it is handled differently; everything else is in the sentence.
"""

from __future__ import annotations

from typing import NamedTuple

from typing_extensions import override

from tap_zuora_testenv.redaction import REDACTION


class Exchange(NamedTuple):
    """One request, and what is known of its response.

    Attributes:
        method: The HTTP method.
        path: The path below the host, without a query.
        host: The host that the request was sent to, with the port if the URL has one.
        status: The HTTP status, None if no response arrived.
        request_id: Zuora's `Zuora-Request-Id`, or the body's `requestId`; Zuora's support asks for it.
        process_id: The body's `processId`; Zuora's support asks for it.
        track_id: The `Zuora-Track-Id` of the response.
        message: Zuora's own message.
    """

    method: str
    path: str
    host: str
    status: int | None = None
    request_id: str | None = None
    process_id: str | None = None
    track_id: str | None = None
    message: str = ""

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
        quoted = f', saying "{REDACTION.quote(self.message)}"' if self.message else ""
        return f"{self.method} {self.path} at {self.host} {answered}{known}{quoted}"


class ZuoraError(Exception):
    """A request that did not bring what was requested.

    Attributes:
        exchange: The request and what is known of its response, None if the request was never sent.
        reason: What was wrong and what to do, without the request.
    """

    def __init__(self, exchange: Exchange | None, reason: str) -> None:
        super().__init__(reason if exchange is None else f"{exchange}: {reason}")
        self.exchange = exchange
        self.reason = reason


class Transient(ZuoraError):
    """Another attempt may succeed.

    Attributes:
        wait: The least number of seconds to wait that Zuora asks for, None if it asks for none.
        pauses_all: Whether Zuora asks all requests to wait, not only this one.
    """

    def __init__(self, exchange: Exchange, reason: str, *, wait: float | None = None, pauses_all: bool = False) -> None:
        super().__init__(exchange, reason)
        self.wait = wait
        self.pauses_all = pauses_all


class NotFound(ZuoraError):
    """Zuora does not have what was requested."""


class TokenRejected(ZuoraError):
    """Zuora does not accept the bearer token, or no longer does."""


class Refused(ZuoraError):
    """Zuora does not let these credentials have what was requested. Other requests may succeed."""


class PermissionRefused(Refused):
    """Zuora knows the credentials, and they may not read this."""


class Unauthorized(Refused):
    """Zuora does not accept the token for this request, nor a new one."""


class Fatal(ZuoraError):
    """No later request could succeed.

    Attributes:
        misconfigured: Whether somebody must act before another run can succeed.
    """

    def __init__(self, exchange: Exchange | None, reason: str, *, misconfigured: bool = False) -> None:
        super().__init__(exchange, reason)
        self.misconfigured = misconfigured


class CredentialsRefused(Fatal):
    """Zuora's token endpoint does not accept the credentials."""

    def __init__(self, exchange: Exchange | None, reason: str) -> None:
        super().__init__(exchange, reason, misconfigured=True)
