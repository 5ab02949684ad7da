"""OAuth tokens: issued for the right credentials, valid for real seconds whatever the emulator's clock says."""

from __future__ import annotations

import hmac
import secrets
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from tap_zuora_testenv.emulator.refusals import BAD_REQUEST, NOT_AUTHENTICATED, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEMO_CLIENT_ID = "demo-client"
DEMO_CLIENT_SECRET = "demo-secret"  # noqa: S105 - made to be known
# "Create an OAuth token": about an hour, less the second it took.
LIFETIME_SECONDS = 3599
SCOPE = "service.usage.delete service.usage.write service.usage.read user.1234567890abcdef entity.demo"

Standing = Literal["valid", "expired", "unknown", "absent"]


class Tokens:
    """The credentials that are right, and the tokens that were given for them.

    Args:
        client_id: The client id to accept.
        client_secret: Its secret.
        lifetime_seconds: How long a token lasts.
        ticks: Real seconds that never go back; a parameter so that a test need not wait.
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
        """End the life of all tokens."""
        for token in list(self._expiries):
            self._expiries[token] = self._ticks()

    def standing(self, authorization: str | None) -> Standing:
        """Tell what an Authorization header is worth."""
        if authorization is None:
            return "absent"
        scheme, _, token = authorization.partition(" ")
        expiry = self._expiries.get(token) if scheme.lower() == "bearer" else None
        if expiry is None:
            return "unknown"
        return "valid" if self._ticks() < expiry else "expired"

    def grant(self, form: Mapping[str, str]) -> dict[str, object]:
        """Answer `POST /oauth/token`.

        Args:
            form: The form's fields.

        Raises:
            Refusal: When the grant is of another type, or the credentials are wrong. Zuora documents neither body.
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
    """Shorten an Authorization header's token to something that tells tokens apart and gives none away."""
    if authorization is None:
        return None
    return sha256(authorization.rpartition(" ")[2].encode()).hexdigest()[:12]


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
