"""Failure of one is not failure of all; what Zuora does not have; what ends a run at once; the last line."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, E2, E3, ENVIRONMENTS, JOBS, LeapingClock, Tap, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tap_zuora_testenv.emulator.zuora import Zuora

UNKNOWN = "ffffffff-0000-4000-8000-000000000000"
LIST_OF_JOBS = f"/test-environments/{E1}/jobs"
ZUORAS_OWN = {"success": False, "processId": "P-1", "requestId": "R-1"}


@pytest.fixture(autouse=True)
def three_environments(zuora: Zuora) -> None:
    for number, identity in enumerate((E1, E2, E3), start=1):
        zuora.put_environment(environment(identity))
        zuora.put_job(identity, job(number, identity))


def with_code(code: object, message: str = "no") -> Any:
    return {**ZUORAS_OWN, "reasons": [{"code": code, "message": message}]}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(LIST_OF_JOBS, times=4, status=500),
        Fault(LIST_OF_JOBS, times=4, status=502, body="<html>Bad gateway</html>"),
        Fault(LIST_OF_JOBS, times=4, status=503),
        Fault(LIST_OF_JOBS, times=4, status=504),
        Fault(LIST_OF_JOBS, times=4, status=429),
        Fault(LIST_OF_JOBS, times=4, status=200, body="<html>Sign in</html>"),
        Fault(LIST_OF_JOBS, times=4, status=200, body=""),
        Fault(LIST_OF_JOBS, times=4, status=200, body='{"result": ['),
        Fault(LIST_OF_JOBS, times=4, status=200, json=with_code(90000061)),
        Fault(LIST_OF_JOBS, times=4, status=400, json=with_code("90000050")),
        Fault(LIST_OF_JOBS, times=4, status=401, json=with_code("X", "Failed to get user info")),
        Fault(LIST_OF_JOBS, times=4, cut_after_bytes=40),
    ],
    ids=lambda fault: f"{fault.status}-{fault.body or fault.json or fault.cut_after_bytes}"[:40],
)
def test_a_transient_fault_is_retried(tap: Tap, zuora: Zuora, fault: Fault) -> None:
    zuora.faults.add(fault)
    ran = tap(only=JOBS)
    assert (ran.code, len(ran.ids())) == (0, 3)
    assert paths(zuora).count(LIST_OF_JOBS) == 5


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_request_that_used_up_its_attempts_does_not_stop_the_others(tap: Tap, zuora: Zuora, attempts: int) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=500, json=with_code(90000060, "Oh no")))
    ran = tap(only=JOBS, max_attempts=attempts)
    assert (ran.code, ran.ids()) == (1, [job(2)["id"], job(3)["id"]])
    assert paths(zuora).count(LIST_OF_JOBS) == attempts
    assert ran.bookmark(E1) is None
    assert ran.bookmark(E2) is not None
    assert ran.verdict.startswith(f"Incomplete: GET {LIST_OF_JOBS} at 127.0.0.1:")
    for part in ("answered 500", "processId P-1", "Zuora-Request-Id", '"Oh no"', "emitted 2 jobs"):
        assert part in ran.verdict


@pytest.mark.parametrize(
    "fault",
    [
        Fault(LIST_OF_JOBS, status=200, json=ZUORAS_OWN),
        Fault(LIST_OF_JOBS, status=200, json=with_code(90000020)),
        Fault(LIST_OF_JOBS, status=200, json=[]),
        Fault(LIST_OF_JOBS, status=200, json={"result": {}}),
        Fault(LIST_OF_JOBS, status=200, json={"id": "x"}),
        Fault(LIST_OF_JOBS, status=400, json={"message": "no"}),
        Fault(LIST_OF_JOBS, status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        Fault(LIST_OF_JOBS, status=501),
    ],
    ids=lambda fault: f"{fault.status}-{fault.json}"[:40],
)
def test_an_answer_that_is_not_what_was_requested_fails_only_its_request_at_once(
    tap: Tap, zuora: Zuora, fault: Fault
) -> None:
    zuora.faults.add(fault)
    ran = tap(only=JOBS)
    assert (ran.code, ran.ids()) == (1, [job(2)["id"], job(3)["id"]])
    assert paths(zuora).count(LIST_OF_JOBS) == 1
    assert ran.verdict.startswith("Incomplete: ")


@pytest.mark.parametrize(
    "answer",
    [
        job(2),
        {"status": "COMPLETED"},
        {**job(1), "id": None},
        {"result": [job(1)]},
    ],
)
def test_a_job_other_than_the_requested_one_is_not_emitted(tap: Tap, zuora: Zuora, answer: object) -> None:
    zuora.faults.add(Fault(f"*/jobs/{job(1)['id']}", status=200, json=answer))
    ran = tap(test_environments=[{"id": E1, "job_ids": [job(1)["id"]]}, E2], only=JOBS)
    assert (ran.code, ran.ids()) == (1, [job(2)["id"]])


def test_a_job_is_the_requested_one_in_another_spelling_and_without_its_environment(tap: Tap, zuora: Zuora) -> None:
    answer = {**job(1), "id": job(1)["id"].upper(), "testEnvironmentId": None}
    zuora.faults.add(Fault(f"*/jobs/{job(1)['id']}", status=200, json=answer))
    ran = tap(test_environments=[{"id": E1, "job_ids": [job(1)["id"]]}], only=JOBS)
    assert (ran.code, ran.ids()) == (0, [job(1)["id"].upper()])
    assert ran.records()[0]["testEnvironmentId"] == E1


@pytest.mark.parametrize("stranger", [None, 7, "text", [], {}, {"id": ""}, {"id": True}])
def test_a_row_that_is_not_a_job_is_named_and_the_good_ones_are_emitted(
    tap: Tap, zuora: Zuora, stranger: object
) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=200, json={"result": [stranger, job(1)], "size": 2}))
    ran = tap(test_environments=[E1], only=JOBS)
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(1)["id"]], None)
    assert "element 1 of the list" in ran.verdict


def test_a_missing_job_is_a_warning_and_the_run_succeeds(tap: Tap) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": [UNKNOWN, job(1)["id"]]}])
    assert (ran.code, ran.ids()) == (0, [job(1)["id"]])
    what = f"Zuora does not have the job {UNKNOWN} of the test environment {E1}"
    assert "WARNING" in ran.log
    assert what in ran.log
    assert ran.verdict == f"Done: emitted 1 job and 1 test environment; {what}."


def test_a_missing_environment_is_named_once_for_both_streams(tap: Tap) -> None:
    ran = tap(test_environments=[UNKNOWN, E1])
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (0, [job(1)["id"]], [E1])
    assert ran.log.count(f"does not have the test environment {UNKNOWN}") == 1


def test_a_missing_environment_brings_the_hint_that_it_may_be_a_job(tap: Tap) -> None:
    assert "name it in `job_ids`" in tap(test_environments=[job(1)["id"], E1]).log


def test_an_unknown_environment_whose_list_is_empty_is_missing(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(f"/test-environments/{UNKNOWN}/jobs", status=200, json={"result": [], "size": 0}))
    ran = tap(test_environments=[UNKNOWN, E1], only=JOBS)
    assert (ran.code, ran.ids()) == (0, [job(1)["id"]])
    assert f"does not have the test environment {UNKNOWN}" in ran.log


def test_an_error_body_of_kind_40_means_missing_whatever_its_status(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=200, json=with_code(50000040)))
    ran = tap(test_environments=[E1, E2], only=JOBS)
    assert (ran.code, ran.ids()) == (0, [job(2)["id"]])


def test_on_missing_fail_emits_everything_else_and_its_state_and_fails(tap: Tap) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": [UNKNOWN]}, E2], only=JOBS, on_missing="fail")
    assert (ran.code, ran.ids()) == (2, [job(2)["id"]])
    assert ran.bookmark(E2)["unfinished"] == []
    assert ran.verdict.startswith(f"Misconfigured: Zuora does not have the job {UNKNOWN}")


@pytest.mark.parametrize("named", [[UNKNOWN], [{"id": UNKNOWN, "job_ids": [UNKNOWN]}]])
def test_when_nothing_that_was_named_exists_somebody_must_act(tap: Tap, named: Any) -> None:
    ran = tap(test_environments=named)
    assert (ran.code, ran.ids()) == (2, [])
    assert ran.verdict.startswith("Misconfigured: Zuora has none of what the configuration names")
    assert "base_url" in ran.verdict


def test_an_environment_that_exists_is_enough_although_no_named_job_does(tap: Tap) -> None:
    named = [{"id": E1, "job_ids": [UNKNOWN]}]
    both = tap(test_environments=named)
    assert (both.code, both.ids(), both.ids(ENVIRONMENTS)) == (0, [], [E1])
    assert both.verdict == (
        f"Done: emitted 1 test environment; Zuora does not have the job {UNKNOWN} of the test environment {E1}."
    )
    assert tap(test_environments=named, only=JOBS).code == 2


def test_an_environment_that_the_list_lacks_is_not_missing_if_its_jobs_arrive(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments", status=200, json={"result": [environment(E2)], "size": 1}))
    ran = tap(test_environments=[E1])
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (0, [job(1)["id"]], [])
    assert ran.verdict == "Done: emitted 1 job."
    assert "does not have" not in ran.log
    assert tap(test_environments=[E1], on_missing="fail").code == 0


def test_an_environment_that_the_list_has_is_not_missing_but_failed_if_its_jobs_are_not_found(
    tap: Tap, zuora: Zuora
) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=404, body="<html>Not found</html>"))
    ran = tap(test_environments=[E1, E2])
    assert (ran.code, ran.ids()) == (1, [job(2)["id"]])
    assert ran.verdict.startswith(f"Incomplete: GET {LIST_OF_JOBS} at ")
    assert "does not have the test environment" not in ran.log


def test_a_run_that_finds_no_list_of_jobs_is_not_done(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments/*/jobs", status=404, body="<html>Not found</html>"))
    for streams in ({}, {"only": JOBS}):
        ran = tap(**streams)
        assert (ran.code, ran.ids()) == (1, [])
        assert ran.verdict.startswith(f"Incomplete: GET {LIST_OF_JOBS} at ")
        assert "(and 2 more, named above)" in ran.verdict


@pytest.mark.parametrize("on_missing", ["warn", "fail"])
def test_what_is_missing_and_what_failed_are_both_in_the_verdict(tap: Tap, zuora: Zuora, on_missing: str) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=400, json={"message": "no"}))
    ran = tap(test_environments=[E1, UNKNOWN, E2], on_missing=on_missing)
    failed, missing = f"GET {LIST_OF_JOBS} at ", f"Zuora does not have the test environment {UNKNOWN}"
    code, word, first, second = {
        "warn": (1, "Incomplete", failed, missing),
        "fail": (2, "Misconfigured", missing, failed),
    }[on_missing]
    assert (ran.code, ran.ids()) == (code, [job(2)["id"]])
    assert ran.verdict.startswith(f"{word}: {first}")
    assert f"; {second}" in ran.verdict
    assert "; emitted 1 job and " in ran.verdict


def test_a_run_that_ends_early_calls_nothing_missing(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=429, headers={"Retry-After": "3600"}))
    ran = tap(test_environments=[E1, UNKNOWN])
    assert ran.verdict.startswith("Stopped: ")
    assert "does not have" not in ran.log


def test_a_missing_thing_leaves_the_state_as_it_was(tap: Tap) -> None:
    assert tap(test_environments=[UNKNOWN, E1], only=JOBS).bookmark(UNKNOWN) is None


def test_a_list_of_environments_that_fails_ends_a_run_that_needs_it(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments", status=500))
    ran = tap()
    assert (ran.code, ran.records()) == (1, [])
    assert ran.verdict.startswith("Stopped: GET /test-environments at ")
    assert paths(zuora) == ["/test-environments"] * 5


def test_a_list_of_environments_that_fails_does_not_stop_named_jobs(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments", status=500))
    ran = tap(test_environments=[E1])
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (1, [job(1)["id"]], [])
    assert ran.bookmark() is not None


def test_a_discovered_id_that_is_not_a_path_segment_is_not_requested(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment("../oauth"))
    ran = tap()
    assert (ran.code, len(ran.ids())) == (1, 3)
    assert ran.ids(ENVIRONMENTS) == [E1, E2, E3, "../oauth"]
    assert ran.verdict.startswith(
        "Incomplete: '/test-environments/../oauth/jobs' is not requested: an id in it is not a"
    )
    assert all("oauth" not in path for path in paths(zuora))


def test_wrong_credentials_end_the_run_at_once_with_what_to_do(tap: Tap, zuora: Zuora) -> None:
    ran = tap(client_secret="wrong-secret")
    assert (ran.code, ran.records(), paths(zuora)) == (2, [], [])
    assert ran.verdict.startswith("Misconfigured: POST /oauth/token at ")
    assert "POST /oauth/token" in ran.verdict
    assert "credentials of one host fail on another" in ran.verdict


def test_a_missing_permission_for_the_list_that_is_needed_ends_the_run_and_names_it(tap: Tap, zuora: Zuora) -> None:
    zuora.permission = False
    for streams in ({"only": JOBS}, {"only": ENVIRONMENTS}):
        zuora.requests.clear()
        ran = tap(**streams)
        assert (ran.code, ran.records(), paths(zuora)) == (2, [], ["/test-environments"])
        assert ran.verdict.startswith("Misconfigured: GET /test-environments at ")
        assert "Refresh Central Sandbox" in ran.verdict


@pytest.mark.parametrize(("status", "code"), [(403, 90000010), (401, 90000011), (200, 90000010)])
def test_one_environment_that_is_refused_does_not_stop_the_others(
    tap: Tap, zuora: Zuora, status: int, code: int
) -> None:
    zuora.faults.add(Fault(f"/test-environments/{E2}/jobs", status=status, json=with_code(code)))
    ran = tap()
    assert (ran.code, ran.ids(), ran.bookmark(E2)) == (1, [job(1)["id"], job(3)["id"]], None)
    assert ran.bookmark(E3) is not None
    assert ran.verdict.startswith(f"Incomplete: GET /test-environments/{E2}/jobs at ")


@pytest.mark.parametrize(("status", "code"), [(403, 90000010), (401, 90000011)])
def test_when_every_request_for_jobs_is_refused_somebody_must_act(
    tap: Tap, zuora: Zuora, status: int, code: int
) -> None:
    zuora.faults.add(Fault("/test-environments/*/jobs", status=status, json=with_code(code)))
    ran = tap()
    assert (ran.code, ran.ids(), len(ran.ids(ENVIRONMENTS))) == (2, [], 3)
    assert ran.verdict.startswith(f"Misconfigured: GET {LIST_OF_JOBS} at ")


def test_ten_refusals_in_a_row_end_the_run(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments/*/jobs/*", status=403))
    names = [{"id": E1, "job_ids": [f"{number}" for number in range(40)]}]
    ran = tap(test_environments=names, only=JOBS, max_parallel_requests=1)
    assert (ran.code, len(paths(zuora))) == (2, 10)
    assert ran.verdict.startswith("Misconfigured: ")
    assert "; 30 requests were not tried" in ran.verdict


def test_an_element_of_a_list_that_announces_another_page_is_emitted_and_the_environment_fails(
    tap: Tap, zuora: Zuora
) -> None:
    page = {"result": [job(1)], "nextPage": "/test-environments/next"}
    zuora.faults.add(Fault(LIST_OF_JOBS, status=200, json=page))
    ran = tap(test_environments=[E1], only=JOBS)
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(1)["id"]], None)
    assert "announces another page" in ran.verdict


def test_a_size_of_zero_without_a_list_is_an_empty_list(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=200, json={"size": 0}))
    ran = tap(test_environments=[E1, E2], only=JOBS)
    assert (ran.code, ran.ids(), ran.bookmark()["unfinished"]) == (0, [job(2)["id"]], [])


@pytest.mark.parametrize("named", [[E1], [{"id": E1, "job_ids": [job(1)["id"], job(4)["id"]]}]])
def test_jobs_with_another_environment_than_the_one_requested_are_emitted_with_one_warning(
    tap: Tap, zuora: Zuora, named: Any
) -> None:
    for number in (1, 4):
        zuora.put_job(E1, {**job(number), "testEnvironmentId": "another-name"})
    ran = tap(test_environments=named, only=JOBS)
    assert (ran.code, ran.ids()) == (0, [job(1)["id"], job(4)["id"]])
    assert {record["testEnvironmentId"] for record in ran.records()} == {"another-name"}
    assert ran.log.count("'another-name'") == 1


@pytest.mark.parametrize("config", [{}, {"test_environments": [E1]}])
def test_a_bug_in_reading_an_answer_is_not_reported_as_a_fault_of_zuora(
    tap: Tap, monkeypatch: pytest.MonkeyPatch, config: Any
) -> None:
    monkeypatch.setattr("tap_zuora_testenv.zuora.client.listed_rows", lambda *_, **__: 1 / 0)
    ran = tap(only=JOBS, **config)
    assert (ran.code, ran.records()) == (1, [])
    assert ran.verdict == "Stopped: a bug in tap-zuora-testenv, please report it (ZeroDivisionError)."


def test_an_expired_token_is_renewed_once_outside_the_attempts(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, times=1, status=401, json=with_code(90000011)))
    assert tap(max_attempts=1).code == 0
    assert paths(zuora, "POST") == ["/oauth/token"] * 2


def test_a_new_token_that_is_refused_too_is_a_failure_of_the_request(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=401, json=with_code(90000011)))
    ran = tap()
    assert (ran.code, ran.ids()) == (1, [job(2)["id"], job(3)["id"]])
    assert paths(zuora, "POST") == ["/oauth/token"] * 2
    assert "; a new token did not help; emitted" in ran.verdict


def test_an_access_token_is_used_as_it_is_and_never_renewed(tap: Tap, zuora: Zuora) -> None:
    token = zuora.tokens.issue()
    assert tap(client_id=None, client_secret=None, access_token=token).code == 0
    zuora.tokens.expire()
    ran = tap(client_id=None, client_secret=None, access_token=token)
    assert ran.code == 2
    assert "`access_token` is not valid" in ran.verdict
    assert paths(zuora, "POST") == []


@pytest.mark.parametrize("fault", [Fault("/oauth/token", times=4, status=status) for status in (429, 500, 503)])
def test_the_token_request_is_retried_like_any_other(tap: Tap, zuora: Zuora, fault: Fault) -> None:
    zuora.faults.add(fault)
    assert tap().code == 0


def test_a_token_request_that_zuora_cannot_answer_is_not_called_wrong_credentials(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/oauth/token", status=503))
    ran = tap()
    assert ran.code == 1
    assert "temporary fault" in ran.verdict
    assert "client_secret" not in ran.verdict
    assert paths(zuora, "POST") == ["/oauth/token"] * 5


def test_a_short_lived_token_is_renewed_halfway(tap: Tap, zuora: Zuora, clock: LeapingClock) -> None:
    zuora.tokens.lifetime_seconds = 100
    zuora.faults.add(Fault(LIST_OF_JOBS, times=1, status=503, headers={"Retry-After": "51"}))
    assert tap(only=JOBS).code == 0
    assert sum(clock.waited) >= 50
    assert len(paths(zuora, "POST")) == 2


def test_retry_after_is_respected_and_everyone_waits(tap: Tap, zuora: Zuora, clock: LeapingClock) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, times=1, status=429, headers={"Retry-After": "6"}))
    assert tap(only=JOBS, max_parallel_requests=1).code == 0
    assert 5.9 <= sum(clock.waited) <= 7


def test_a_wait_longer_than_ten_minutes_ends_the_run_and_its_length_is_reported(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=429, headers={"Retry-After": "3600"}))
    ran = tap(only=JOBS)
    assert ran.code == 1
    assert "3,600 s" in ran.verdict


def test_ten_requests_in_a_row_that_used_up_their_attempts_end_the_run(tap: Tap, zuora: Zuora) -> None:
    names = [{"id": each, "job_ids": [f"{number}" for number in range(40)]} for each in (E1, E2)]
    zuora.faults.add(Fault("/test-environments/*/jobs/*", status=500))
    ran = tap(test_environments=names, only=JOBS, max_parallel_requests=2)
    assert ran.code == 1
    # Only one environment may be broken: the first failure of the other one ends the run.
    assert len(set(paths(zuora))) in range(41, 43)
    assert "requests in a row failed" in ran.verdict
    assert "were not tried" in ran.verdict


def test_ten_failures_of_the_only_environment_end_the_run(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/test-environments/*/jobs/*", status=500))
    names = [{"id": E1, "job_ids": [f"{number}" for number in range(40)]}]
    ran = tap(test_environments=names, only=JOBS, max_parallel_requests=1, max_attempts=1)
    assert (ran.code, len(paths(zuora))) == (1, 10)
    assert "; 30 requests were not tried" in ran.verdict


def test_a_host_that_is_not_there_is_named(tap: Tap, server: EmulatorServer) -> None:
    server.__exit__(None, None, None)
    ran = tap()
    server.__enter__()
    assert ran.code == 1
    assert "127.0.0.1" in ran.verdict
    assert "check the network and base_url" in ran.verdict


def test_the_log_does_not_name_more_than_twenty_failures_and_counts_the_rest(tap: Tap) -> None:
    ran = tap(test_environments=[E1, {"id": E2, "job_ids": [f"{number}" for number in range(30)]}], only=JOBS)
    assert ran.log.count("does not have the job") == 20
    assert "and 10 more that Zuora does not have" in ran.log


def test_a_token_request_that_is_redirected_is_not_called_wrong_credentials(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault("/oauth/token", status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}))
    ran = tap()
    assert (ran.code, paths(zuora)) == (2, [])
    assert "check that base_url is a Zuora REST host" in ran.verdict
    assert "client_secret" not in ran.verdict


def test_without_a_thread_a_run_ends_with_what_to_do(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThread(threading.Thread):
        @override
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tap_zuora_testenv.zuora.look_ahead.threading.Thread", NoThread)
    ran = tap()
    assert (ran.code, ran.records()) == (1, [])
    assert ran.verdict.startswith("Stopped: the system does not let this process start a thread; raise its limit")
    assert "Traceback" not in ran.log
