from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_zuora_testenv.zuora.answers import Document, Response
from tap_zuora_testenv.zuora.errors import Exchange, ZuoraError
from tap_zuora_testenv.zuora.rows import listed_rows, one_row

RESPONSE = Response(Exchange("GET", "/p", "rest.zuora.com"), 200, {}, b"", datetime(2026, 1, 1, tzinfo=UTC))


def document(content: dict[str, Any]) -> Document:
    return Document(content, RESPONSE)


def test_a_row_with_the_requested_id_is_the_row() -> None:
    job = {"id": "J", "testEnvironmentId": "E"}
    assert one_row(document(job), "j") == job


@pytest.mark.parametrize("environment", [{}, {"testEnvironmentId": None}, {"testEnvironmentId": "other"}], ids=str)
def test_the_environment_of_a_row_is_not_checked(environment: dict[str, Any]) -> None:
    job = {"id": "j", **environment}
    assert one_row(document(job), "j") == job
    assert listed_rows(document({"result": [job]})) == ([job], [], 0)


@pytest.mark.parametrize(
    "job",
    [
        {"id": "other", "testEnvironmentId": "e"},
        {"id": None, "testEnvironmentId": "e"},
        {"id": "", "testEnvironmentId": "e"},
        {"id": ["j"], "testEnvironmentId": "e"},
        {"testEnvironmentId": "e"},
        {"result": [{"id": "j"}]},
        {"size": 0},
    ],
)
def test_a_row_with_another_id_or_none_is_an_error(job: dict[str, Any]) -> None:
    with pytest.raises(ZuoraError, match="something other") as another:
        one_row(document(job), "j")
    assert type(another.value) is ZuoraError


@pytest.mark.parametrize("result", [None, {}, "none", 0])
def test_a_response_without_a_list_is_an_error(result: object) -> None:
    with pytest.raises(ZuoraError, match="holds no list") as none:
        listed_rows(document({"id": "e", "result": result}))
    assert type(none.value) is ZuoraError


def test_the_good_rows_of_a_list_are_kept_in_order_and_each_other_element_is_named() -> None:
    good = [{"id": "b"}, {"id": "a", "testEnvironmentId": "E"}, {"id": 7}]
    bad: list[Any] = [None, 5, [], {}, {"id": None}, {"id": True}, {"id": ["x"]}]
    listing = listed_rows(document({"result": [good[0], *bad, *good[1:]]}))
    assert listing.rows == good
    assert len(listing.errors) == len(bad)
    assert {type(error) for error in listing.errors} == {ZuoraError}
    shown = ["None", "5", "a list", "None", "None", "True", "a list"]
    for number, (error, value) in enumerate(zip(listing.errors, shown, strict=True), start=2):
        assert f"element {number} of the list, {value}, is not what" in str(error)


@pytest.mark.parametrize("rows", [[], [{"id": "j"}, {"id": "k"}]], ids=["empty", "jobs"])
def test_a_list_that_announces_another_page_is_not_whole_and_its_rows_are_kept(rows: list[dict[str, Any]]) -> None:
    listing = listed_rows(document({"result": rows, "nextPage": "https://rest.zuora.com/p?page=2"}))
    assert listing.rows == rows
    (error,) = listing.errors
    assert type(error) is ZuoraError
    assert error.exchange == RESPONSE.exchange._replace(status=200)
    assert error.reason.startswith("the list announces another page")


def test_another_page_is_an_error_beside_those_of_the_elements() -> None:
    assert len(listed_rows(document({"result": [5, {"id": "j"}], "nextPage": "p"})).errors) == 2


@pytest.mark.parametrize("next_page", [None, ""])
def test_a_next_page_without_a_value_announces_nothing(next_page: str | None) -> None:
    assert listed_rows(document({"result": [{"id": "j"}], "nextPage": next_page})).errors == []


def test_if_an_id_appears_twice_the_later_row_counts_once() -> None:
    rows = [{"id": "J", "status": "NEW"}, {"id": "k"}, {"id": "j", "status": "COMPLETED"}]
    listing = listed_rows(document({"result": rows}))
    assert (sorted(row["id"] for row in listing.rows), listing.errors) == (["j", "k"], [])


def test_the_size_next_to_a_list_means_nothing() -> None:
    assert len(listed_rows(document({"result": [{"id": "j"}], "size": 0})).rows) == 1


def test_a_size_of_zero_without_a_list_is_an_empty_list() -> None:
    assert listed_rows(document({"size": 0, "success": True})) == ([], [], 0)


@pytest.mark.parametrize("content", [{"size": 1}, {"size": "0"}, {"size": None}, {"size": 0, "result": None}], ids=str)
def test_another_size_without_a_list_is_an_error(content: dict[str, Any]) -> None:
    with pytest.raises(ZuoraError, match="holds no list"):
        listed_rows(document(content))


def test_each_error_names_the_exchange_of_the_response() -> None:
    exchange = RESPONSE.exchange._replace(status=200)
    with pytest.raises(ZuoraError) as another:
        one_row(document({"id": "other"}), "j")
    assert another.value.exchange == exchange
    assert another.value.reason == "the answer is about something other than what was asked for"
    with pytest.raises(ZuoraError) as none:
        listed_rows(document({}))
    assert none.value.exchange == exchange
    assert none.value.reason == "the answer holds no list; check that base_url is a Zuora REST host"
    (error,) = listed_rows(document({"result": [5]})).errors
    assert error.exchange == exchange


@pytest.mark.parametrize("bad", [0, 19, 20, 21, 1000])
def test_twenty_errors_are_kept_and_the_rest_is_counted(bad: int) -> None:
    listing = listed_rows(document({"result": [{"id": "a"}, *[0] * bad, {"id": "b"}], "nextPage": "p"}))
    assert [row["id"] for row in listing.rows] == ["a", "b"]
    assert (len(listing.errors), listing.more_errors) == (min(bad, 20) + 1, max(bad - 20, 0))


def test_millions_of_elements_that_are_not_rows_cost_little() -> None:
    elements: list[Any] = [0, None, "x", [1], {}] * 400_000
    began = time.process_time()
    listing = listed_rows(document({"result": elements}))
    assert (len(listing.errors), listing.more_errors) == (20, 1_999_980)
    assert time.process_time() - began < 3
    fewer = document({"result": elements[:200_000]})
    tracemalloc.start()
    listed_rows(fewer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize(
    "huge", ["x" * 50_000_000, [0] * 5_000_000, {"id": [0] * 5_000_000}, {"id": "x" * 50_000_000, "a": 1}]
)
def test_an_element_that_is_huge_is_shown_by_its_beginning(huge: object) -> None:
    rows = [huge] * 20 if not isinstance(huge, dict) or isinstance(huge["id"], list) else [[huge]] * 20
    began = time.process_time()
    listing = listed_rows(document({"result": rows}))
    assert all(len(str(error)) < 500 for error in listing.errors)
    assert time.process_time() - began < 2
