"""Pure: an answer of Zuora's becomes a document, or the error that it means.

The shapes of errors and what to retry are from Zuora's REST API reference ("Error handling", "Rate limits").
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_zuora_testenv.errors import (
    Asked,
    NotFound,
    PermissionRefused,
    TokenRejected,
    Transient,
    Unusable,
    ZuoraError,
)
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Mapping

Document: TypeAlias = dict[str, Any]

# The last two digits of a numeric error code.
_NO_PERMISSION, _NOT_AUTHENTICATED, _NOT_FOUND, _LIMIT_EXCEEDED = 10, 11, 40, 70
_TRANSIENT_KINDS = frozenset({50, 60, 61, _LIMIT_EXCEEDED, 99})
_BAD_REQUEST_KINDS = frozenset(range(20, 31))
_KNOWN_KINDS = _TRANSIENT_KINDS | _BAD_REQUEST_KINDS | {_NO_PERMISSION, _NOT_AUTHENTICATED, _NOT_FOUND}
# Shorter numbers are HTTP statuses that a gateway repeats in its body.
_ERROR_CODE = re.compile(r"[0-9]{4,}")

_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
_STATUSES_THAT_SAY_WHEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer to one request.

    Attributes:
        asked: The request.
        status: The HTTP status.
        headers: The headers; looked up in lower case, so a case-insensitive mapping is wanted.
        body: The whole body, unpacked.
        at: When it came, UTC.
    """

    asked: Asked
    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


def document(answer: Answer) -> Document:
    """Read the JSON object of an answer.

    Raises:
        ZuoraError: The kind says what to do about it; `Transient` when the body is not whole or not JSON.
    """
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise error(answer)
    try:
        read = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        # An ArithmeticError is a Decimal's, of an exponent beyond all bounds.
        asked = replace(told_of(answer, {}), said=_beginning(answer.body))
        raise Transient(asked, "the answer is not JSON; something between here and Zuora may have written it") from None
    if not isinstance(read, dict):
        raise Unusable(told_of(answer, {}), "the answer is not a JSON object; check that base_url is a Zuora REST host")
    # Zuora reports some errors with HTTP 200.
    if read.get("success") is False or not ("id" in read or "result" in read or "access_token" in read):
        raise error(answer)
    return read


def error(answer: Answer) -> ZuoraError:
    """Say what an answer that is no success means.

    Args:
        answer: An answer with an error status, or one whose body reports an error.
    """
    body = _error_body(answer.body)
    asked, kind, status = told_of(answer, body), _kind(body), answer.status
    if status == HTTPStatus.NOT_FOUND or kind == _NOT_FOUND:
        return NotFound(asked, "Zuora does not have it; check the id, base_url and entity_id")
    return _transient(answer, asked, kind) or _refused(asked, kind, status)


def _transient(answer: Answer, asked: Asked, kind: int | None) -> Transient | None:
    status, wait = answer.status, _wait(answer)
    if status == HTTPStatus.TOO_MANY_REQUESTS or kind == _LIMIT_EXCEEDED:
        reason = "Zuora's limit for this tenant is reached; lower max_parallel_requests or run when less else calls it"
        return Transient(asked, reason, wait=wait, concerns_everyone=True)
    if kind in _TRANSIENT_KINDS or (kind is None and status in _TRANSIENT_STATUSES):
        reason = "Zuora has a passing fault; run again later, and give Zuora's support the ids if it stays"
        everyone = status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None
        return Transient(asked, reason, wait=wait, concerns_everyone=everyone)
    if status == HTTPStatus.UNAUTHORIZED and "failed to get user info" in asked.said.lower():
        # Zuora's guides: this 401 is a fault of Zuora's own.
        return Transient(asked, "Zuora could not look up the user; run again later")
    return None


def _refused(asked: Asked, kind: int | None, status: int) -> ZuoraError:
    if kind == _NO_PERMISSION or (kind is None and status == HTTPStatus.FORBIDDEN):
        reason = (
            'the credentials may not read this; their user needs the permission "Refresh Central Sandbox", '
            "and base_url must be the host of the tenant that owns the test environments"
        )
        return PermissionRefused(asked, reason)
    if kind == _NOT_AUTHENTICATED or status == HTTPStatus.UNAUTHORIZED:
        return TokenRejected(asked, "Zuora does not accept the token; credentials of one host fail on another")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Unusable(asked, "redirects are not followed; check that base_url is a Zuora REST host")
    return Unusable(asked, "the answer is not what was asked for; check base_url, entity_id and the ids")


def _error_body(body: bytes) -> Document:
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": _beginning(body)}
    return read if isinstance(read, dict) else {}


def _beginning(body: bytes) -> str:
    # Redacted before it is cut: half a secret would not be found.
    return REDACTION.redact(body.decode(errors="replace"))[:1000]


def _reasons(body: Document) -> list[Document]:
    """Return all that has the shape of a reason: those listed, and the body itself."""
    listed = body.get("reasons")
    return [reason for reason in [*(listed if isinstance(listed, list) else []), body] if isinstance(reason, dict)]


def _kind(body: Document) -> int | None:
    codes = (str(reason.get("code", "")) for reason in _reasons(body))
    kinds = (int(code[-2:]) for code in codes if _ERROR_CODE.fullmatch(code))
    return next((kind for kind in kinds if kind in _KNOWN_KINDS), None)


def told_of(answer: Answer, body: Document) -> Asked:
    """Return the request of an answer with all that the answer tells of it."""
    messages = (reason.get("message") or reason.get("error_description") for reason in _reasons(body))
    request_id, process_id = (body.get(name) for name in ("requestId", "processId"))
    return replace(
        answer.asked,
        status=answer.status,
        request_id=answer.headers.get("zuora-request-id") or (str(request_id) if request_id else None),
        process_id=str(process_id) if process_id else None,
        track_id=answer.headers.get("zuora-track-id"),
        said=next((message for message in messages if isinstance(message, str)), ""),
    )


def _wait(answer: Answer) -> float | None:
    """Return the seconds that an answer asks to wait, None when it asks for none."""
    if answer.status not in _STATUSES_THAT_SAY_WHEN:
        return None
    asked = answer.headers.get("retry-after", "").strip()
    seconds = float(asked) if _SECONDS.fullmatch(asked) else _seconds_until(asked, answer.at)
    if asked and seconds is not None:
        return seconds if seconds > 0 else None
    reset = answer.headers.get("ratelimit-reset", "").strip()
    return (float(reset) or None) if _SECONDS.fullmatch(reset) else None


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now.timestamp()
