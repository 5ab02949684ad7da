from __future__ import annotations

import pytest

from tap_zuora_testenv.breaker import CircuitBreaker
from tap_zuora_testenv.zuora.errors import (
    Exchange,
    Fatal,
    NotFound,
    PermissionRefused,
    Transient,
    Unauthorized,
    ZuoraError,
)
from tap_zuora_testenv.zuora.look_ahead import LookAhead

EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com")
FAULT = Transient(EXCHANGE, "a transient fault")
REFUSALS = [PermissionRefused(EXCHANGE, "not allowed"), Unauthorized(EXCHANGE, "a wrong token")]


class Stop:
    """Keeps the first error that it is called with, as `ZuoraClient.stop` does."""

    def __init__(self) -> None:
        self.error: Fatal | None = None

    def __call__(self, error: Fatal) -> Fatal:
        self.error = self.error or error
        return self.error


def fail(breaker: CircuitBreaker, environment: str | None, requested: int, error: ZuoraError = FAULT) -> None:
    with breaker.watch(environment, environments=requested):
        raise error


def fail_each(breaker: CircuitBreaker, environments: list[str], requested: int, error: ZuoraError = FAULT) -> None:
    """Let one request per environment fail, without reaching the limit."""
    for environment in environments:
        with pytest.raises(type(error)) as failed:
            fail(breaker, environment, requested, error)
        assert failed.value is error


def test_ten_failures_in_a_row_from_two_environments_end_the_run() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 8 + ["b"], 2)
    with pytest.raises(Fatal, match="10 requests in a row failed, the last one: a transient fault") as ended:
        fail(breaker, "a", 2)
    assert type(ended.value) is Fatal
    assert ended.value.exchange == EXCHANGE
    assert ended.value.reason == "10 requests in a row failed, the last one: a transient fault"
    assert not ended.value.misconfigured


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_ten_refusals_in_a_row_from_two_environments_end_a_run_that_is_misconfigured(refusal: ZuoraError) -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 8 + ["b"], 2, refusal)
    with pytest.raises(Fatal, match=f"10 requests in a row failed, the last one: {refusal.reason}") as ended:
        fail(breaker, "a", 2, refusal)
    assert (type(ended.value), ended.value.exchange) == (Fatal, EXCHANGE)
    assert ended.value.misconfigured


def test_refusals_of_both_kinds_count_together() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 5, 2, REFUSALS[0])
    fail_each(breaker, ["b"] * 4, 2, REFUSALS[1])
    with pytest.raises(Fatal, match="10 requests in a row") as ended:
        fail(breaker, "a", 2, REFUSALS[0])
    assert ended.value.misconfigured


@pytest.mark.parametrize(
    ("before", "last"), [(FAULT, REFUSALS[0]), (REFUSALS[0], FAULT)], ids=["a refusal last", "a fault last"]
)
def test_a_run_is_not_misconfigured_unless_each_of_the_ten_was_refused(before: ZuoraError, last: ZuoraError) -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 8 + ["b"], 2, before)
    with pytest.raises(Fatal, match="10 requests in a row") as ended:
        fail(breaker, "a", 2, last)
    assert not ended.value.misconfigured


def test_a_fault_before_a_satisfied_request_does_not_count_among_the_refusals() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 5, 2)
    with breaker.watch("a", environments=2):
        pass
    fail_each(breaker, ["a"] * 8 + ["b"], 2, REFUSALS[0])
    with pytest.raises(Fatal, match="10 requests in a row") as ended:
        fail(breaker, "a", 2, REFUSALS[0])
    assert ended.value.misconfigured


def test_refusals_of_one_environment_among_several_do_not_end_the_run() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 30, 2, REFUSALS[0])
    with pytest.raises(Fatal, match="31 requests"):
        fail(breaker, "b", 2, REFUSALS[0])


def test_after_ten_failures_in_a_row_no_request_is_started() -> None:
    breaker, called = CircuitBreaker(Stop()), []

    def request(number: int) -> None:
        called.append(number)
        fail(breaker, str(number), 100)

    results = list(LookAhead(request, range(100), width=1, fatal=Fatal))
    assert called == list(range(10))
    assert {type(result) for _, result in results[:9]} == {Transient}
    ((end, reason),) = {(type(result), str(result)) for _, result in results[9:]}
    assert end is Fatal
    assert "10 requests in a row failed" in reason


def test_failures_of_one_environment_among_several_are_its_own_fault() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 30, 2)
    with pytest.raises(Fatal, match="31 requests"):
        fail(breaker, "b", 2)


def test_ten_failures_of_the_only_environment_end_the_run() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 9, 1)
    with pytest.raises(Fatal, match="10 requests in a row"):
        fail(breaker, "a", 1)


def test_a_failure_of_the_list_counts_like_one_of_an_environment() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a"] * 9, 2)
    with pytest.raises(Fatal, match="10 requests in a row"):
        fail(breaker, None, 2)


def test_a_satisfied_request_in_between_begins_a_new_row() -> None:
    breaker = CircuitBreaker(Stop())
    for _ in range(5):
        fail_each(breaker, ["a", "b", "c"] * 3, 3)
        with breaker.watch("a", environments=3):
            pass


def test_a_response_that_is_an_error_begins_a_new_row_too() -> None:
    breaker = CircuitBreaker(Stop())
    missing = NotFound(EXCHANGE, "Zuora does not have it")
    for _ in range(5):
        fail_each(breaker, ["a", "b", "c"] * 3, 3)
        with pytest.raises(NotFound) as failed, breaker.watch("a", environments=3):
            raise missing
        assert failed.value is missing


def test_another_exception_passes_and_does_not_count() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a", "b", "c"] * 3, 3)
    for _ in range(10):
        with pytest.raises(ValueError, match="a bug"), breaker.watch("a", environments=3):
            raise ValueError("a bug")
    with pytest.raises(Fatal, match="10 requests in a row"):
        fail(breaker, "a", 3)


def test_the_error_that_ends_the_run_stops_the_requests_in_flight_too() -> None:
    stop = Stop()
    with pytest.raises(Fatal) as ended:
        fail_each(CircuitBreaker(stop), ["a", "b"] * 5, 2)
    assert stop.error is ended.value


def test_a_request_that_was_never_sent_neither_counts_nor_begins_a_new_row() -> None:
    breaker = CircuitBreaker(Stop())
    fail_each(breaker, ["a", "b", "c"] * 3, 3)
    with pytest.raises(ZuoraError, match="not requested"), breaker.watch("d", environments=3):
        raise ZuoraError(None, "it is not requested")
    with pytest.raises(Fatal, match="10 requests in a row"):
        fail(breaker, "a", 3)
