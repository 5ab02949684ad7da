from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.bookmarks import Bookmark
from tap_zuora_testenv.state import BookmarkStateManager, state_problem
from tap_zuora_testenv.timestamps import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from singer_sdk.helpers.types import TapState

STREAM = "test_environment_jobs"
AT = 1_767_268_800 * NANOSECONDS_PER_SECOND
BOOKMARK = Bookmark(AT, unfinished=("j",))
WRITTEN = {
    "replication_key": "updateTime",
    "replication_key_value": "2026-01-01T12:00:00Z",
    "unfinished": ["j"],
}


def managed(state: dict[str, Any]) -> BookmarkStateManager:
    return BookmarkStateManager(tap_name="tap-zuora-testenv", stream_name=STREAM, tap_state=cast("TapState", state))


def context(environment: str) -> dict[str, str]:
    return {"testEnvironmentId": environment}


def test_an_environment_without_a_state_has_an_empty_bookmark_and_gets_no_entry() -> None:
    state: dict[str, Any] = {}
    assert managed(state).bookmark(context("e")) == Bookmark()
    assert "partitions" not in state.get("bookmarks", {}).get(STREAM, {})


def test_a_bookmark_is_written_as_one_partition() -> None:
    state: dict[str, Any] = {}
    managed(state).write(context("e"), BOOKMARK)
    assert state == {"bookmarks": {STREAM: {"partitions": [{"context": context("e"), **WRITTEN}]}}}


def test_a_bookmark_of_a_run_before_is_found() -> None:
    state: dict[str, Any] = {}
    managed(state).write(context("e"), BOOKMARK)
    assert managed(state).bookmark(context("e")) == BOOKMARK
    assert managed(state).bookmark(context("other")) == Bookmark()


def test_an_environment_spelled_in_other_case_is_the_same() -> None:
    state: dict[str, Any] = {}
    managed(state).write(context("abc"), BOOKMARK)
    manager = managed(state)
    assert manager.bookmark(context("ABC")) == BOOKMARK
    manager.write(context("ABC"), Bookmark(AT + NANOSECONDS_PER_SECOND, unfinished=()))
    (partition,) = state["bookmarks"][STREAM]["partitions"]
    assert partition["replication_key_value"] == "2026-01-01T12:00:01Z"


def test_a_bookmark_is_replaced_in_its_place_and_the_others_stay() -> None:
    state: dict[str, Any] = {}
    manager = managed(state)
    for environment in "abc":
        manager.write(context(environment), BOOKMARK)
    manager.write(context("b"), Bookmark(AT, finished=()))
    partitions = state["bookmarks"][STREAM]["partitions"]
    assert [partition["context"]["testEnvironmentId"] for partition in partitions] == ["a", "b", "c"]
    assert "unfinished" not in partitions[1]
    assert partitions[1]["finished"] == []
    assert partitions[0] == {"context": context("a"), **WRITTEN}


def test_what_other_streams_and_other_environments_keep_is_left_alone() -> None:
    state: dict[str, Any] = {
        "bookmarks": {"other": {"x": 1}, STREAM: {"partitions": [{"context": context("old"), **WRITTEN}]}},
        "more": True,
    }
    managed(state).write(context("e"), BOOKMARK)
    assert state["bookmarks"]["other"] == {"x": 1}
    assert state["more"] is True
    assert len(state["bookmarks"][STREAM]["partitions"]) == 2


def test_a_record_does_not_move_a_bookmark() -> None:
    state: dict[str, Any] = {}
    manager = managed(state)
    manager.increment_state({"id": "j"}, context=context("e"))
    manager.write_starting_replication_value(context("e"))
    assert manager.bookmark(context("e")) == Bookmark()
    assert not state.get("bookmarks", {}).get(STREAM, {})


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"other": {"x": 1}}},
        {"bookmarks": {STREAM: {}}},
        {"bookmarks": {STREAM: {"partitions": []}}},
        {"bookmarks": {STREAM: {"partitions": [{"context": context("e")}]}}},
        {"bookmarks": {STREAM: {"partitions": [{"context": context("e"), **WRITTEN}]}}},
        {"currently_syncing": None, "bookmarks": {"test_environments": {}}},
    ],
)
def test_a_state_that_the_tap_wrote_is_sound(state: dict[str, Any]) -> None:
    assert state_problem(state, STREAM) is None


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ([], "`value` of a STATE message"),
        (None, "`value` of a STATE message"),
        ("state", "`value` of a STATE message"),
        ({"type": "STATE", "value": {}}, "`value` of a STATE message"),
        ({"bookmarks": []}, "its `bookmarks`"),
        ({"bookmarks": None}, "its `bookmarks`"),
        ({"bookmarks": {STREAM: []}}, "its `bookmarks`"),
        ({"bookmarks": {"other": None}}, "its `bookmarks`"),
        ({"bookmarks": {STREAM: {"partitions": {}}}}, "without a testEnvironmentId"),
        ({"bookmarks": {STREAM: {"partitions": [None]}}}, "without a testEnvironmentId"),
        ({"bookmarks": {STREAM: {"partitions": [{}]}}}, "without a testEnvironmentId"),
        (
            {"bookmarks": {STREAM: {"partitions": [{"context": {"testEnvironmentId": 5}}]}}},
            "without a testEnvironmentId",
        ),
        (
            {"bookmarks": {STREAM: {"partitions": [{"context": context("e"), "replication_key_value": "soon"}]}}},
            "in the bookmark of the test environment e, its replication_key_value is not a date-time",
        ),
        (
            {"bookmarks": {STREAM: {"partitions": [{"context": context("e"), "unfinished": "j"}]}}},
            "in the bookmark of the test environment e, its unfinished is not a list of ids",
        ),
    ],
)
def test_a_state_that_is_not_ours_is_refused_in_words(state: object, problem: str) -> None:
    assert problem in str(state_problem(state, STREAM))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "bookmarks",
                    STREAM,
                    "partitions",
                    "context",
                    "testEnvironmentId",
                    "replication_key_value",
                    "unfinished",
                    "finished",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_a_state_of_any_shape_is_refused_or_can_be_used(state: Any) -> None:
    if state_problem(state, STREAM) is None:
        manager = managed(state)
        for partition in state.get("bookmarks", {}).get(STREAM, {}).get("partitions", []):
            manager.bookmark(partition["context"])
        manager.write(context("a new one"), BOOKMARK)
        assert manager.bookmark(context("a new one")) == BOOKMARK
