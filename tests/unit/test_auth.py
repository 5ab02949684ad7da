from __future__ import annotations

import json
import logging
import random
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import requests
from requests.adapters import BaseAdapter
from typing_extensions import override

from tap_zuora_testenv.auth import Token, TokenAuthenticator, TokenOperation, used_for
from tap_zuora_testenv.errors import (
    Asked,
    AuthenticationRefused,
    EndsTheRun,
    PermissionRefused,
    TokenRejected,
    TokenUnavailable,
    WaitTooLong,
)
from tap_zuora_testenv.pace import Pace
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.conftest import LeapingClock, ManualClock

LONG = 10.0
REFUSAL = TokenRejected(Asked("GET", "/p", "rest.zuora.com"), "refused")


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


def header(authenticator: TokenAuthenticator) -> str:
    value = authenticator(request()).headers["Authorization"]
    assert isinstance(value, str)
    return value


# One token.


def test_no_token_is_fetched_before_a_request_needs_one(clock: ManualClock) -> None:
    fetch = Fetch()
    TokenAuthenticator(None, fetch, clock)
    assert fetch.count == 0


def test_all_requests_carry_the_same_token(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = TokenAuthenticator(None, fetch, clock)
    assert {header(authenticator) for _ in range(5)} == {"Bearer token-1"}
    assert fetch.count == 1


def test_many_threads_fetch_one_token(clock: ManualClock) -> None:
    fetch, together = Fetch(), threading.Barrier(8)
    authenticator = TokenAuthenticator(None, fetch, clock)
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
    authenticator = TokenAuthenticator(None, Fetch(3599), clock)
    assert header(authenticator) == "Bearer token-1"
    clock.now += 3298.9
    assert header(authenticator) == "Bearer token-1"
    clock.now += 0.1
    assert header(authenticator) == "Bearer token-2"


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [(3599, 3299), (3600, 3300), (600, 300), (599, 299.5), (60, 30), (1, 0.5)]
)
def test_a_short_life_is_used_for_its_half(lifetime: float, seconds: float) -> None:
    assert used_for(lifetime) == seconds


def test_a_token_of_unknown_life_is_used_until_it_is_refused(clock: ManualClock) -> None:
    authenticator = TokenAuthenticator(None, Fetch(None), clock)
    refused = authenticator(request())
    clock.now += 1e9
    assert header(authenticator) == "Bearer token-1"
    authenticator.renew(refused, REFUSAL)
    assert header(authenticator) == "Bearer token-2"


