"""Bookmarks over several runs, with changes at Zuora in between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, E2, JOBS, Tap, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    """Job 1 is running, jobs 2 and 3 are done."""
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1, status="EXPORTING"))
    zuora.put_job(E1, job(2))
    zuora.put_job(E1, job(3))


def named(*numbers: int) -> Any:
    return [{"id": E1, "job_ids": [job(number)["id"] for number in numbers]}]


def test_the_state_of_a_listed_environment_names_what_is_unfinished(tap: Tap) -> None:
    assert tap(test_environments=[E1]).bookmark() == {
        "context": {"testEnvironmentId": E1},
        "replication_key": "updateTime",
        "replication_key_value": "2026-01-01T00:03:00Z",
        "unfinished": [job(1)["id"]],
    }


def test_the_state_of_named_jobs_names_what_is_finished(tap: Tap) -> None:
    assert tap(test_environments=named(1, 2)).bookmark() == {
        "context": {"testEnvironmentId": E1},
        "replication_key": "updateTime",
        "replication_key_value": "2026-01-01T00:02:00Z",
        "finished": [job(2)["id"]],
    }


def test_the_second_run_brings_the_unfinished_and_what_is_not_older_than_the_bookmark(tap: Tap) -> None:
    state = tap(test_environments=[E1]).state
    assert tap(test_environments=[E1], state=state).ids() == [job(1)["id"], job(3)["id"]]


def test_a_jobs_last_step_is_not_lost_although_its_update_time_stood_still(tap: Tap, zuora: Zuora) -> None:
    state = tap().state
    zuora.put_job(E1, job(1, status="FAILED"))
    ran = tap(state=state)
    assert ("FAILED", job(1)["id"]) in {(record["status"], record["id"]) for record in ran.records()}
    assert ran.bookmark()["unfinished"] == []


@pytest.mark.parametrize("later", ["2026-01-01T00:03:00.500Z", "2026-01-01T08:03:00.5+0800", 1767225780500])
def test_instants_are_compared_and_not_texts(tap: Tap, zuora: Zuora, later: object) -> None:
    state = tap(test_environments=[E1]).state
    zuora.put_job(E1, job(4, updated=later))
    ran = tap(test_environments=[E1], state=state)
    assert job(4)["id"] in ran.ids()
    assert ran.bookmark()["replication_key_value"] == "2026-01-01T00:03:00.5Z"


def test_a_bookmark_never_moves_back(tap: Tap, zuora: Zuora) -> None:
    state = tap().state
    for number in (2, 3):
        zuora.remove_job(E1, job(number)["id"])
    assert tap(state=state).bookmark()["replication_key_value"] == "2026-01-01T00:03:00Z"


def test_a_stamp_in_the_future_moves_the_bookmark_to_the_start_of_the_run_at_most(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(4, updated="2999-01-01T00:00:00Z"))
    before = datetime.now(UTC)
    value = datetime.fromisoformat(tap().bookmark()["replication_key_value"])
    assert before.replace(microsecond=0) <= value <= datetime.now(UTC)


def test_a_job_without_an_update_time_is_always_emitted(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, {"id": "stampless", "status": "COMPLETED"})
    state = tap(test_environments=[E1]).state
    ran = tap(test_environments=[E1], state=state)
    assert "stampless" in ran.ids()
    assert next(each for each in ran.records() if each["id"] == "stampless")["updateTime"] is None


def test_a_job_named_anew_is_emitted_although_it_is_older_than_the_bookmark(tap: Tap) -> None:
    state = tap(test_environments=named(3)).state
    assert tap(test_environments=named(2, 3), state=state).ids() == [job(2)["id"], job(3)["id"]]


def test_a_change_from_named_jobs_to_the_whole_environment_loses_nothing(tap: Tap) -> None:
    state = tap(test_environments=named(3)).state
    ran = tap(test_environments=[E1], state=state)
    assert ran.ids() == [job(number)["id"] for number in (1, 2, 3)]
    assert ran.bookmark().keys() == {"context", "replication_key", "replication_key_value", "unfinished"}


def test_a_run_that_names_jobs_leaves_a_state_made_by_listing_as_it_was(tap: Tap, zuora: Zuora) -> None:
    state = tap(test_environments=[E1]).state
    zuora.put_job(E1, job(1, status="COMPLETED", updated="2026-01-02T00:00:00Z"))
    ran = tap(test_environments=named(1), state=state)
    assert ran.ids() == [job(1)["id"]]
    assert ran.bookmark() == state["bookmarks"][JOBS]["partitions"][0]


def test_an_unchanged_finished_job_is_not_sent_again(tap: Tap) -> None:
    state = tap(test_environments=named(2, 3)).state
    assert tap(test_environments=named(2, 3), state=state).ids() == [job(3)["id"]]


def test_a_named_job_whose_request_failed_comes_next_time(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(f"*/jobs/{job(2)['id']}", times=5, status=500))
    first = tap(test_environments=named(2, 3), only=JOBS)
    assert (first.code, first.bookmark()["finished"]) == (1, [job(3)["id"]])
    second = tap(test_environments=named(2, 3), only=JOBS, state=first.state)
    assert (second.code, second.ids()) == (0, [job(2)["id"], job(3)["id"]])


def test_a_listed_environment_whose_request_failed_keeps_its_state(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E2))
    state = tap().state
    before = next(each for each in state["bookmarks"][JOBS]["partitions"] if each["context"]["testEnvironmentId"] == E1)
    zuora.put_job(E1, job(4, updated="2026-02-01T00:00:00Z"))
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", times=5, status=503))
    failed = tap(state=state)
    assert (failed.code, failed.bookmark()) == (1, before)
    assert job(4)["id"] in tap(state=failed.state).ids()


def test_start_date_leaves_out_what_finished_before_it_while_there_is_no_bookmark(tap: Tap) -> None:
    ran = tap(start_date="2026-01-01T00:03:00Z")
    assert ran.ids() == [job(1)["id"], job(3)["id"]]


def test_a_bookmark_wins_over_start_date(tap: Tap, zuora: Zuora) -> None:
    state = tap().state
    zuora.put_job(E1, job(4, updated="2026-01-01T00:04:00Z"))
    assert job(4)["id"] in tap(state=state, start_date="2026-06-01T00:00:00Z").ids()


def test_the_state_of_other_environments_and_other_streams_is_kept(tap: Tap) -> None:
    other = {"context": {"testEnvironmentId": E2}, "replication_key_value": "2020-01-01T00:00:00Z", "unfinished": []}
    given = {"bookmarks": {JOBS: {"partitions": [other]}, "elsewhere": {"kept": 1}}}
    ran = tap(test_environments=[E1], state=given)
    assert ran.bookmark(E2) == other
    assert ran.state["bookmarks"]["elsewhere"] == {"kept": 1}


def test_an_environment_is_the_same_in_another_spelling(tap: Tap, zuora: Zuora) -> None:
    state = tap(test_environments=[E1]).state
    zuora.put_environment(environment(E1.upper()))
    for document in zuora.jobs(E1):
        zuora.put_job(E1.upper(), document)
    ran = tap(test_environments=[E1.upper()], state=state)
    assert ran.ids() == [job(1)["id"], job(3)["id"]]
    assert len(ran.state["bookmarks"][JOBS]["partitions"]) == 1


def test_a_catalog_that_forces_full_table_brings_all_and_moves_no_bookmark(tap: Tap, zuora: Zuora) -> None:
    state = tap().state
    zuora.put_job(E1, job(4, updated="2026-02-01T00:00:00Z"))
    catalog = tap.catalog(JOBS)
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
        stream.pop("replication_key", None)
    options = ["--config", tap.file("config.json", tap.config), "--catalog", tap.file("catalog.json", catalog)]
    ran = tap.run([*options, "--state", tap.file("state.json", state)])
    assert len(ran.ids()) == 4
    assert ran.bookmark() == state["bookmarks"][JOBS]["partitions"][0]


@pytest.mark.parametrize(
    ("state", "wrong"),
    [
        ({"type": "STATE", "value": {}}, "value"),
        ({"bookmarks": []}, "bookmarks"),
        ({"bookmarks": {JOBS: {"partitions": {}}}}, "testEnvironmentId"),
        ({"bookmarks": {JOBS: {"partitions": [{"replication_key_value": "2026"}]}}}, "testEnvironmentId"),
        (
            {
                "bookmarks": {
                    JOBS: {"partitions": [{"context": {"testEnvironmentId": E1}, "replication_key_value": "x"}]}
                }
            },
            "replication_key_value",
        ),
        (
            {"bookmarks": {JOBS: {"partitions": [{"context": {"testEnvironmentId": E1}, "unfinished": [1]}]}}},
            "unfinished",
        ),
    ],
)
def test_a_state_that_is_none_is_refused_in_a_sentence(tap: Tap, zuora: Zuora, state: object, wrong: str) -> None:
    ran = tap(state=state)
    assert (ran.code, ran.messages, len(zuora.requests)) == (1, [], 0)
    assert ran.verdict.startswith("The state is refused: ")
    assert wrong in ran.verdict
