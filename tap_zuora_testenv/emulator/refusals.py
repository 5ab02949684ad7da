"""Error responses in the shape that Zuora documents, raised as exceptions where the reason is known."""

from __future__ import annotations

import json

# The last two digits of a code are its kind (Zuora's guides); the six digits before them are made up.
CODE_OF_KIND = 50_000_000
NO_PERMISSION, NOT_AUTHENTICATED, BAD_REQUEST, NOT_FOUND, WRONG_METHOD, LIMIT_EXCEEDED = 10, 11, 20, 40, 45, 70


class Refusal(Exception):
    """A request that gets an error response.

    Args:
        status: The HTTP status.
        kind: The last two digits of the reason's code.
        message: The reason, for a person.
        headers: More headers of the response, such as `Retry-After`.
    """

    def __init__(self, status: int, kind: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers or {}

    @property
    def code(self) -> int:
        """The reason's code."""
        return CODE_OF_KIND + self.kind

    def document(self, request_id: str) -> dict[str, object]:
        """Return the JSON object of the response.

        Args:
            request_id: The value of the header `Zuora-Request-Id`.
        """
        return {
            "success": False,
            "processId": request_id.replace("-", "")[-16:].upper(),
            "reasons": [{"code": self.code, "message": self.message}],
            "requestId": request_id,
        }

    def body(self, request_id: str) -> bytes:
        """Return the body of the response; see `document`."""
        return json.dumps(self.document(request_id)).encode() + b"\n"
