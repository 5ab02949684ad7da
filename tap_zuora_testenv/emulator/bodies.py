"""Request bodies: their media type, their size, gzip, JSON and forms."""

from __future__ import annotations

import gzip
import json
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl

from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST_BYTES = 1_000_000
"""The limit of a body as sent and of a body after decompression: a small gzip file can hold gigabytes."""


async def read_json(request: Request) -> object:
    """Read a JSON body.

    Raises:
        Refusal: If the body is not `application/json`, is too large, or is not JSON.
    """
    body = await _read(request, "application/json")
    try:
        # Deeply nested arrays exceed Python's recursion limit, which is not a ValueError.
        return json.loads(body, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise Refusal(400, BAD_REQUEST, "The body is not JSON.") from None


async def read_form(request: Request) -> dict[str, str]:
    """Read a form; if a field is repeated, the last value counts.

    Raises:
        Refusal: If the body is not a form, or is too large.
    """
    body = await _read(request, "application/x-www-form-urlencoded")
    return dict(parse_qsl(body.decode(errors="replace")))


async def _read(request: Request, media_type: str) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise Refusal(400, BAD_REQUEST, f"The Content-Type must be {media_type}.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        _check_length(body)
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return bytes(body)
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as compressed:
            decompressed = compressed.read(LONGEST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Refusal(400, BAD_REQUEST, "The body is not gzip, as its Content-Encoding claims.") from None
    _check_length(decompressed)
    return decompressed


def _check_length(body: bytes | bytearray) -> None:
    if len(body) > LONGEST_BYTES:
        raise Refusal(400, BAD_REQUEST, f"The body is longer than {LONGEST_BYTES:,} bytes.")


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)
