from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import Document, Response
from tap_zuora_testenv.zuora.auth import Authenticator, Token, token, used_for
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, TokenRejected, Unauthorized

if TYPE_CHECKING:
    from tests.unit.conftest import ManualClock

LONG = 10.0
REFUSAL = TokenRejected(Exchange("GET", "/p", "rest.zuora.com"), "refused")


def request() -> requests.PreparedRequest:
    return requests.Request("GET", "https://rest.zuora.com/p").prepare()


class Fetch:
    """Gives out numbered tokens."""

    def __init__(self, lifetime: float | None = 3600) -> None:
        self.lifetime = lifetime
        self.count = 0

    def __call__(self) -> Token:
        self.count += 1
        return Token(f"token-{self.count}", self.lifetime)


def header(authenticator: Authenticator) -> str:
    value = authenticator(request()).headers["Authorization"]
    assert isinstance(value, str)
    return value


# One token.


def test_no_token_is_fetched_before_a_request_needs_one(clock: ManualClock) -> None:
    fetch = Fetch()
    Authenticator(None, fetch, clock)
    assert fetch.count == 0


def test_all_requests_carry_the_same_token(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = Authenticator(None, fetch, clock)
    assert {header(authenticator) for _ in range(5)} == {"Bearer token-1"}
    assert fetch.count == 1


def test_many_threads_fetch_one_token(clock: ManualClock) -> None:
    fetch, together = Fetch(), threading.Barrier(8)
    authenticator = Authenticator(None, fetch, clock)
    headers: list[str] = []

    def ask() -> None:
        together.wait(LONG)
        headers.append(header(authenticator))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert headers == ["Bearer token-1"] * 8
    assert fetch.count == 1


def test_a_token_is_renewed_five_minutes_before_its_end(clock: ManualClock) -> None:
    authenticator = Authenticator(None, Fetch(3599), clock)
    assert header(authenticator) == "Bearer token-1"
    clock.now += 3298.9
    assert header(authenticator) == "Bearer token-1"
    clock.now += 0.1
    assert header(authenticator) == "Bearer token-2"


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [(3599, 3299), (3600, 3300), (600, 300), (599, 299.5), (60, 30), (1, 0.5)]
)
def test_a_token_with_a_short_lifetime_is_used_for_half_of_it(lifetime: float, seconds: float) -> None:
    assert used_for(lifetime) == seconds


def test_a_token_of_unknown_life_is_used_until_it_is_refused(clock: ManualClock) -> None:
    authenticator = Authenticator(None, Fetch(None), clock)
    refused = authenticator(request())
    clock.now += 1e9
    assert header(authenticator) == "Bearer token-1"
    authenticator.renew(refused, REFUSAL)
    assert header(authenticator) == "Bearer token-2"


def test_requests_refused_with_the_same_token_renew_it_once(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = Authenticator(None, fetch, clock)
    first, second = authenticator(request()), authenticator(request())
    authenticator.renew(first, REFUSAL)
    assert header(authenticator) == "Bearer token-2"
    authenticator.renew(second, REFUSAL)
    assert header(authenticator) == "Bearer token-2"
    assert fetch.count == 2


def test_a_fetch_that_fails_is_tried_again_by_the_next_request(clock: ManualClock) -> None:
    errors: list[Exception] = [Fatal(REFUSAL.exchange, "down")]

    def fetch() -> Token:
        if errors:
            raise errors.pop()
        return Token("token-1", None)

    authenticator = Authenticator(None, fetch, clock)
    with pytest.raises(Fatal, match="down"):
        header(authenticator)
    assert header(authenticator) == "Bearer token-1"


def test_a_ready_token_is_used_as_it_is_for_ever(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = Authenticator("ready", fetch, clock)
    clock.now += 1e9
    assert header(authenticator) == "Bearer ready"
    assert fetch.count == 0


def test_a_ready_token_that_is_refused_cannot_be_renewed(clock: ManualClock) -> None:
    authenticator = Authenticator("ready", Fetch(), clock)
    with pytest.raises(Unauthorized, match="`access_token` is not, or no longer, good") as refused:
        authenticator.renew(authenticator(request()), REFUSAL)
    assert refused.value.exchange == REFUSAL.exchange


# How it is read.

GOOD = {"access_token": "t0ken", "token_type": "bearer", "expires_in": 3599, "scope": "", "jti": "j"}
EXCHANGE = Exchange("POST", "/oauth/token", "rest.zuora.com")


@pytest.fixture(autouse=True)
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REDACTION, "_forms", set())
    monkeypatch.setattr(REDACTION, "_pattern", None)


def document(**content: object) -> Document:
    return Document({**GOOD, **content}, Response(EXCHANGE, 200, {}, b"", datetime(2026, 1, 1, tzinfo=UTC)))


def test_a_token_is_read_with_its_lifetime() -> None:
    assert token(document()) == Token("t0ken", 3599.0)


def test_a_token_that_was_read_is_kept_out_of_every_log() -> None:
    token(document(access_token="t0ken-t0ken"))
    assert REDACTION.redact("Bearer t0ken-t0ken") == "Bearer ***"


@pytest.mark.parametrize("lifetime", [None, "3599", 0, -1, True, 3599.5, [], pytest.param(10**400, id="vast")])
def test_a_lifetime_that_is_not_a_number_of_seconds_is_unknown(lifetime: object) -> None:
    assert token(document(expires_in=lifetime)) == Token("t0ken", None)


@pytest.mark.parametrize(
    "value", [None, "", 5, "two words", "line\nbreak", "t\u00f6ken", "\ud800", ["t"], " "], ids=ascii
)
def test_a_token_that_cannot_be_in_a_header_is_rejected_and_not_concealed(value: object) -> None:
    with pytest.raises(TokenRejected, match="the answer holds no token") as rejected:
        token(document(access_token=value))
    assert rejected.value.exchange == EXCHANGE
    assert "two words" not in str(rejected.value)
    assert REDACTION.redact("two words") == "two words"
