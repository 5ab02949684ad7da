"""How the emulator says no: Zuora's error shape, raised where the reason is known."""

from __future__ import annotations

import json

# The last two digits of a code are its kind (Zuora's guides); the six before them are made up.
CODE_OF_KIND = 50_000_000
NO_PERMISSION, NOT_AUTHENTICATED, BAD_REQUEST, NOT_FOUND, INTERNAL, LIMIT_EXCEEDED = 10, 11, 20, 40, 60, 70


class Refusal(Exception):
    """A request that gets an error for an answer.

    Args:
        status: The HTTP status.
        kind: The last two digits of the reason's code.
        message: The reason, for a person.
        headers: Headers that belong to the answer, such as `Retry-After`.
    """

    def __init__(self, status: int, kind: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers or {}

    def body(self, request_id: str) -> bytes:
        """Write the answer's body.

        Args:
            request_id: What `Zuora-Request-Id` says.
        """
        return json.dumps(
            {
                "success": False,
                "processId": request_id.replace("-", "")[-16:].upper(),
                "reasons": [{"code": CODE_OF_KIND + self.kind, "message": self.message}],
                "requestId": request_id,
            }
        ).encode()