def test_requests_refused_with_the_same_token_renew_it_once(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = TokenAuthenticator(None, fetch, clock)
    first, second = authenticator(request()), authenticator(request())
    authenticator.renew(first, REFUSAL)
    assert header(authenticator) == "Bearer token-2"
    authenticator.renew(second, REFUSAL)
    assert header(authenticator) == "Bearer token-2"
    assert fetch.count == 2


def test_a_fetch_that_fails_is_tried_again_by_the_next_request(clock: ManualClock) -> None:
    errors: list[Exception] = [TokenUnavailable(REFUSAL.asked, "down")]

    def fetch() -> Token:
        if errors:
            raise errors.pop()
        return Token("token-1", None)

    authenticator = TokenAuthenticator(None, fetch, clock)
    with pytest.raises(TokenUnavailable):
        header(authenticator)
    assert header(authenticator) == "Bearer token-1"


def test_a_ready_token_is_used_as_it_is_for_ever(clock: ManualClock) -> None:
    fetch = Fetch()
    authenticator = TokenAuthenticator("ready", fetch, clock)
    clock.now += 1e9
    assert header(authenticator) == "Bearer ready"
    assert fetch.count == 0


def test_a_ready_token_that_is_refused_ends_the_run(clock: ManualClock) -> None:
    authenticator = TokenAuthenticator("ready", Fetch(), clock)
    with pytest.raises(AuthenticationRefused, match="`access_token` is not, or no longer, good"):
        authenticator.renew(authenticator(request()), REFUSAL)


# How it is fetched.


class Zuora(BaseAdapter):
    """Answers requests from a list, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, object, dict[str, str]] | Exception] = []
        self.requests: list[requests.PreparedRequest] = []

    def answer(self, status: int, body: object, **headers: str) -> None:
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    @override
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body, headers = answer
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()  # noqa: SLF001 - no other way
        response.headers.update(headers)
        response.request, response.url = request, str(request.url)
        return response

    @override
    def close(self) -> None:
        pass


@pytest.fixture
def zuora() -> Zuora:
    return Zuora()


@pytest.fixture
def pace(leaping: LeapingClock) -> Pace:
    return Pace(8, leaping, logging.getLogger("test-auth"))


@pytest.fixture
def operation(zuora: Zuora, pace: Pace, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenOperation]:
    monkeypatch.setattr(REDACTION, "_forms", set())
    monkeypatch.setattr(REDACTION, "_pattern", None)
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    with requests.Session() as session:
        session.mount("https://", zuora)
        config = {"client_id": "me", "client_secret": "a b&c=d", "request_timeout": 5, "max_attempts": 3}
        yield TokenOperation(session, "https://rest.zuora.com", config, {"User-Agent": "test", "Accept": "x"}, pace)


GOOD = {"access_token": "t0ken", "token_type": "bearer", "expires_in": 3599, "scope": "", "jti": "j"}


def test_a_token_is_asked_for_as_zuora_documents_it(operation: TokenOperation, zuora: Zuora) -> None:
    zuora.answer(200, GOOD)
    assert operation.fetch() == Token("t0ken", 3599.0)
    (asked,) = zuora.requests
    assert (asked.method, asked.url) == ("POST", "https://rest.zuora.com/oauth/token")
    assert parse_qs(str(asked.body)) == {
        "client_id": ["me"],
        "client_secret": ["a b&c=d"],
        "grant_type": ["client_credentials"],
    }
    assert asked.headers["User-Agent"] == "test"
    assert "Authorization" not in asked.headers


def test_a_token_is_kept_out_of_all_that_is_said(operation: TokenOperation, zuora: Zuora) -> None:
    zuora.answer(200, GOOD)
    operation.fetch()
    assert REDACTION.redact("Bearer t0ken") == "Bearer ***"


@pytest.mark.parametrize("lifetime", [None, "3599", 0, -1, True, 3599.5, [], pytest.param(10**400, id="vast")])
def test_a_life_that_is_no_number_of_seconds_is_unknown(
    operation: TokenOperation, zuora: Zuora, lifetime: object
) -> None:
    zuora.answer(200, {**GOOD, "expires_in": lifetime})
    assert operation.fetch() == Token("t0ken", None)


@pytest.mark.parametrize("token", [None, "", 5, "two words", "line\nbreak", "t\u00f6ken", "\ud800", ["t"]], ids=ascii)
def test_a_token_that_cannot_stand_in_a_header_is_none(operation: TokenOperation, zuora: Zuora, token: object) -> None:
    zuora.answer(200, {**GOOD, "access_token": token})
    with pytest.raises(AuthenticationRefused, match="no token") as refused:
        operation.fetch()
    assert "two words" not in str(refused.value)


@pytest.mark.parametrize("status", [400, 401])
def test_bad_credentials_end_the_run_with_what_to_check(
    operation: TokenOperation, zuora: Zuora, pace: Pace, status: int
) -> None:
    zuora.answer(status, {"message": "Invalid client id", "code": "invalid_client"})
    with pytest.raises(AuthenticationRefused, match=r'saying "Invalid client id".*check client_id and client_secret'):
        operation.fetch()
    assert len(zuora.requests) == 1
    with pytest.raises(AuthenticationRefused), pace.request():
        pass


def test_a_refusal_that_repeats_the_secret_is_told_without_it(operation: TokenOperation, zuora: Zuora) -> None:
    REDACTION.conceal(["a b&c=d"])
    zuora.answer(401, {"message": "wrong: a b&c=d, client_secret=a+b%26c%3Dd"})
    with pytest.raises(AuthenticationRefused, match="wrong: ") as refused:
        operation.fetch()
    assert "a b" not in str(refused.value)
    assert "a+b" not in str(refused.value)


def test_a_missing_permission_is_told_as_such(operation: TokenOperation, zuora: Zuora) -> None:
    zuora.answer(403, b"")
    with pytest.raises(PermissionRefused):
        operation.fetch()


def test_a_passing_fault_is_tried_again(operation: TokenOperation, zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answers += [(502, b"", {}), requests.ConnectionError("reset")]
    zuora.answer(200, GOOD)
    assert operation.fetch() == Token("t0ken", 3599.0)
    assert leaping.waited == [1, 2]


def test_a_limit_on_tokens_makes_all_wait(operation: TokenOperation, zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answer(429, b"", retry_after="30")
    zuora.answer(200, GOOD)
    assert operation.fetch() == Token("t0ken", 3599.0)
    assert leaping.waited == [30]


@pytest.mark.parametrize("answer", [(500, b"", {}), (200, b"<html>", {}), requests.ConnectionError("reset")], ids=str)
def test_when_the_attempts_are_used_up_the_run_ends(
    operation: TokenOperation, zuora: Zuora, pace: Pace, answer: Any
) -> None:
    zuora.answers = [answer] * 3
    with pytest.raises(TokenUnavailable):
        operation.fetch()
    assert zuora.answers == []
    with pytest.raises(EndsTheRun), pace.request():
        pass


def test_a_wait_of_more_than_ten_minutes_ends_the_run(operation: TokenOperation, zuora: Zuora) -> None:
    zuora.answer(429, b"", retry_after="3600")
    with pytest.raises(WaitTooLong, match="3,600 s"):
        operation.fetch()
