from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import Response
from tap_zuora_testenv.zuora.auth import Authenticator, Token, token, used_for
from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    Fatal,
    TokenRejected,
    Transient,
    Unauthorized,
    ZuoraError,
)

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


def test_a_ready_token_is_used_as_it_is_forever(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = Authenticator("ready", fetch, clock)
    clock.now += 1e9
    assert header(authenticator) == "Bearer ready"
    assert fetch.count == 0


def test_a_ready_token_that_is_refused_cannot_be_renewed(clock: ManualClock) -> None:
    authenticator = Authenticator("ready", Fetch(), clock)
    with pytest.raises(Unauthorized, match="`access_token` is not valid") as refused:
        authenticator.renew(authenticator(request()), REFUSAL)
    assert refused.value.exchange == REFUSAL.exchange


# How it is read.

GOOD = {"access_token": "t0ken-t0ken", "token_type": "bearer", "expires_in": 3599, "scope": "", "jti": "j"}
EXCHANGE = Exchange("POST", "/oauth/token", "rest.zuora.com")


@pytest.fixture(autouse=True)
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REDACTION, "_forms", set())
    monkeypatch.setattr(REDACTION, "_pattern", None)


def answered(status: int, body: bytes) -> Response:
    return Response(EXCHANGE, status, {}, body, datetime(2026, 1, 1, tzinfo=UTC))


def response(**content: object) -> Response:
    return answered(200, json.dumps({**GOOD, **content}).encode())


def test_a_token_is_read_with_its_lifetime() -> None:
    assert token(response()) == Token("t0ken-t0ken", 3599.0)


def test_a_token_that_was_read_is_kept_out_of_every_log() -> None:
    token(response())
    assert REDACTION.redact("Bearer t0ken-t0ken") == "Bearer ***"


@pytest.mark.parametrize("lifetime", [None, "3599", 0, -1, True, 3599.5, [], pytest.param(10**400, id="vast")])
def test_a_lifetime_that_is_not_a_number_of_seconds_is_unknown(lifetime: object) -> None:
    assert token(response(expires_in=lifetime)) == Token("t0ken-t0ken", None)


def test_a_token_of_eight_characters_is_one() -> None:
    assert token(response(access_token="12345678")).value == "12345678"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        5,
        "two words of it",
        "line\nbreak",
        "t\u00f6ken-t\u00f6ken",
        "\ud800" * 8,
        ["t0ken-t0ken"],
        " " * 8,
        "e",
        "1234567",
    ],
    ids=ascii,
)
def test_what_cannot_be_a_token_is_refused_and_not_concealed(value: object) -> None:
    with pytest.raises(Fatal, match="no token; check that base_url is a Zuora REST host") as refused:
        token(response(access_token=value))
    assert type(refused.value) is Fatal
    assert refused.value.misconfigured
    assert refused.value.exchange == EXCHANGE._replace(status=200)
    assert "two words" not in str(refused.value)
    assert REDACTION.redact("two words of it, 1234567, e") == "two words of it, 1234567, e"


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "t0ken-t0ken", "expires_in": 35',
        b'{"access_token": "t0ken-t0ken"}\n}',
        b"access_token=t0ken-t0ken&token_type=bearer",
        b'["t0ken-t0ken"]',
        b'"t0ken-t0ken"',
        b'{"token": "t0ken-t0ken", "message": "your token is t0ken-t0ken"}',
        b'{"access_token": ["t0ken-t0ken"], "message": "t0ken-t0ken"}',
        b'{"access_token": "t0ken t0ken-t0ken", "reasons": [{"message": "t0ken-t0ken"}]}',
    ],
)
def test_a_damaged_response_that_may_hold_the_token_is_not_quoted(body: bytes) -> None:
    with pytest.raises(ZuoraError) as damaged:
        token(answered(200, body))
    assert "t0ken" not in str(damaged.value)
    assert "t0ken" not in repr(damaged.value.exchange)


REFUSAL_BODY = b'{"success": false, "reasons": [{"code": 50000020, "message": "so it is"}]}'


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"error": "invalid_client", "error_description": "so it is"}'),
        (401, b'{"message": "so it is"}'),
        (200, REFUSAL_BODY),
        (400, REFUSAL_BODY),
        (500, b'{"reasons": [{"code": 50000011, "message": "so it is"}]}'),
    ],
)
def test_credentials_that_zuora_refuses_are_blamed_with_what_zuora_says(status: int, body: bytes) -> None:
    with pytest.raises(CredentialsRefused, match=r'saying "so it is".*check client_id and client_secret') as refused:
        token(answered(status, body))
    assert refused.value.misconfigured


@pytest.mark.parametrize("status", [400, 401])
def test_a_refusal_without_a_body_may_be_zuoras(status: int) -> None:
    with pytest.raises(CredentialsRefused):
        token(answered(status, b""))


PAGE = b"<html><title>Blocked by the gateway</title></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, PAGE) for status in (302, 400, 401, 404, 405, 501, 505, 511)),
        (302, b""),
        (404, b""),
        (404, b'{"message": "no route"}'),
        (200, b'{"hello": "there"}'),
        (200, b"[]"),
        (400, b'{"code": 50000040, "message": "not found"}'),
    ],
)
def test_credentials_that_zuora_has_not_refused_are_not_blamed(status: int, body: bytes) -> None:
    with pytest.raises(Fatal, match="no token; check that base_url is a Zuora REST host") as failed:
        token(answered(status, body))
    assert type(failed.value) is Fatal
    assert failed.value.misconfigured
    assert "client_id" not in str(failed.value)


@pytest.mark.parametrize(
    ("body", "hint"), [(b"", "user needs"), (b"{}", "user needs"), (PAGE, "between here and Zuora")]
)
def test_a_permission_that_is_refused_is_not_blamed_on_the_credentials(body: bytes, hint: str) -> None:
    with pytest.raises(Fatal, match=hint) as refused:
        token(answered(403, body))
    assert type(refused.value) is Fatal
    assert refused.value.misconfigured
    assert "client_id" not in str(refused.value)


@pytest.mark.parametrize("status", [200, 408, 429, 500, 503, 520, 599])
def test_a_transient_fault_is_worth_another_attempt(status: int) -> None:
    with pytest.raises(Transient):
        token(answered(status, PAGE))
