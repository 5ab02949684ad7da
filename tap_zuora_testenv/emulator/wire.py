"""The steps that all requests share: the check of the sender, the log, faults, limits, Zuora's headers and gzip."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.requests import ClientDisconnect

from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NO_PERMISSION, Refusal
from tap_zuora_testenv.emulator.request_log import HEADERS_KEPT, LoggedRequest
from tap_zuora_testenv.emulator.sloppiness import refusal_as_described, refusal_as_sent
from tap_zuora_testenv.emulator.tokens import fingerprint

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_zuora_testenv.emulator.faults import Fault
    from tap_zuora_testenv.emulator.zuora import Zuora

logger = logging.getLogger("zuora-testenv-emulator")

# The emulator's own endpoints, which Zuora does not have.
CONTROL = "/emulator"
DESCRIPTION = "/openapi.json"
# A name of this machine and any port: the port may be that of a proxy or of a forwarding.
LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
# Zuora's reference, `Accept-Encoding`: responses of more than 1,000 bytes are compressed for clients that accept it.
GZIP_ABOVE_BYTES = 1000
# Zuora's reference, `Zuora-Track-Id`.
TRACK_ID_LENGTH = 64


class BufferedResponse:
    """A response that is kept until it is complete."""

    def __init__(self, status: int = 500, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.status = status
        # By lower-case name, so that a header that is set twice is sent once.
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.body = body

    async def send(self, message: Message) -> None:
        """Keep a message of an ASGI application, as its `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            # The first piece is usually the whole body, and concatenating would copy a long list.
            piece = message.get("body", b"")
            self.body = self.body + piece if self.body else piece


class Wire:
    """The outermost ASGI application. The emulator's own endpoints get only the check of the sender.

    Args:
        app: The application that responds.
        zuora: The Zuora whose log, faults, limits and tokens apply.
    """

    def __init__(self, app: ASGIApp, zuora: Zuora) -> None:
        self._app = app
        self._zuora = zuora
        # A request id is a UUID of which only the end counts up: drawing one per request would be slow.
        self._prefix = str(uuid4())[:24]
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        path = scope["path"]
        stranger = _stranger(scope)
        if stranger:
            message = f"{stranger} is not this machine, and the emulator serves only this machine."
            request_id = self._new_id()
            response = refused(Refusal(403, NO_PERMISSION, message), request_id)
            response.headers["zuora-request-id"] = request_id
            await _deliver(response, None, send)
            return
        if path in {CONTROL, DESCRIPTION} or path.startswith(f"{CONTROL}/"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        logged = self._log(scope, headers)
        try:
            fault = self._zuora.faults.take(scope["method"], path)
            response = await self._respond(scope, receive, fault, logged)
            logged.status = response.status
            if "gzip" in headers.get("accept-encoding", ""):
                _compress(response)
            track_id = headers.get("zuora-track-id", "")
            if 0 < len(track_id) <= TRACK_ID_LENGTH:
                response.headers["zuora-track-id"] = track_id
            await _deliver(response, fault, send)
        except ClientDisconnect:
            # The client left before its request was complete, so nobody waits for a response.
            return
        except Exception:
            # uvicorn's own log is off; a bug of ours, or a fault that is not valid HTTP, must be visible anyway.
            logger.exception("%s %s got no response.", scope["method"], path)
            raise
        finally:
            self._zuora.requests.left(logged)

    def _new_id(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:012x}"

    def _log(self, scope: Scope, headers: dict[str, str]) -> LoggedRequest:
        authorization = headers.get("authorization")
        logged = LoggedRequest(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={name: value for name, value in headers.items() if name in HEADERS_KEPT},
            authorization=self._zuora.tokens.state(authorization),
            token_fingerprint=fingerprint(authorization),
            client_port=scope["client"][1] if scope.get("client") else 0,
            in_flight=0,
        )
        self._zuora.requests.arrived(logged)
        return logged

    async def _respond(
        self, scope: Scope, receive: Receive, fault: Fault | None, logged: LoggedRequest
    ) -> BufferedResponse:
        """Return the response: that of the fault, a refusal, or the real one."""
        request_id = self._new_id()
        wait = self._zuora.latency_seconds + (fault.delay_seconds if fault else 0.0)
        if wait:
            await asyncio.sleep(wait)
        response = BufferedResponse()
        limits: dict[str, str] = {}
        try:
            limits = self._zuora.limits.count(logged.in_flight)
            if fault and fault.responds:
                response = BufferedResponse(*fault.response())
            else:
                if len(logged.headers.get("zuora-track-id", "")) > TRACK_ID_LENGTH:
                    message = f"Zuora-Track-Id is longer than {TRACK_ID_LENGTH} characters."
                    raise Refusal(400, BAD_REQUEST, message)  # noqa: TRY301 - one place writes all refusals
                scope["zuora.request_id"] = request_id
                scope["zuora.token"] = logged.authorization
                await self._app(scope, receive, response.send)
        except Refusal as refusal:
            response = refused(refusal, request_id, sloppy=self._zuora.sloppy)
        response.headers = {"zuora-request-id": request_id} | limits | response.headers
        return response


def refused(refusal: Refusal, request_id: str, *, sloppy: bool = False) -> BufferedResponse:
    """Return the response to a refused request."""
    status, content_type, body = (refusal_as_sent if sloppy else refusal_as_described)(refusal, request_id)
    return BufferedResponse(status, {"content-type": content_type} | refusal.headers, body)


def _stranger(scope: Scope) -> str | None:
    """Return the `Host` or `Origin` that is not a loopback address; None if a request is from this machine.

    A web page in the user's browser could otherwise post faults, and read rows by DNS rebinding.
    """
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    for host in hosts or [""]:
        if not LOOPBACK.fullmatch(host):
            return f"Host {host[:100]!r}"
    for origin in (value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"):
        scheme, _, authority = origin.partition("://")
        if scheme not in {"http", "https"} or not LOOPBACK.fullmatch(authority):
            return f"Origin {origin[:100]!r}"
    return None


@lru_cache(maxsize=32)
def _gzipped(body: bytes) -> bytes:
    """Compress a body; a long list that did not change is the same object, so the cache finds it without reading it."""
    return gzip.compress(body, compresslevel=4, mtime=0)


def _compress(response: BufferedResponse) -> None:
    if len(response.body) <= GZIP_ABOVE_BYTES or "content-encoding" in response.headers:
        return
    response.body = _gzipped(response.body)
    response.headers["content-encoding"] = "gzip"
    response.headers["vary"] = "Accept-Encoding"
    response.headers.pop("content-length", None)


async def _deliver(response: BufferedResponse, fault: Fault | None, send: Send) -> None:
    response.headers.setdefault("content-length", str(len(response.body)))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    cut = fault.cut_after_bytes if fault else None
    body = response.body[:cut]
    if fault and fault.drip_seconds:
        for byte in body:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(fault.drip_seconds)
        body = b""
    # The server closes the connection of an application that returns before its response is complete.
    await send({"type": "http.response.body", "body": body, "more_body": cut is not None})
