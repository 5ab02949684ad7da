"""What may be in the file that `--state` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import E1, JOBS, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.tap.running import Tap


@pytest.fixture(autouse=True)
def two_jobs(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    zuora.put_job(E1, job(2))


WRAPPERS = [
    lambda state: state,
    lambda state: {"value": state},
    lambda state: {"singer_state": state},
    lambda state: {"type": "STATE", "value": state},
    lambda state: {"type": "STATE", "value": {"singer_state": state}},
]


@pytest.mark.parametrize("wrap", WRAPPERS, ids=["bare", "value", "meltano", "message", "both"])
def test_a_state_is_read_in_each_wrapper_in_which_it_is_handed_out(tap: Tap, wrap: Any) -> None:
    state = tap().state
    ran = tap(state=wrap(state))
    # A bookmark includes its own instant, so the newest finished job comes again, and only that.
    assert (ran.code, ran.ids()) == (0, [job(2)["id"]])
    assert ran.state == state


@pytest.mark.parametrize("empty", [{}, {"value": {}}, {"singer_state": {}}, {"bookmarks": {}}])
def test_an_empty_state_is_that_of_a_first_run(tap: Tap, empty: object) -> None:
    assert len(tap(state=empty).ids()) == 2


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"completed": {"singer_state": {}}}, "it must be an object with `bookmarks`, such as the `value` of a STATE"),
        ({"value": None}, "it must be an object with `bookmarks`"),
        ({"singer_state": [1]}, "it must be an object with `bookmarks`"),
        ({JOBS: {"partitions": []}}, "it must be an object with `bookmarks`"),
        ({"currently_syncing": None}, "it must be an object with `bookmarks`"),
        ({"bookmarks": [1]}, "its `bookmarks` are not of the form that this tap writes"),
        (
            {"bookmarks": {JOBS: {"replication_key": "updateTime", "replication_key_value": "2026-01-01T00:02:00Z"}}},
            "its bookmark of test_environment_jobs is not per test environment",
        ),
    ],
    ids=str,
)
def test_a_state_that_singer_sdk_would_ignore_is_refused(tap: Tap, zuora: Zuora, state: object, sentence: str) -> None:
    ran = tap(state=state)
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith("Misconfigured: The state is refused: ")
    assert sentence in ran.verdict


def test_a_state_that_cannot_be_written_again_is_refused_without_its_content(tap: Tap, zuora: Zuora) -> None:
    for text in (r'"demo-secret \ud800"', "NaN", "[" * 900 + "]" * 900):
        path = tap.file("state.json", None)
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(f'{{"bookmarks": {{"other": {{"x": {text}}}}}}}')
        ran = tap("--state", path)
        assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
        assert ran.verdict.startswith(f"Misconfigured: --state {path}: the file ")
        assert "demo-secret" not in ran.verdict + ran.log
        assert "Traceback" not in ran.log
