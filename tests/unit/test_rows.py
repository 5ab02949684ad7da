from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.answers import Answer
from tap_zuora_testenv.errors import Asked, Unusable
from tap_zuora_testenv.rows import identity, is_plain_segment, listed_rows, one_row, same

ANSWER = Answer(Asked("GET", "/p", "rest.zuora.com"), 200, {}, b"", datetime(2026, 1, 1, tzinfo=UTC))


def answered() -> Answer:
    return ANSWER


def test_a_job_that_is_the_one_asked_for_is_the_row() -> None:
    job = {"id": "J", "testEnvironmentId": "E"}
    assert one_row(job, answered, id="j", testEnvironmentId="e").rows == [job]


@pytest.mark.parametrize("job", [{"id": "j"}, {"id": "j", "testEnvironmentId": None}])
def test_a_job_without_its_environment_is_taken_for_the_one_asked_for(job: dict[str, Any]) -> None:
    assert one_row(job, answered, id="j", testEnvironmentId="e").rows == [job]


@pytest.mark.parametrize(
    "job",
    [
        {"id": "other", "testEnvironmentId": "e"},
        {"id": "j", "testEnvironmentId": "other"},
        {"id": None, "testEnvironmentId": "e"},
        {"id": "", "testEnvironmentId": "e"},
        {"id": ["j"], "testEnvironmentId": "e"},
        {"testEnvironmentId": "e"},
        {"result": [{"id": "j"}]},
    ],
)
def test_another_job_than_the_one_asked_for_is_unusable(job: dict[str, Any]) -> None:
    with pytest.raises(Unusable, match="something else"):
        one_row(job, answered, id="j", testEnvironmentId="e")


@pytest.mark.parametrize("result", [None, {}, "none", 0])
def test_an_answer_without_a_list_is_unusable(result: object) -> None:
    with pytest.raises(Unusable, match="holds no list"):
        listed_rows({"id": "e", "result": result}, answered)


def test_the_good_rows_of_a_list_are_kept_in_order_and_each_stranger_is_named() -> None:
    good = [{"id": "b"}, {"id": "a", "testEnvironmentId": "E"}, {"id": 7}]
    bad: list[Any] = [None, 5, [], {}, {"id": None}, {"id": True}, {"id": "x", "testEnvironmentId": "other"}]
    told = listed_rows({"result": [good[0], *bad, *good[1:]]}, answered, testEnvironmentId="e")
    assert told.rows == good
    assert len(told.strangers) == len(bad)
    assert "element 8 of the list, 'x'," in str(told.strangers[-1])


def test_of_an_id_that_stands_twice_the_later_row_counts_once() -> None:
    rows = [{"id": "J", "status": "NEW"}, {"id": "k"}, {"id": "j", "status": "COMPLETED"}]
    told = listed_rows({"result": rows}, answered)
    assert (sorted(row["id"] for row in told.rows), told.strangers) == (["j", "k"], [])


def test_the_size_beside_a_list_asserts_nothing() -> None:
    assert len(listed_rows({"result": [{"id": "j"}], "size": 0}, answered).rows) == 1


@pytest.mark.parametrize(
    ("value", "identified"), [("A", "a"), (7, "7"), ("", None), (True, None), (1.5, None), ([], None)]
)
def test_an_id_is_compared_without_case_and_must_be_text_or_a_number(value: object, identified: str | None) -> None:
    assert identity({"id": value}) == identified


@pytest.mark.parametrize("row", [None, [], "id", 5, {}])
def test_what_is_no_row_has_no_id(row: object) -> None:
    assert identity(row) is None


@pytest.mark.parametrize("value", ["a", "A-b_9", "x" * 128])
def test_a_plain_id_can_stand_in_a_path(value: str) -> None:
    assert is_plain_segment(value)


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "a?b", "a#b", "a%2f", "a b", "é", "a\n", "x" * 129, None, 5])
def test_an_id_that_would_leave_its_place_in_a_path_cannot(value: object) -> None:
    assert not is_plain_segment(value)


@given(st.text(st.characters(max_codepoint=127)))
def test_ids_that_differ_in_case_alone_are_the_same(text: str) -> None:
    assert same(text.upper()) == same(text.lower())


def test_what_disappoints_is_told_with_what_it_came_on() -> None:
    asked = replace(ANSWER.asked, status=200)
    with pytest.raises(Unusable) as another:
        one_row({"id": "other"}, answered, id="j")
    assert another.value.asked == asked
    assert another.value.reason == "the answer is about something else than what was asked for"
    with pytest.raises(Unusable) as none:
        listed_rows({}, answered)
    assert none.value.asked == asked
    assert none.value.reason == "the answer holds no list; check that base_url is a Zuora REST host"
    (stranger,) = listed_rows({"result": [5]}, answered).strangers
    assert stranger.asked == asked


def test_a_job_that_is_the_one_asked_for_brings_no_strangers() -> None:
    assert one_row({"id": "j"}, answered, id="j").strangers == []
