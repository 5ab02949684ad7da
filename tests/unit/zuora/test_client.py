from __future__ import annotations

import json
import logging
import random
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import requests
from requests.adapters import BaseAdapter
from typing_extensions import override

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora import ClientOptions, Fatal, NotFound, Transient, ZuoraClient
from tap_zuora_testenv.zuora import transport as transport_module
from tap_zuora_testenv.zuora.errors import CredentialsRefused, Exchange, PermissionRefused, Unauthorized, ZuoraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.conftest import LeapingClock

    Call = Callable[[ZuoraClient], object]

GOOD = {"access_token": "t0ken-t0ken", "token_type": "bearer", "expires_in": 3599, "scope": "", "jti": "j"}
OPTIONS: dict[str, Any] = {
    "base_url": "https://rest.zuora.com",
    "client_id": "me",
    "client_secret": "a b&c=d",
    "user_agent": "test",
    "request_timeout": 5,
    "max_attempts": 3,
}
LONG = 10.0
TOKEN = "/oauth/token"
ENVIRONMENTS = "/test-environments"


class Zuora(BaseAdapter):
    """Answers requests from a list, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, object, dict[str, str]] | Exception] = []
        self.requests: list[requests.PreparedRequest] = []
        # The client sends the same prepared request with another token.
        self.authorizations: list[str | None] = []
        self.closings = 0
        self.opened_early: list[tuple[int, float]] = []
        self.answered = threading.Semaphore(0)

    def open_early(self, count: int, timeout: float) -> None:
        self.opened_early.append((count, timeout))

    def answer(self, status: int, body: object, **headers: str) -> None:
        self.answers.append((status, body, {name.replace("_", "-"): value for name, value in headers.items()}))

    @override
    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body, headers = answer
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()  # noqa: SLF001 - no other way
        response.headers.update(headers)
        response.request, response.url = request, str(request.url)
        self.answered.release()
        return response

    @override
    def close(self) -> None:
        self.closings += 1

    @property
    def sent(self) -> list[str]:
        return [
            f"{request.method} {str(request.url).removeprefix('https://rest.zuora.com')}" for request in self.requests
        ]


@pytest.fixture(autouse=True)
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REDACTION, "_forms", set())
    monkeypatch.setattr(REDACTION, "_pattern", None)


@pytest.fixture(autouse=True)
def longest_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)


@pytest.fixture
def zuora(monkeypatch: pytest.MonkeyPatch) -> Zuora:
    adapter = Zuora()
    monkeypatch.setattr(transport_module, "Adapter", lambda **_: adapter)
    return adapter


def make(leaping: LeapingClock, **options: object) -> ZuoraClient:
    return ZuoraClient(ClientOptions(**OPTIONS | options), clock=leaping, logger=logging.getLogger("test-client"))


@pytest.fixture
def client(zuora: Zuora, leaping: LeapingClock) -> Iterator[ZuoraClient]:
    """A client that fetches its token."""
    del zuora
    with make(leaping) as client:
        yield client


@pytest.fixture
def ready(zuora: Zuora, leaping: LeapingClock) -> Iterator[ZuoraClient]:
    """A client with a ready-made token."""
    del zuora
    with make(leaping, client_id=None, client_secret=None, access_token="ready") as client:
        yield client


def assert_stopped_by(error: Fatal, client: ZuoraClient, zuora: Zuora) -> None:
    """Assert that each call raises the error, and that none sends anything."""
    sent = len(zuora.requests)
    calls: list[Call] = [
        ZuoraClient.environments,
        lambda client: client.environment("e"),
        lambda client: client.jobs("e"),
        lambda client: client.job("e", "j"),
    ]
    for call in calls:
        with pytest.raises(Fatal) as later:
            call(client)
        assert later.value is error
    assert len(zuora.requests) == sent


# The options.


@pytest.mark.parametrize("given_url", ["https://rest.zuora.com", "https://rest.zuora.com/", "https://rest.zuora.com//"])
def test_a_trailing_slash_is_tolerated(given_url: str) -> None:
    assert ClientOptions.from_config({"base_url": given_url}, user_agent="x").base_url == "https://rest.zuora.com"


def test_nothing_but_slashes_is_removed_from_the_end_of_a_url() -> None:
    config = {"base_url": "https://gateway.example/ZUORA-X//"}
    assert ClientOptions.from_config(config, user_agent="x").base_url == "https://gateway.example/ZUORA-X"


def test_the_options_are_the_settings_of_the_same_names() -> None:
    settings: dict[str, Any] = {
        "base_url": "https://rest.zuora.com",
        "client_id": "me",
        "client_secret": "secret",
        "access_token": "t0ken-t0ken",
        "entity_id": "entity",
        "track_id": "track",
        "user_agent": "mine",
        "max_parallel_requests": 3,
        "request_timeout": 4,
        "max_attempts": 5,
    }
    config = {**settings, "test_environments": ["e"], "on_missing": "warn"}
    assert ClientOptions.from_config(config, user_agent="default") == ClientOptions(**settings)


@pytest.mark.parametrize("config", [{}, {"user_agent": None, "client_id": None, "max_attempts": None}])
def test_an_option_that_is_not_set_has_its_default(config: dict[str, None]) -> None:
    base_url = "https://rest.zuora.com"
    options = ClientOptions.from_config({"base_url": base_url, **config}, user_agent="default")
    assert options == ClientOptions(base_url=base_url, user_agent="default")


# How a token is fetched.


def test_a_token_is_requested_as_zuora_documents_it(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(200, GOOD)
    zuora.answer(200, {"result": []})
    client.environments()
    token_request, request = zuora.requests
    assert (token_request.method, token_request.url) == ("POST", "https://rest.zuora.com/oauth/token")
    assert parse_qs(str(token_request.body)) == {
        "client_id": ["me"],
        "client_secret": ["a b&c=d"],
        "grant_type": ["client_credentials"],
    }
    assert token_request.headers["User-Agent"] == "test"
    assert "Authorization" not in token_request.headers
    assert request.headers["Authorization"] == "Bearer t0ken-t0ken"


def test_no_token_is_fetched_before_a_request_needs_one(client: ZuoraClient, zuora: Zuora) -> None:
    del client
    assert zuora.requests == []


def test_a_token_is_fetched_again_five_minutes_before_its_end(
    client: ZuoraClient, zuora: Zuora, leaping: LeapingClock
) -> None:
    zuora.answers = [(200, GOOD, {}), *[(200, {"result": []}, {})] * 2]
    client.environments()
    leaping.now += 3298.9
    client.environments()
    zuora.answers = [(200, GOOD, {}), (200, {"result": []}, {})]
    leaping.now += 0.1
    client.environments()
    assert zuora.sent == [f"POST {TOKEN}", *[f"GET {ENVIRONMENTS}"] * 2, f"POST {TOKEN}", f"GET {ENVIRONMENTS}"]


def test_a_new_token_does_not_change_the_header_of_an_earlier_request(
    client: ZuoraClient, zuora: Zuora, leaping: LeapingClock
) -> None:
    new = {**GOOD, "access_token": "n3w-t0ken"}
    zuora.answers = [(200, GOOD, {}), (200, {"result": []}, {}), (200, new, {}), (200, {"result": []}, {})]
    client.environments()
    leaping.now += 3600
    client.environments()
    headers = [request.headers.get("Authorization") for request in zuora.requests]
    assert headers == [None, "Bearer t0ken-t0ken", None, "Bearer n3w-t0ken"]


def test_a_fetched_token_is_kept_out_of_every_log(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(200, {**GOOD, "access_token": "t0ken-t0ken"})
    zuora.answer(200, {"result": []})
    client.environments()
    assert REDACTION.redact("Bearer t0ken-t0ken") == "Bearer ***"


@pytest.mark.parametrize("lifetime", [None, "3599", 0, -1, True, 3599.5, [], pytest.param(10**400, id="vast")])
def test_a_token_of_unknown_lifetime_is_not_fetched_again(
    client: ZuoraClient, zuora: Zuora, leaping: LeapingClock, lifetime: object
) -> None:
    zuora.answer(200, {**GOOD, "expires_in": lifetime})
    zuora.answers += [(200, {"result": []}, {})] * 2
    client.environments()
    leaping.now += 1e9
    client.environments()
    assert zuora.authorizations == [None, "Bearer t0ken-t0ken", "Bearer t0ken-t0ken"]


def test_a_token_that_cannot_be_in_a_header_is_refused(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(200, {**GOOD, "access_token": "two words of it"})
    with pytest.raises(Fatal, match="no token") as refused:
        client.environments()
    assert "two words" not in str(refused.value)
    assert_stopped_by(refused.value, client, zuora)


def test_no_attempt_for_a_token_quotes_a_damaged_response(
    client: ZuoraClient, zuora: Zuora, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    zuora.answers = [(200, json.dumps(GOOD).encode()[:-2], {})] * 3
    with pytest.raises(Fatal, match="is not JSON") as damaged:
        client.environments()
    assert not damaged.value.misconfigured
    assert "t0ken" not in str(damaged.value) + caplog.text


@pytest.mark.parametrize("status", [400, 401])
def test_bad_credentials_end_the_run_with_what_to_check(client: ZuoraClient, zuora: Zuora, status: int) -> None:
    zuora.answer(status, {"message": "Invalid client id", "code": "invalid_client"})
    with pytest.raises(
        CredentialsRefused, match=r'saying "Invalid client id".*check client_id and client_secret'
    ) as refused:
        client.environments()
    assert len(zuora.requests) == 1
    assert refused.value.misconfigured
    assert_stopped_by(refused.value, client, zuora)


def test_a_refusal_that_repeats_the_secret_is_reported_without_it(client: ZuoraClient, zuora: Zuora) -> None:
    REDACTION.conceal(["a b&c=d e"])
    zuora.answer(401, {"message": "wrong: a b&c=d e, client_secret=a+b%26c%3Dd+e"})
    with pytest.raises(CredentialsRefused, match="wrong: ") as refused:
        client.environments()
    assert "a b" not in str(refused.value)
    assert "a+b" not in str(refused.value)


def test_a_token_endpoint_that_refuses_the_permission_is_reported_as_such(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(403, b"")
    with pytest.raises(Fatal, match="may not read this") as ended:
        client.environments()
    # The credentials are not blamed.
    assert (type(ended.value), ended.value.misconfigured) == (Fatal, True)
    assert ended.value.exchange is not None
    assert (ended.value.exchange.path, ended.value.exchange.status) == (TOKEN, 403)
    assert_stopped_by(ended.value, client, zuora)


def test_a_transient_fault_of_the_token_endpoint_is_retried(
    client: ZuoraClient, zuora: Zuora, leaping: LeapingClock
) -> None:
    zuora.answers += [(502, b"", {}), requests.ConnectionError("reset")]
    zuora.answer(200, GOOD)
    zuora.answer(200, {"result": []})
    client.environments()
    assert zuora.authorizations == [None, None, None, "Bearer t0ken-t0ken"]
    assert leaping.waited == [1, 2]


def test_a_limit_on_tokens_makes_all_wait(client: ZuoraClient, zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answer(429, b"", retry_after="30")
    zuora.answer(200, GOOD)
    zuora.answer(200, {"result": []})
    client.environments()
    assert zuora.authorizations == [None, None, "Bearer t0ken-t0ken"]
    assert leaping.waited == [30]


@pytest.mark.parametrize("answer", [(500, b"", {}), (200, b"<html>", {}), requests.ConnectionError("reset")], ids=str)
def test_when_the_attempts_for_a_token_are_used_up_the_run_ends(client: ZuoraClient, zuora: Zuora, answer: Any) -> None:
    zuora.answers = [answer] * 3
    with pytest.raises(Fatal) as ended:
        client.environments()
    # Neither the credentials nor the permission are blamed.
    assert (type(ended.value), ended.value.misconfigured) == (Fatal, False)
    assert ended.value.exchange is not None
    assert ended.value.exchange.path == TOKEN
    assert zuora.answers == []
    assert_stopped_by(ended.value, client, zuora)


def test_a_token_that_cannot_be_requested_ends_the_run(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answers = [requests.exceptions.InvalidURL("Sesame")]
    with pytest.raises(Fatal, match="it could not be sent") as ended:
        client.environments()
    assert (type(ended.value), ended.value.misconfigured) == (Fatal, True)
    assert "client_id" not in str(ended.value)
    assert_stopped_by(ended.value, client, zuora)


def test_a_wait_of_more_than_ten_minutes_for_a_token_ends_the_run(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(429, b"", retry_after="3600")
    with pytest.raises(Fatal, match="3,600 s") as ended:
        client.environments()
    assert type(ended.value) is Fatal
    assert_stopped_by(ended.value, client, zuora)


# What starts before the first request.


def wait_for_token_thread() -> None:
    for thread in threading.enumerate():
        if thread.name == "token":
            thread.join(LONG)
            assert not thread.is_alive()


@pytest.mark.parametrize(("requests", "opened"), [(1, 1), (5, 5), (8, 8), (9, 8), (200, 8)])
def test_a_client_that_starts_fetches_the_token_and_opens_as_many_connections_as_are_needed(
    client: ZuoraClient, zuora: Zuora, requests: int, opened: int
) -> None:
    zuora.answer(200, GOOD)
    client.start(requests)
    assert zuora.answered.acquire(timeout=LONG)
    wait_for_token_thread()
    assert zuora.sent == [f"POST {TOKEN}"]
    assert zuora.opened_early == [(opened, 5)]
    zuora.answer(200, {"result": []})
    client.environments()
    assert zuora.authorizations == [None, "Bearer t0ken-t0ken"]


def test_a_client_starts_once(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(200, GOOD)
    for _ in range(3):
        client.start(2)
        wait_for_token_thread()
    assert (zuora.sent, len(zuora.opened_early)) == ([f"POST {TOKEN}"], 1)


def test_a_client_with_a_ready_token_only_opens_connections(ready: ZuoraClient, zuora: Zuora) -> None:
    ready.start(2)
    wait_for_token_thread()
    assert (zuora.sent, zuora.opened_early) == ([], [(2, 5)])


def test_a_token_that_is_refused_at_the_start_is_the_error_of_each_request(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(401, {"message": "Invalid client id"})
    client.start(1)
    wait_for_token_thread()
    with pytest.raises(CredentialsRefused) as refused:
        client.environments()
    assert_stopped_by(refused.value, client, zuora)
    assert zuora.sent == [f"POST {TOKEN}"]


def test_a_bug_at_the_start_is_that_of_the_first_request(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answers = [ZeroDivisionError(), ZeroDivisionError()]
    client.start(1)
    wait_for_token_thread()
    with pytest.raises(ZeroDivisionError):
        client.environments()


def test_without_a_thread_the_first_request_fetches_the_token(
    client: ZuoraClient, zuora: Zuora, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoThread(threading.Thread):
        @override
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tap_zuora_testenv.zuora.client.threading.Thread", NoThread)
    client.start(1)
    zuora.answers = [(200, GOOD, {}), (200, {"result": []}, {})]
    assert client.environments() == ([], [], 0)


# The four operations.


@pytest.mark.parametrize(
    ("call", "path", "answer"),
    [
        (ZuoraClient.environments, "", {"result": [{"id": "e"}]}),
        (lambda client: client.environment("e"), "/e", {"id": "e"}),
        (lambda client: client.jobs("e"), "/e/jobs", {"result": [{"id": "j"}]}),
        (lambda client: client.job("e", "j"), "/e/jobs/j", {"id": "j", "testEnvironmentId": "e"}),
    ],
    ids=["environments", "environment", "jobs", "job"],
)
def test_each_operation_is_one_request(
    ready: ZuoraClient, zuora: Zuora, call: Call, path: str, answer: dict[str, Any]
) -> None:
    zuora.answer(200, answer)
    assert call(ready) == ((answer["result"], [], 0) if "result" in answer else answer)
    assert zuora.sent == [f"GET {ENVIRONMENTS}{path}"]
    assert zuora.authorizations == ["Bearer ready"]


def test_each_request_has_the_headers_of_the_options(zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answers = [(200, GOOD, {}), (200, {"result": []}, {})]
    with make(leaping, track_id="T", entity_id="E") as client:
        client.environments()
    for request in zuora.requests:
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Accept-Encoding"] == "gzip"
        assert request.headers["User-Agent"] == "test"
        assert request.headers["Zuora-Track-Id"] == "T"
    assert [request.headers.get("Zuora-Entity-Ids") for request in zuora.requests] == [None, "E"]


def test_a_header_of_an_option_that_is_not_set_is_not_sent(ready: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(200, {"result": []})
    ready.environments()
    assert not {"Zuora-Track-Id", "Zuora-Entity-Ids"} & zuora.requests[0].headers.keys()


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda client: client.environment("e"), {"id": "other"}),
        (lambda client: client.job("e", "j"), {"id": "other", "testEnvironmentId": "e"}),
    ],
    ids=["environment", "job"],
)
def test_a_row_other_than_the_requested_one_is_an_error(
    ready: ZuoraClient, zuora: Zuora, call: Call, answer: dict[str, Any]
) -> None:
    zuora.answer(200, answer)
    with pytest.raises(ZuoraError, match="something other") as another:
        call(ready)
    assert type(another.value) is ZuoraError


def test_a_job_of_another_environment_is_returned_as_zuora_sent_it(ready: ZuoraClient, zuora: Zuora) -> None:
    jobs = [{"id": "j", "testEnvironmentId": "e"}, {"id": "k", "testEnvironmentId": "other"}]
    zuora.answers = [(200, {"result": jobs}, {}), (200, jobs[1], {})]
    assert ready.jobs("e") == (jobs, [], 0)
    assert ready.job("e", "k") == jobs[1]


def test_a_row_of_a_list_without_an_id_is_an_error_beside_the_rows(ready: ZuoraClient, zuora: Zuora) -> None:
    jobs: list[dict[str, Any]] = [{"id": "j"}, {"id": None}]
    zuora.answer(200, {"result": jobs})
    listing = ready.jobs("e")
    assert listing.rows == jobs[:1]
    (error,) = listing.errors
    assert "element 2 of the list, None," in str(error)


BAD_IDS = ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "A\u00e9", "x" * 129]


@pytest.mark.parametrize("bad", BAD_IDS, ids=ascii)
@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda client, bad: client.environment(bad), "/test-environments/{}"),
        (lambda client, bad: client.jobs(bad), "/test-environments/{}/jobs"),
        (lambda client, bad: client.job(bad, "j"), "/test-environments/{}/jobs/j"),
        (lambda client, bad: client.job("e", bad), "/test-environments/e/jobs/{}"),
    ],
    ids=["environment", "jobs", "environment of a job", "job"],
)
def test_an_id_that_may_not_be_in_a_path_is_not_requested_and_the_error_names_it_as_given(
    client: ZuoraClient, zuora: Zuora, call: Callable[[ZuoraClient, str], object], path: str, bad: str
) -> None:
    with pytest.raises(ZuoraError) as refused:
        call(client, bad)
    error = refused.value
    assert (type(error), error.exchange) == (ZuoraError, None)
    assert str(error) == error.reason
    assert error.reason.startswith(f"{path.format(bad)!r} is not requested: ")
    # Not even a token.
    assert zuora.requests == []


def test_an_id_that_is_not_requested_does_not_stop_the_client(ready: ZuoraClient, zuora: Zuora) -> None:
    with pytest.raises(ZuoraError):
        ready.jobs("..")
    zuora.answer(200, {"result": []})
    assert ready.jobs("e") == ([], [], 0)


def test_an_answer_that_takes_longer_to_read_than_the_time_of_its_request_is_late(
    ready: ZuoraClient, zuora: Zuora, monkeypatch: pytest.MonkeyPatch
) -> None:
    zuora.answers = [(200, {"id": "e"}, {})] * 3
    # The client's clock is an hour ahead of that of the transport.
    ahead = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600)
    monkeypatch.setattr("tap_zuora_testenv.zuora.client.time", ahead)
    with pytest.raises(Transient, match="no whole answer within request_timeout"):
        ready.environment("e")
    assert zuora.answers == []


# Attempts.


def test_a_transient_fault_is_retried_and_logged_only_at_debug(
    ready: ZuoraClient, zuora: Zuora, leaping: LeapingClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    zuora.answers = [(502, b"", {}), requests.ConnectionError("reset"), (200, {"id": "e"}, {})]
    assert ready.environment("e") == {"id": "e"}
    assert leaping.waited == [1, 2]
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert caplog.messages[0].startswith(f"Attempt 1 failed: GET {ENVIRONMENTS}/e at rest.zuora.com answered 502")
    assert caplog.messages[1].startswith(f"Attempt 2 failed: GET {ENVIRONMENTS}/e at rest.zuora.com got no answer")


def test_a_request_that_used_up_its_attempts_does_not_stop_the_client(ready: ZuoraClient, zuora: Zuora) -> None:
    zuora.answers = [*[(500, b"", {})] * 3, (200, {"id": "e"}, {})]
    with pytest.raises(Transient) as failed:
        ready.environment("e")
    assert failed.value.exchange == Exchange("GET", f"{ENVIRONMENTS}/e", "rest.zuora.com", 500)
    assert ready.environment("e") == {"id": "e"}


def test_each_request_starts_again_with_the_shortest_wait(
    ready: ZuoraClient, zuora: Zuora, leaping: LeapingClock
) -> None:
    zuora.answers = [(500, b"", {})] * 6
    for environment in ("e", "f"):
        with pytest.raises(Transient):
            ready.environment(environment)
    assert leaping.waited == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (400, ZuoraError), (302, ZuoraError), (403, PermissionRefused)]
)
def test_another_error_is_not_retried_and_does_not_stop_the_client(
    ready: ZuoraClient, zuora: Zuora, status: int, kind: type[ZuoraError]
) -> None:
    zuora.answers = [(status, b"", {}), (200, {"id": "e"}, {})]
    with pytest.raises(ZuoraError) as failed:
        ready.environment("e")
    assert type(failed.value) is kind
    assert ready.environment("e") == {"id": "e"}


def test_a_limit_makes_all_wait(ready: ZuoraClient, zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answer(429, b"", retry_after="30")
    zuora.answer(200, {"id": "e"})
    assert ready.environment("e") == {"id": "e"}
    assert leaping.waited == [30]


def test_a_refused_token_is_replaced_once_and_that_is_not_an_attempt(zuora: Zuora, leaping: LeapingClock) -> None:
    new = {**GOOD, "access_token": "n3w-t0ken"}
    zuora.answers = [(200, GOOD, {}), (401, b"", {}), (200, new, {}), (200, {"id": "e"}, {})]
    with make(leaping, max_attempts=1) as client:
        assert client.environment("e") == {"id": "e"}
    assert zuora.authorizations == [None, "Bearer t0ken-t0ken", None, "Bearer n3w-t0ken"]


def test_if_a_new_token_is_refused_too_only_that_request_fails(client: ZuoraClient, zuora: Zuora) -> None:
    zuora.answers = [(200, GOOD, {}), (401, b"", {})] * 2
    with pytest.raises(Unauthorized, match="a new token did not help") as refused:
        client.environment("e")
    assert refused.value.exchange == Exchange("GET", f"{ENVIRONMENTS}/e", "rest.zuora.com", 401)
    assert zuora.answers == []
    zuora.answer(200, {"id": "f"})
    assert client.environment("f") == {"id": "f"}


def test_if_a_ready_token_is_refused_only_that_request_fails(ready: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(401, b"")
    with pytest.raises(Unauthorized, match="`access_token` is not valid"):
        ready.environments()
    assert zuora.answers == []
    zuora.answer(200, {"id": "f"})
    assert ready.environment("f") == {"id": "f"}


def test_a_permission_that_is_refused_concerns_the_one_request(ready: ZuoraClient, zuora: Zuora) -> None:
    zuora.answers = [(403, b"", {}), (200, {"id": "f"}, {})]
    with pytest.raises(PermissionRefused):
        ready.environment("e")
    assert ready.environment("f") == {"id": "f"}


@pytest.mark.parametrize(
    "answer",
    [
        (429, b"", {"Retry-After": "601"}),
        requests.exceptions.ProxyError("Tunnel connection failed: 407 Proxy Authentication Required"),
    ],
    ids=["wait", "proxy"],
)
def test_after_a_fatal_error_every_call_raises_the_same_one(ready: ZuoraClient, zuora: Zuora, answer: Any) -> None:
    zuora.answers = [answer]
    with pytest.raises(Fatal) as ended:
        ready.job("e", "j")
    assert type(ended.value) is Fatal
    assert_stopped_by(ended.value, ready, zuora)


# The end.


def test_a_closed_client_lets_no_more_requests_start(zuora: Zuora, leaping: LeapingClock) -> None:
    zuora.answers = [(200, GOOD, {}), (200, {"result": []}, {})]
    with make(leaping) as client:
        client.environments()
        assert zuora.closings == 0
    assert zuora.closings == 1
    with pytest.raises(Fatal) as closed:
        client.environments()
    assert (str(closed.value), closed.value.exchange) == ("the client is closed", None)
    assert type(closed.value) is Fatal
    assert_stopped_by(closed.value, client, zuora)


def test_a_client_that_is_closed_before_its_first_request_fetches_no_token(client: ZuoraClient, zuora: Zuora) -> None:
    client.close()
    with pytest.raises(Fatal, match="the client is closed"):
        client.environments()
    assert zuora.requests == []


def test_a_client_that_is_closed_after_a_fatal_error_still_raises_that_error(ready: ZuoraClient, zuora: Zuora) -> None:
    zuora.answer(429, b"", retry_after="601")
    with pytest.raises(Fatal, match="601 s") as ended:
        ready.environments()
    ready.close()
    assert_stopped_by(ended.value, ready, zuora)
