"""OAuth tokens, issued for the accepted credentials; their lifetime is in real seconds, not those of the clock."""

from __future__ import annotations

import hmac
import secrets
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NOT_AUTHENTICATED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Zuora declares a client id as 36 characters long, and its own SDK rejects others.
DEMO_CLIENT_ID = "00000000-0000-4000-8000-000000000001"
DEMO_CLIENT_SECRET = "demo-secret"  # noqa: S105 - public by design
# "Create an OAuth token": an hour, less the second that creating it takes.
LIFETIME_SECONDS = 3599
SCOPE = "service.usage.delete service.usage.write service.usage.read user.1234567890abcdef entity.demo"

TokenState = Literal["valid", "expired", "unknown", "absent"]


class Tokens:
    """The accepted credentials, and the tokens issued for them.

    Args:
        client_id: The accepted client id.
        client_secret: Its secret.
        lifetime_seconds: The lifetime of a token.
        ticks: Returns real seconds that never go back; tests pass their own.
    """

    def __init__(
        self,
        client_id: str = DEMO_CLIENT_ID,
        client_secret: str = DEMO_CLIENT_SECRET,
        lifetime_seconds: float = LIFETIME_SECONDS,
        *,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.lifetime_seconds = lifetime_seconds
        self._ticks = ticks
        self._expiries: dict[str, float] = {}

    def issue(self, token: str | None = None) -> str:
        """Make a token that is valid from now on.

        Args:
            token: The token to accept; None for a new one.
        """
        token = token or secrets.token_hex(16)
        self._expiries[token] = self._ticks() + self.lifetime_seconds
        return token

    def expire(self) -> None:
        """Let all tokens expire now."""
        for token in list(self._expiries):
            self._expiries[token] = self._ticks()

    def state(self, authorization: str | None) -> TokenState:
        """Return the state of the token in an Authorization header."""
        if authorization is None:
            return "absent"
        scheme, _, token = authorization.partition(" ")
        expiry = self._expiries.get(token) if scheme.lower() == "bearer" else None
        if expiry is None:
            return "unknown"
        return "valid" if self._ticks() < expiry else "expired"

    def grant(self, form: Mapping[str, str]) -> dict[str, object]:
        """Return the response to `POST /oauth/token`.

        Args:
            form: The fields of the form.

        Raises:
            Refusal: If the grant type or the credentials are not accepted. Zuora documents neither response.
        """
        if form.get("grant_type") != "client_credentials":
            raise Refusal(400, BAD_REQUEST, "grant_type must be client_credentials.")
        known = _same(form.get("client_id", ""), self.client_id)
        if not _same(form.get("client_secret", ""), self.client_secret) or not known:
            raise Refusal(401, NOT_AUTHENTICATED, "Invalid client credentials.")
        return {
            "access_token": self.issue(),
            "token_type": "bearer",
            "expires_in": int(self.lifetime_seconds),
            "scope": SCOPE,
            "jti": secrets.token_hex(16),
        }


def fingerprint(authorization: str | None) -> str | None:
    """Return the fingerprint of the token in an Authorization header: it identifies the token without revealing it."""
    if authorization is None:
        return None
    return sha256(authorization.rpartition(" ")[2].encode()).hexdigest()[:12]


def _same(given: str, accepted: str) -> bool:
    return hmac.compare_digest(given.encode(), accepted.encode())
