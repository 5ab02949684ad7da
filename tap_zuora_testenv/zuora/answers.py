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

_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
_STATUSES_WITH_A_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SECONDS = re.compile(r"[0-9]{1,12}")


class Response(NamedTuple):
    """An HTTP response.

    Attributes:
        exchange: The request that it answers.
        status: The HTTP status.
        headers: The headers, in a mapping that ignores case: they are looked up in lower case.
        body: The whole body, decoded.
        received_at: When it arrived, UTC.
    """

    exchange: Exchange
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Document(NamedTuple):
    """The JSON object of a response.

    Attributes:
        content: The object; its numbers with a fraction or an exponent are `Decimal`.
        response: The response that it came in.
    """

    content: JsonObject
    response: Response


def document(response: Response) -> Document:
    """Read the JSON object of a response.

    Raises:
        ZuoraError: The response is an error; its class says what to do. `Transient` if the body is not JSON.
    """
    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        raise error(response)
    try:
        content = json.loads(response.body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        # An ArithmeticError is a Decimal's, of an exponent beyond all bounds.
        exchange = described(response)._replace(message=_beginning(response.body))
        reason = "the answer is not JSON; something between here and Zuora may have written it"
        raise Transient(exchange, reason) from None
    if not isinstance(content, dict):
        reason = "the answer is not a JSON object; check that base_url is a Zuora REST host"
        raise ZuoraError(described(response), reason)
    # Zuora reports some errors with HTTP 200.
    if content.get("success") is False or not ("id" in content or "result" in content or "access_token" in content):
        raise error(response)
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
    return _transient(response, exchange, kind) or _permanent(exchange, kind, status)


def _transient(response: Response, exchange: Exchange, kind: int | None) -> Transient | None:
    status, wait = response.status, _wait(response)
    if status == HTTPStatus.TOO_MANY_REQUESTS or kind == _LIMIT_EXCEEDED:
        reason = "Zuora's limit for this tenant is reached; lower max_parallel_requests or run when less else calls it"
        return Transient(exchange, reason, wait=wait, pauses_all=True)
    if kind in _TRANSIENT_KINDS or (kind is None and status in _TRANSIENT_STATUSES):
        reason = "Zuora has a passing fault; run again later, and give Zuora's support the ids if it stays"
        pauses_all = status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
        return Transient(exchange, reason, wait=wait, pauses_all=pauses_all)
    if status == HTTPStatus.UNAUTHORIZED and "failed to get user info" in exchange.message.lower():
        # Zuora's guides: this 401 is a fault of Zuora's own.
        return Transient(exchange, "Zuora could not look up the user; run again later")
    return None


def _permanent(exchange: Exchange, kind: int | None, status: int) -> ZuoraError:
    if kind == _NO_PERMISSION or (kind is None and status == HTTPStatus.FORBIDDEN):
        reason = (
            'the credentials may not read this; their user needs the permission "Refresh Central Sandbox", '
            "and base_url must be the host of the tenant that owns the test environments"
        )
        return PermissionRefused(exchange, reason)
    if kind == _NOT_AUTHENTICATED or status == HTTPStatus.UNAUTHORIZED:
        return TokenRejected(exchange, "Zuora does not accept the token; credentials of one host fail on another")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return ZuoraError(exchange, "redirects are not followed; check that base_url is a Zuora REST host")
    return ZuoraError(exchange, "the answer is not what was asked for; check base_url, entity_id and the ids")


def _error_body(body: bytes) -> JsonObject:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": _beginning(body)}
    return content if isinstance(content, dict) else {}


def _beginning(body: bytes) -> str:
    # Redacted before it is cut: half a secret would not be found.
    return REDACTION.redact(body.decode(errors="replace"))[:1000]


def _reasons(body: JsonObject) -> list[JsonObject]:
    """Return everything that has the shape of a reason: the reasons listed, and the body itself."""
    listed = body.get("reasons")
    return [reason for reason in [*(listed if isinstance(listed, list) else []), body] if isinstance(reason, dict)]


def _kind(body: JsonObject) -> int | None:
    codes = (str(reason.get("code", "")) for reason in _reasons(body))
    kinds = (int(code[-2:]) for code in codes if _ERROR_CODE.fullmatch(code))
    return next((kind for kind in kinds if kind in _KNOWN_KINDS), None)


def described(response: Response, body: JsonObject | None = None) -> Exchange:
    """Return the exchange of a response with everything that the response says about it.

    Args:
        response: The response.
        body: Its body, if that reports an error.
    """
    body = body or {}
    messages = (reason.get("message") or reason.get("error_description") for reason in _reasons(body))
    request_id, process_id = (body.get(name) for name in ("requestId", "processId"))
    return response.exchange._replace(
        status=response.status,
        request_id=response.headers.get("zuora-request-id") or (str(request_id) if request_id else None),
        process_id=str(process_id) if process_id else None,
        track_id=response.headers.get("zuora-track-id"),
        message=next((message for message in messages if isinstance(message, str)), ""),
    )


def _wait(response: Response) -> float | None:
    """Return the seconds that a response asks to wait, None if it asks for none."""
    if response.status not in _STATUSES_WITH_A_WAIT:
        return None
    retry_after = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(retry_after):
        seconds: float | None = float(retry_after)
    else:
        seconds = _seconds_until(retry_after, response.received_at)
    if retry_after and seconds is not None:
        return seconds if seconds > 0 else None
    reset = response.headers.get("ratelimit-reset", "").strip()
    return (float(reset) or None) if _SECONDS.fullmatch(reset) else None


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
