"""What every answer goes through: the log, faults, limits, Zuora's headers and gzip."""

from __future__ import annotations

import asyncio
import gzip
import logging
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.requests import ClientDisconnect

from tap_zuora_testenv.emulator.refusals import Refusal
from tap_zuora_testenv.emulator.request_log import HEADERS_KEPT, LoggedRequest
from tap_zuora_testenv.emulator.tokens import fingerprint

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_zuora_testenv.emulator.faults import Fault
    from tap_zuora_testenv.emulator.zuora import Zuora

logger = logging.getLogger("zuora-testenv-emulator")

CONTROL = "/emulator"
# Zuora's reference, Accept-Encoding: answers of more than 1,000 bytes are compressed for who accepts it.
GZIP_ABOVE_BYTES = 1000


class Answer:
    """An answer under way: what an application sends is kept here until it is complete."""

    def __init__(self, status: int = 500, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.status = status
        # By lower-case name, so that one that is set twice is there once.
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.body = body

    async def send(self, message: Message) -> None:
        """Take a message, as ASGI's `send` does."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            # The first piece is most often the whole: joining it to nothing would copy a long list.
            piece = message.get("body", b"")
            self.body = self.body + piece if self.body else piece


class Wire:
    """The outermost application. Control endpoints pass it untouched: they are not Zuora's.

    Args:
        app: What answers.
        zuora: Whose log, faults, limits and tokens they are.
    """

    def __init__(self, app: ASGIApp, zuora: Zuora) -> None:
        self._app = app
        self._zuora = zuora
        # A request id is a UUID of which only the end counts up: drawing one for each request would cost more.
        self._prefix = str(uuid4())[:24]
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"]
        if path == CONTROL or path.startswith(f"{CONTROL}/"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        logged = self._log(scope, headers)
        try:
            fault = self._zuora.faults.take(scope["method"], path)
            answer = await self._answer(scope, receive, fault, logged)
            logged.status = answer.status
            if "gzip" in headers.get("accept-encoding", ""):
                _compress(answer)
            if "zuora-track-id" in headers:
                answer.headers["zuora-track-id"] = headers["zuora-track-id"]
            await _deliver(answer, fault, send)
        except ClientDisconnect:
            # The caller left before its request was complete: there is nobody to answer.
            return
        except Exception:
            # Uvicorn's own log is off; a bug of ours, or a fault that is no HTTP, shall be seen all the same.
            logger.exception("%s %s could not be answered.", scope["method"], path)
            raise
        finally:
            self._zuora.requests.left()

    def _log(self, scope: Scope, headers: dict[str, str]) -> LoggedRequest:
        authorization = headers.get("authorization")
        logged = LoggedRequest(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={name: value for name, value in headers.items() if name in HEADERS_KEPT},
            authorization=self._zuora.tokens.standing(authorization),
            token_fingerprint=fingerprint(authorization),
            client_port=scope["client"][1] if scope.get("client") else 0,
            in_flight=0,
        )
        self._zuora.requests.arrived(logged)
        return logged

    async def _answer(self, scope: Scope, receive: Receive, fault: Fault | None, logged: LoggedRequest) -> Answer:
        """Find the answer: the fault's, or a refusal by the limits, or the real one."""
        self._count += 1
        request_id = f"{self._prefix}{self._count:012x}"
        wait = self._zuora.latency_seconds + (fault.delay_seconds if fault else 0.0)
        if wait:
            await asyncio.sleep(wait)
        answer = Answer()
        limits: dict[str, str] = {}
        try:
            limits = self._zuora.limits.count(logged.in_flight)
            if fault and fault.answers:
                answer = Answer(*fault.answer())
            else:
                scope["zuora.request_id"] = request_id
                scope["zuora.authorization"] = logged.authorization
                await self._app(scope, receive, answer.send)
        except Refusal as refusal:
            answer = refused(refusal, request_id)
        answer.headers = {"zuora-request-id": request_id} | limits | answer.headers
        return answer


def refused(refusal: Refusal, request_id: str) -> Answer:
    """Make the answer to a refused request."""
    headers = {"content-type": "application/json"} | refusal.headers
    return Answer(refusal.status, headers, refusal.body(request_id))


@lru_cache(maxsize=32)
def _gzipped(body: bytes) -> bytes:
    """Compress; a long list that did not change is the same object, and found again without being read."""
    return gzip.compress(body, compresslevel=4, mtime=0)


def _compress(answer: Answer) -> None:
    if len(answer.body) <= GZIP_ABOVE_BYTES or "content-encoding" in answer.headers:
        return
    answer.body = _gzipped(answer.body)
    answer.headers["content-encoding"] = "gzip"
    answer.headers["vary"] = "Accept-Encoding"
    answer.headers.pop("content-length", None)


async def _deliver(answer: Answer, fault: Fault | None, send: Send) -> None:
    answer.headers.setdefault("content-length", str(len(answer.body)))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    cut = fault.cut_after_bytes if fault else None
    body = answer.body[:cut]
    if fault and fault.drip_seconds:
        for byte in body:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await asyncio.sleep(fault.drip_seconds)
        body = b""
    # A server closes the connection of an application that leaves before its answer is complete.
    await send({"type": "http.response.body", "body": body, "more_body": cut is not None})
