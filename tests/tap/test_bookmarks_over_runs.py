"""Bookmarks over several runs, with changes at Zuora in between."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, E2, JOBS, Tap, environment, job, paths

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


def test_a_jobs_last_step_is_not_lost_although_its_update_time_did_not_move(tap: Tap, zuora: Zuora) -> None:
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


def test_a_stamp_in_the_future_moves_the_bookmark_at_most_to_the_start_of_the_run(tap: Tap, zuora: Zuora) -> None:
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


def test_a_newly_named_job_is_emitted_although_it_is_older_than_the_bookmark(tap: Tap) -> None:
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


def test_a_bookmark_overrides_start_date(tap: Tap, zuora: Zuora) -> None:
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
def test_a_state_of_another_form_is_refused_in_a_sentence(tap: Tap, zuora: Zuora, state: object, wrong: str) -> None:
    ran = tap(state=state)
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith("Misconfigured: The state is refused: ")
    assert wrong in ran.verdict


def test_an_unfinished_job_that_a_list_lacks_is_requested_by_its_id(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1))
    zuora.put_job(E1, job(2, status="EXPORTING"))
    state = tap().state
    zuora.requests.clear()
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=200, json={"result": [job(1)], "size": 1}))
    ran = tap(state=state)
    assert (ran.code, ran.ids()) == (0, [job(2)["id"]])
    assert ran.bookmark()["unfinished"] == [job(2)["id"]]
    assert paths(zuora)[-2:] == [f"/test-environments/{E1}/jobs", f"/test-environments/{E1}/jobs/{job(2)['id']}"]


def test_the_end_of_a_job_is_sent_although_a_list_in_between_was_empty(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1))
    zuora.put_job(E1, job(2, status="CLONING"))
    state = tap().state
    empty = Fault(f"/test-environments/{E1}/jobs", times=1, status=200, json={"result": [], "size": 0})
    zuora.faults.add(empty)
    second = tap(state=state)
    assert (second.code, second.ids()) == (0, [job(2)["id"]])
    # Its `updateTime` does not move.
    zuora.put_job(E1, job(2, status="COMPLETED"))
    third = tap(state=second.state)
    assert (third.code, third.records()[-1]["status"], third.bookmark()["unfinished"]) == (0, "COMPLETED", [])


def test_an_unfinished_job_that_zuora_no_longer_has_is_dropped_with_a_warning(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1, status="EXPORTING"))
    state = tap().state
    gone = job(1)["id"]
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=200, json={"result": [job(2)], "size": 1}))
    zuora.faults.add(Fault(f"*/{gone}", status=404))
    for on_missing in ("warn", "fail"):
        ran = tap(state=state, on_missing=on_missing)
        assert (ran.code, ran.ids(), ran.bookmark()["unfinished"]) == (0, [], [])
        assert f"Zuora no longer has the job {gone} of the test environment {E1}, which was unfinished" in ran.log


def test_an_unfinished_job_that_cannot_be_requested_stays_unfinished_and_fails_its_environment(
    tap: Tap, zuora: Zuora
) -> None:
    zuora.put_job(E1, job(1, status="EXPORTING"))
    first = tap()
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=200, json={"result": [job(2)], "size": 1}))
    zuora.faults.add(Fault(f"*/{job(1)['id']}", status=500))
    ran = tap(state=first.state)
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [], first.bookmark())
    assert ran.verdict.startswith(f"Incomplete: GET /test-environments/{E1}/jobs/{job(1)['id']} at ")


def test_a_full_table_requests_no_job_that_its_list_lacks(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1, status="EXPORTING"))
    state = tap().state
    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", status=200, json={"result": [job(2)], "size": 1}))
    catalog = tap.catalog(JOBS)
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
        stream.pop("replication_key", None)
    options = ["--config", tap.file("config.json", tap.config), "--catalog", tap.file("catalog.json", catalog)]
    zuora.requests.clear()
    ran = tap.run([*options, "--state", tap.file("state.json", state)])
    assert (ran.code, ran.ids()) == (0, [job(2)["id"]])
    assert paths(zuora) == ["/test-environments", f"/test-environments/{E1}/jobs"]
