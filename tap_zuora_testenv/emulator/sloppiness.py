"""Pure: rows and error responses as Zuora describes them, and as a live tenant may send them anyway.

Zuora's samples show numbers for tenant ids that its description declares to be strings. The forms of date-times and of
error bodies were seen in other parts of Zuora's API; that test environments have them too is inference.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from tap_zuora_testenv.emulator.clock import FIRST, LAST, parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_zuora_testenv.emulator.refusals import Refusal

TENANT_IDS = ("tenantId", "sourceTenantId")
PACIFIC = timezone(timedelta(hours=-8))
CHINA = timezone(timedelta(hours=8))


def as_described(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as Zuora describes it: a field without a value is left out."""
    return {name: value for name, value in row.items() if value is not None}


def as_sent(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as a live tenant may send it: with nulls, numbers for tenant ids and date-times in any form."""
    return {name: _sloppy(name, value, str(row.get("id"))) for name, value in row.items()}


def _sloppy(name: str, value: object, row_id: str) -> object:
    if not isinstance(value, str):
        return value
    if name in TENANT_IDS and value.isdecimal():
        return int(value)
    if not name.endswith("Time"):
        return value
    try:
        instant = parse_instant(value)
    except ValueError:
        return value
    if not FIRST <= instant <= LAST:
        return value
    forms = _forms(instant)
    # The form depends only on the row and the field, so a row that did not change does not seem to have changed.
    return forms[crc32(f"{row_id}/{name}".encode(errors="surrogatepass")) % len(forms)]


def _forms(instant: datetime) -> list[object]:
    """Write an instant in each of the forms that Zuora uses somewhere."""
    digits = 6 if instant.microsecond % 1000 else 3

    def text(zone: timezone = UTC, fraction: int = digits) -> str:
        local = instant.astimezone(zone).replace(tzinfo=None).isoformat(timespec="microseconds")
        whole, _, micros = local.partition(".")
        return f"{whole}.{micros.ljust(fraction, '0')[:fraction]}" if fraction else whole

    short = text(fraction=digits if instant.microsecond else 0)
    forms: list[object] = [
        f"{short}Z",
        f"{text()}Z",
        f"{text(PACIFIC)}-08:00",
        f"{text(CHINA)}+0800",
        f"{text()} UTC",
        f"{text(fraction=9)}Z",
        f"{short}Z".replace("T", " "),
        short,
    ]
    if digits == 3:  # noqa: PLR2004 - milliseconds
        forms.append(round(instant.timestamp() * 1000))
    return forms


class ErrorResponse(NamedTuple):
    """An error response.

    Attributes:
        status: The HTTP status.
        content_type: The media type of the body.
        body: The body.
    """

    status: int
    content_type: str
    body: bytes


def refusal_as_described(refusal: Refusal, request_id: str) -> ErrorResponse:
    """Return the error response in the shape that Zuora documents."""
    return ErrorResponse(refusal.status, "application/json", refusal.body(request_id))


def refusal_as_sent(refusal: Refusal, request_id: str) -> ErrorResponse:
    """Return the error response in one of the shapes that a live tenant may send; the request id selects which."""
    status, message = refusal.status, refusal.message
    # Zuora reports some errors with the status 200; a gateway in front of it would not.
    hidden = 200 if status in {400, 404} else status
    shapes = [
        _json_error(status, refusal.document(request_id)),
        _json_error(hidden, refusal.document(request_id)),
        _json_error(status, {"reasons": [{"code": str(refusal.code), "message": message}]}),
        _json_error(status, {"message": message}),
        _json_error(status, {"code": str(refusal.code), "message": message}),
        ErrorResponse(status, "text/html", f"<html><body><h1>{status}</h1></body></html>\n".encode()),
        ErrorResponse(status, "application/json", b""),
    ]
    return shapes[crc32(request_id.encode()) % len(shapes)]


def _json_error(status: int, document: object) -> ErrorResponse:
    return ErrorResponse(status, "application/json", json.dumps(document).encode() + b"\n")
