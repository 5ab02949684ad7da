"""Pure: what a response means, a JSON document or an error.

The shapes of errors and what to retry are from Zuora's REST API reference ("Error handling", "Rate limits").
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.errors import (
    Exchange,
    NotFound,
    PermissionRefused,
    TokenRejected,
    Transient,
    ZuoraError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = dict[str, Any]

# The last two digits of a numeric error code.
_NO_PERMISSION, _NOT_AUTHENTICATED, _NOT_FOUND, _LIMIT_EXCEEDED = 10, 11, 40, 70
_TRANSIENT_KINDS = frozenset({50, 60, 61, _LIMIT_EXCEEDED, 99})
_BAD_REQUEST_KINDS = frozenset(range(20, 31))
_KNOWN_KINDS = _TRANSIENT_KINDS | _BAD_REQUEST_KINDS | {_NO_PERMISSION, _NOT_AUTHENTICATED, _NOT_FOUND}
# Shorter numbers are HTTP statuses, which gateways repeat in their bodies.
_ERROR_CODE = re.compile(r"[0-9]{4,}")

# Not implemented, HTTP version not supported, network authentication required: these do not pass.
_LASTING_SERVER_ERRORS = frozenset({501, 505, 511})
_FIRST_UNKNOWN_STATUS = 600
_STATUSES_WITH_A_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_DIGITS = re.compile(r"[0-9]{1,13}")
# No server asks to wait for 30 years: a larger number is a time, in seconds or milliseconds since 1970.
_EARLIEST_UNIX_TIME, _EARLIEST_UNIX_TIME_IN_MILLISECONDS = 1e9, 1e12

# What is read of a body that is not JSON. Far more than is shown: it is redacted before it is cut, and half a secret
# would not be found.
_LONGEST_BEGINNING = 200_000


class Response(NamedTuple):
    """An HTTP response.

    Attributes:
        exchange: The request that it answers.
        status: The HTTP status.
        headers: The headers, in a mapping that ignores case: they are looked up in lower case.
        body: The whole body, decoded.
        received_at: When it arrived, UTC.
        deadline: When the time of the request is over, by `time.monotonic`.
    """

    exchange: Exchange
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    deadline: float = float("inf")


class Document(NamedTuple):
    """The JSON object of a response.

    Attributes:
        content: The object; its numbers with a fraction or an exponent are `Decimal`.
        response: The response that it came in.
    """

    content: JsonObject
    response: Response


def document(response: Response, *, is_secret: bool = False) -> Document:
    """Read the JSON object of a response.

    Args:
        response: The response.
        is_secret: Whether the body may contain a secret: then it is never quoted, unless it reports an error.

    Raises:
        ZuoraError: The response is an error; its class says what to do. `Transient` if the body is not JSON.
    """
    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        raise error(response)
    try:
        content = json.loads(response.body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        # An ArithmeticError is a Decimal's, of an exponent beyond all bounds.
        exchange = described(response)._replace(message="" if is_secret else _beginning(response.body))
        reason = "the answer is not JSON; something between here and Zuora may have written it"
        raise Transient(exchange, reason) from None
    if not isinstance(content, dict):
        reason = "the answer is not a JSON object; check that base_url is a Zuora REST host"
        raise ZuoraError(described(response), reason)
    # Zuora reports some errors with HTTP 200.
    is_known = not {"id", "result", "access_token"}.isdisjoint(content) or content.get("size") == 0
    is_error = content.get("success") is False
    if is_error or not is_known:
        raise error(response._replace(body=b"{}") if is_secret and not is_error else response)
    return Document(content, response)


def error(response: Response) -> ZuoraError:
    """Classify an error response.

    Args:
        response: A response with an error status, or one whose body reports an error.
    """
    body = _error_body(response.body)
    exchange, kind, status = described(response, body), _kind(body), response.status
    if status == HTTPStatus.NOT_FOUND or kind == _NOT_FOUND:
        return NotFound(exchange, "Zuora does not have it; check the id, base_url and entity_id")
    return _transient(response, exchange, kind) or _permanent(response, exchange, kind)


def is_zuoras_error(response: Response) -> bool:
    """Return whether Zuora itself may have written an error: its errors have no body or are JSON objects.

    With HTTP 200, only an object that reports an error is one.
    """
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        body = _error_body(response.body)
        return body.get("success") is False or "reasons" in body
    return not _is_page(response)


def _is_page(response: Response) -> bool:
    return response.body.lstrip()[:1] not in {b"", b"{"}


def _transient(response: Response, exchange: Exchange, kind: int | None) -> Transient | None:
    status, wait = response.status, _wait(response)
    if status == HTTPStatus.TOO_MANY_REQUESTS or kind == _LIMIT_EXCEEDED:
        reason = "Zuora's limit for this tenant is reached; lower max_parallel_requests or run when less else calls it"
        return Transient(exchange, reason, wait=wait, pauses_all=True)
    if kind in _TRANSIENT_KINDS or (kind is None and _is_passing(status)):
        reason = "Zuora has a temporary fault; run again later, and if it persists, give Zuora's support the ids"
        pauses_all = status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
        return Transient(exchange, reason, wait=wait, pauses_all=pauses_all)
    if status == HTTPStatus.UNAUTHORIZED and "failed to get user info" in exchange.message.lower():
        # Zuora's guides: this 401 is a fault in Zuora itself.
        return Transient(exchange, "Zuora could not look up the user; run again later")
    return None


def _is_passing(status: int) -> bool:
    is_server_error = HTTPStatus.INTERNAL_SERVER_ERROR <= status < _FIRST_UNKNOWN_STATUS
    return status == HTTPStatus.REQUEST_TIMEOUT or (is_server_error and status not in _LASTING_SERVER_ERRORS)


def _permanent(response: Response, exchange: Exchange, kind: int | None) -> ZuoraError:
    status = response.status
    if kind == _NO_PERMISSION or (kind is None and status == HTTPStatus.FORBIDDEN):
        reason = (
            'the credentials may not read this; their user needs the permission "Refresh Central Sandbox", '
            "and base_url must be the host of the tenant that owns the test environments"
        )
        if _is_page(response):
            reason = f"something between here and Zuora may have refused it; if not, {reason}"
        return PermissionRefused(exchange, reason)
    if kind == _NOT_AUTHENTICATED or status == HTTPStatus.UNAUTHORIZED:
        return TokenRejected(exchange, "Zuora does not accept the token; credentials of one host fail on another")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return ZuoraError(exchange, "redirects are not followed; check that base_url is a Zuora REST host")
    if status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        return ZuoraError(exchange, "the network between here and Zuora requires a sign-in; check the network")
    return ZuoraError(exchange, "the answer is not what was asked for; check base_url, entity_id and the ids")


def _error_body(body: bytes) -> JsonObject:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": _beginning(body)}
    return content if isinstance(content, dict) else {}


def _beginning(body: bytes) -> str:
    return _short(body[:_LONGEST_BEGINNING].decode(errors="replace"))


def _short(text: str) -> str:
    return REDACTION.redact(text[:_LONGEST_BEGINNING])[:1000]


def _reasons(body: JsonObject) -> list[JsonObject]:
    """Return everything that has the shape of a reason: the reasons listed, and the body itself."""
    listed = body.get("reasons")
    return [reason for reason in [*(listed if isinstance(listed, list) else []), body] if isinstance(reason, dict)]


def _kind(body: JsonObject) -> int | None:
    codes = (str(reason.get("code", "")) for reason in _reasons(body))
    kinds = (int(code[-2:]) for code in codes if _ERROR_CODE.fullmatch(code))
    return next((kind for kind in kinds if kind in _KNOWN_KINDS), None)


def described(response: Response, body: JsonObject | None = None) -> Exchange:
    """Return the exchange of a response, completed with what the response says.

    Args:
        response: The response.
        body: Its body, if that reports an error.
    """
    body = body or {}
    messages = (reason.get("message") or reason.get("error_description") for reason in _reasons(body))
    request_id, process_id = (
        _short(str(value)) if isinstance(value := body.get(name), str | int) and value else None
        for name in ("requestId", "processId")
    )
    return response.exchange._replace(
        status=response.status,
        request_id=response.headers.get("zuora-request-id") or request_id,
        process_id=process_id,
        track_id=response.headers.get("zuora-track-id"),
        message=_short(next((message for message in messages if isinstance(message, str)), "")),
    )


def _wait(response: Response) -> float | None:
    """Return the seconds that a response asks to wait, None if it asks for none."""
    if response.status not in _STATUSES_WITH_A_WAIT:
        return None
    # Times are by the clock of the server, which `Date` shows; ours may be hours away from it.
    now = _unix_time(response.headers.get("date", ""))
    if now is None:
        now = response.received_at.timestamp()
    for name in ("retry-after", "ratelimit-reset"):
        seconds = _seconds(response.headers.get(name, "").strip(), now)
        if seconds is not None:
            return seconds if seconds > 0 else None
    return None


def _seconds(text: str, now: float) -> float | None:
    """Return how long a header asks to wait, as a number of seconds or until a time; None if it asks for nothing."""
    if not _DIGITS.fullmatch(text):
        time = _unix_time(text)
    elif (number := float(text)) >= _EARLIEST_UNIX_TIME_IN_MILLISECONDS:
        time = number / 1000
    elif number >= _EARLIEST_UNIX_TIME:
        time = number
    else:
        return number
    return None if time is None else time - now


def _unix_time(http_date: str) -> float | None:
    try:
        date = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
