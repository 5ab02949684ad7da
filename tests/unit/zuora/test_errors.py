from __future__ import annotations

import pytest

from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    Fatal,
    NotFound,
    PermissionRefused,
    Refused,
    TokenRejected,
    Unauthorized,
    ZuoraError,
)

EXCHANGE = Exchange("GET", "/test-environments/e", "rest.zuora.com")


@pytest.mark.parametrize(
    "kind", [ZuoraError, NotFound, TokenRejected, Fatal, CredentialsRefused, PermissionRefused, Unauthorized]
)
def test_an_error_of_a_request_that_was_never_sent_has_only_its_reason_as_text(kind: type[ZuoraError]) -> None:
    error = kind(None, "the client is closed")
    assert (str(error), error.reason, error.exchange) == ("the client is closed", "the client is closed", None)


def test_an_error_of_a_request_names_the_request_before_the_reason() -> None:
    error = ZuoraError(EXCHANGE, "it broke off")
    assert str(error) == "GET /test-environments/e at rest.zuora.com got no answer: it broke off"
    assert (error.reason, error.exchange) == ("it broke off", EXCHANGE)


def test_an_exchange_shows_everything_that_is_known_of_its_response() -> None:
    exchange = EXCHANGE._replace(status=400, request_id="R", process_id="P", track_id="T", message="why")
    ids = "Zuora-Request-Id R, processId P, Zuora-Track-Id T"
    assert str(exchange) == f'GET /test-environments/e at rest.zuora.com answered 400 ({ids}), saying "why"'


def test_a_fatal_error_is_the_configurations_fault_only_if_it_says_so() -> None:
    assert not Fatal(EXCHANGE, "it broke off").misconfigured
    assert Fatal(EXCHANGE, "an unknown issuer", misconfigured=True).misconfigured
    assert CredentialsRefused(EXCHANGE, "a wrong secret").misconfigured


@pytest.mark.parametrize("kind", [PermissionRefused, Unauthorized])
def test_a_refusal_concerns_one_request(kind: type[ZuoraError]) -> None:
    assert issubclass(kind, Refused)
    assert not issubclass(kind, Fatal)
