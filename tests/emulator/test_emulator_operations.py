from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv.emulator.clock import parse_instant
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.emulator.conftest import Ask

FORM = {"grant_type": "client_credentials", "client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET}
REFRESH = {"jobType": "REFRESH"}


def test_the_right_credentials_give_a_token_that_is_accepted(ask: Ask) -> None:
    answer = ask("POST", "/oauth/token", data=FORM, headers={"Authorization": None})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope", "jti"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 3599)
    token = answer.json()["access_token"]
    assert ask("GET", "/test-environments", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("wrong", [{"client_secret": "other-secret"}, {"client_id": "other"}])
def test_wrong_credentials_are_refused_without_repeating_them(ask: Ask, wrong: dict[str, str]) -> None:
    answer = ask("POST", "/oauth/token", data=FORM | wrong)
    assert answer.status_code == 401
    assert answer.json()["success"] is False
    assert "other" not in answer.text


def test_another_grant_is_refused(ask: Ask) -> None:
    assert ask("POST", "/oauth/token", data=FORM | {"grant_type": "password"}).status_code == 400


@pytest.mark.parametrize("authorization", [None, "Bearer made-up", "Basic ZGVtbw==", ""])
def test_every_operation_needs_a_known_token(ask: Ask, authorization: str | None) -> None:
    answer = ask("GET", "/test-environments", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.json()["reasons"][0]["code"] % 100 == 11


def test_a_token_expires_by_real_time_and_not_by_the_clock_of_the_jobs(zuora: Zuora, ask: Ask) -> None:
    zuora.clock.advance(timedelta(days=400).total_seconds())
    assert ask("GET", "/test-environments").status_code == 200
    zuora.tokens.expire()
    assert ask("GET", "/test-environments").status_code == 401


def test_without_the_permission_even_reading_is_refused(zuora: Zuora, ask: Ask) -> None:
    zuora.permission = False
    answer = ask("GET", "/test-environments")
    assert answer.status_code == 403
    assert answer.json()["reasons"][0]["code"] % 100 == 10


def test_the_lists_and_the_single_answers_agree(ask: Ask) -> None:
    environments = ask("GET", "/test-environments").json()
    assert environments["size"] == len(environments["result"]) == 5
    for environment in environments["result"]:
        path = f"/test-environments/{environment['id']}"
        assert ask("GET", path).json() == environment
        jobs = ask("GET", f"{path}/jobs").json()
        assert jobs["size"] == len(jobs["result"])
        assert ask("GET", f"{path}/jobs/{jobs['result'][-1]['id']}").json() == jobs["result"][-1]


def test_what_is_read_over_http_is_what_the_python_api_reads(zuora: Zuora, ask: Ask) -> None:
    documents = zuora.documents()
    assert ask("GET", "/test-environments").json()["result"] == documents["test_environments"]
    over_http = [
        job
        for environment in documents["test_environments"]
        for job in ask("GET", f"/test-environments/{environment['id']}/jobs").json()["result"]
    ]
    assert over_http == documents["test_environment_jobs"]


def test_unknown_ids_get_zuoras_error(ask: Ask, named: Callable[[str], str]) -> None:
    known = named("UAT")
    for path in ("/test-environments/nope", "/test-environments/nope/jobs", f"/test-environments/{known}/jobs/nope"):
        answer = ask("GET", path)
        assert answer.status_code == 404
        assert answer.json().keys() == {"success", "processId", "reasons", "requestId"}
        assert answer.json()["requestId"] == answer.headers["Zuora-Request-Id"]
        assert [reason["code"] % 100 for reason in answer.json()["reasons"]] == [40]


def test_a_job_is_not_found_in_another_environment(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    job = zuora.jobs(named("UAT"))[0]
    assert ask("GET", f"/test-environments/{named('Training')}/jobs/{job['id']}").status_code == 404


def test_a_refresh_is_created_lives_and_is_completed(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('Performance')}"
    created = ask("POST", f"{path}/jobs", json=REFRESH)
    assert (created.status_code, created.json()["status"]) == (201, "NEW")
    seen = [created.json()["status"]]
    where = created.headers["Location"].partition("/test-environments")[2]
    for _ in range(200):
        zuora.clock.advance(600)
        job = ask("GET", f"/test-environments{where}").json()
        environment = ask("GET", path).json()
        if job["status"] != seen[-1]:
            seen.append(job["status"])
        if "jobEndTime" in job:
            break
        assert environment["status"] == "PROCESSING"
        assert "nextRefreshTime" not in environment
    assert seen[1:3] == ["QUEUED", "INITIATED"]
    assert seen[-2:] == ["FINALIZING", "COMPLETED"]
    assert (environment["status"], environment["lastRefreshTime"]) == ("ACTIVE", job["jobEndTime"])
    wait = parse_instant(environment["nextRefreshTime"]) - parse_instant(environment["lastRefreshTime"])
    assert wait == timedelta(days=28)


@pytest.mark.parametrize(("fails", "end"), [(True, "FAILED"), (False, "COMPLETED")])
def test_a_test_can_choose_how_a_refresh_ends(
    zuora: Zuora, named: Callable[[str], str], *, fails: bool, end: str
) -> None:
    zuora.create_refresh(named("Performance"), fails=fails)
    zuora.clock.advance(48 * 3600)
    assert zuora.jobs(named("Performance"))[-1]["status"] == end


def test_a_refresh_too_early_is_refused(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('Training')}"
    answer = ask("POST", f"{path}/jobs", json=REFRESH)
    assert answer.status_code == 403
    assert "28 days" in answer.json()["reasons"][0]["message"]
    zuora.clock.set(parse_instant(ask("GET", path).json()["nextRefreshTime"]))
    assert ask("POST", f"{path}/jobs", json=REFRESH).status_code == 201


def test_a_refresh_may_be_scheduled_for_when_it_is_allowed(ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('Training')}"
    allowed = ask("GET", path).json()["nextRefreshTime"]
    too_early = (parse_instant(allowed) - timedelta(seconds=1)).isoformat()
    assert ask("POST", f"{path}/jobs", json=REFRESH | {"scheduledRefreshTime": too_early}).status_code == 403
    answer = ask("POST", f"{path}/jobs", json=REFRESH | {"scheduledRefreshTime": allowed})
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["scheduledRefreshTime"]) == ("SCHEDULED", allowed)


@pytest.mark.parametrize("name", ["UAT", "Development"])
def test_no_second_refresh_is_created_while_one_runs_or_waits(ask: Ask, named: Callable[[str], str], name: str) -> None:
    scheduled = REFRESH | {"scheduledRefreshTime": "2027-01-01T00:00:00Z"}
    assert ask("POST", f"/test-environments/{named(name)}/jobs", json=scheduled).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"jobType": "DELETE"},
        {},
        [],
        REFRESH | {"scheduledRefreshTime": "2020-01-01T00:00:00Z"},
        REFRESH | {"scheduledRefreshTime": "tomorrow"},
        REFRESH | {"scheduledRefreshTime": "2026-09-01T00:00:00"},
        REFRESH | {"scheduledRefreshTime": 5},
        REFRESH | {"scheduledRefreshTime": None},
        REFRESH | {"scheduledRefreshTime": ""},
        REFRESH | {"scheduledRefreshTime": "2026-W40-1T00:00:00Z"},
        REFRESH | {"scheduledRefreshTime": "20261001T000000Z"},
        REFRESH | {"scheduledRefreshTime": "9001-01-01T00:00:00Z"},
        REFRESH | {"scheduledRefreshTime": "9999-12-31T23:00:00Z"},
        REFRESH | {"scheduledRefreshTime": "9999-12-31T23:59:59-14:00"},
        REFRESH | {"scheduledRefreshTime": "0000-01-01T00:00:00Z"},
        REFRESH | {"scheduledRefreshTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_refresh_that_makes_no_sense_is_refused_and_changes_nothing(
    ask: Ask, named: Callable[[str], str], body: object
) -> None:
    path = f"/test-environments/{named('Performance')}/jobs"
    before = ask("GET", path).json()
    assert ask("POST", path, json=body).status_code == 400
    assert ask("GET", path).json() == before
    assert ask("GET", "/test-environments").status_code == 200


def test_a_refresh_may_be_scheduled_until_the_end_of_the_clock(
    zuora: Zuora, ask: Ask, named: Callable[[str], str]
) -> None:
    path = f"/test-environments/{named('Performance')}/jobs"
    last = "9000-12-31T23:59:59Z"
    assert ask("POST", path, json=REFRESH | {"scheduledRefreshTime": last}).status_code == 201
    assert ask("GET", "/test-environments").status_code == 200
    zuora.clock.set(parse_instant(last))
    assert ask("GET", path).json()["result"][-1]["status"] == "QUEUED"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_only_json_is_accepted(ask: Ask, named: Callable[[str], str], media_type: str) -> None:
    path = f"/test-environments/{named('Performance')}/jobs"
    headers = {"Content-Type": media_type}
    answer = ask("POST", path, data=json.dumps(REFRESH).encode(), headers=headers)
    assert answer.status_code == 400
    assert "application/json" in answer.json()["reasons"][0]["message"]
    with_parameter = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert ask("POST", path, data=json.dumps(REFRESH).encode(), headers=with_parameter).status_code == 201


def test_only_a_form_gets_a_token(ask: Ask) -> None:
    assert ask("POST", "/oauth/token", json=FORM).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 500_000, b'{"jobType": "REFRESH", "x": NaN}', b"1" * 10_000])
def test_a_body_that_is_not_json_is_refused(ask: Ask, named: Callable[[str], str], body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    path = f"/test-environments/{named('Performance')}/jobs"
    assert ask("POST", path, data=body, headers=headers).status_code == 400


def test_json_ends_in_a_line_break(ask: Ask, named: Callable[[str], str]) -> None:
    environment = f"/test-environments/{named('UAT')}"
    job = ask("GET", f"{environment}/jobs").json()["result"][0]["id"]
    paths = ["/test-environments", environment, f"{environment}/jobs", f"{environment}/jobs/{job}"]
    more = ["/nowhere", "/openapi.json", "/emulator/clock", "/emulator/requests", "/emulator/faults"]
    bodies = [ask("GET", path).text for path in [*paths, *more]]
    bodies += [ask("POST", "/oauth/token", data=FORM).text, ask("POST", "/emulator/faults", json=5).text]
    assert [body[-1] for body in bodies] == ["\n"] * len(bodies)
    assert not any("\n" in body[:-1] for body in bodies)


def test_the_demo_credentials_are_such_as_zuoras_own_sdk_accepts() -> None:
    assert len(DEMO_CLIENT_ID) == 36


def test_a_deactivated_environment_is_not_refreshed(ask: Ask, named: Callable[[str], str]) -> None:
    assert ask("POST", f"/test-environments/{named('Migration')}/jobs", json=REFRESH).status_code == 400


def test_before_it_is_deactivated_an_environment_is_refreshed_but_not_for_later(
    zuora: Zuora, ask: Ask, named: Callable[[str], str]
) -> None:
    path = f"/test-environments/{named('Migration')}"
    deactivation = ask("GET", path).json()["deactivationTime"]
    zuora.clock.set(parse_instant(deactivation) - timedelta(seconds=1))
    too_late = ask("POST", f"{path}/jobs", json=REFRESH | {"scheduledRefreshTime": deactivation})
    assert too_late.status_code == 400
    assert deactivation in too_late.text
    assert ask("POST", f"{path}/jobs", json=REFRESH).status_code == 201


def test_a_compressed_body_is_understood(ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('Performance')}/jobs"
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert ask("POST", path, data=b"not gzip", headers=headers).status_code == 400
    assert ask("POST", path, data=gzip.compress(json.dumps(REFRESH).encode()), headers=headers).status_code == 201


def test_a_scheduled_refresh_is_cancelled(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    job = zuora.jobs(named("Development"))[-1]
    path = f"/test-environments/{named('Development')}/jobs/{job['id']}"
    answer = ask("POST", f"{path}/actions", json={"jobAction": "CANCEL"})
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLING")
    zuora.clock.advance(600)
    assert ask("GET", path).json()["status"] == "CANCELLED"
    assert zuora.jobs(named("Development"))[-1]["status"] == "CANCELLED"


def test_after_the_clock_was_set_back_a_job_that_had_ended_can_be_cancelled(
    zuora: Zuora, ask: Ask, named: Callable[[str], str]
) -> None:
    start, job = zuora.clock.now(), zuora.jobs(named("UAT"))[-1]
    path = f"/test-environments/{named('UAT')}/jobs/{job['id']}"
    zuora.clock.advance(48 * 3600)
    assert ask("GET", path).json()["status"] == "COMPLETED"
    zuora.clock.set(start)
    assert ask("POST", f"{path}/actions", json={"jobAction": "CANCEL"}).status_code == 200
    zuora.clock.advance(48 * 3600)
    assert ask("GET", path).json()["status"] == "CANCELLED"


def test_what_does_not_exist_yet_is_not_cancelled(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    job = zuora.jobs(named("UAT"))[-1]
    zuora.clock.set(parse_instant(str(job["createTime"])) - timedelta(seconds=1))
    path = f"/test-environments/{named('UAT')}/jobs/{job['id']}"
    assert ask("GET", path).status_code == 404
    assert ask("POST", f"{path}/actions", json={"jobAction": "CANCEL"}).status_code == 404
    zuora.clock.advance(48 * 3600)
    assert ask("GET", path).json()["status"] == "COMPLETED"


def test_what_has_ended_is_not_cancelled(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('UAT')}/jobs"
    ended, running = zuora.jobs(named("UAT"))[0]["id"], zuora.jobs(named("UAT"))[-1]["id"]
    assert ask("POST", f"{path}/{ended}/actions", json={"jobAction": "CANCEL"}).status_code == 400
    for body in ({"jobAction": "PAUSE"}, {"action": "CANCEL"}, {}, "CANCEL"):
        assert ask("POST", f"{path}/{running}/actions", json=body).status_code == 400
    assert ask("POST", f"{path}/nope/actions", json={"jobAction": "CANCEL"}).status_code == 404


def test_strange_documents_are_served_as_they_were_put(zuora: Zuora, ask: Ask) -> None:
    environment: dict[str, object] = {"id": "e1", "tenantId": "12", "status": "NOVEL"}
    job: dict[str, object] = {"id": "J", "updateTime": 1.5, "status": None, "new": ["\ud800"]}
    zuora.put_environment(environment)
    zuora.put_job("e1", job)
    zuora.put_job("e1", "no job at all", job_id="odd")
    assert ask("GET", "/test-environments/e1").json() == environment
    assert ask("GET", "/test-environments/e1/jobs").json() == {"result": [job, "no job at all"], "size": 2}
    assert ask("GET", "/test-environments/e1/jobs/odd").json() == "no job at all"


def test_what_was_put_can_be_replaced_and_removed(zuora: Zuora, ask: Ask) -> None:
    zuora.put_environment({"id": "e1"})
    zuora.put_job("e1", {"id": "j1", "status": "QUEUED"})
    zuora.put_job("e1", {"id": "j1", "status": "FAILED"})
    assert ask("GET", "/test-environments/e1/jobs/j1").json()["status"] == "FAILED"
    zuora.remove_job("e1", "j1")
    assert ask("GET", "/test-environments/e1/jobs").json() == {"result": [], "size": 0}
    zuora.remove_environment("e1")
    assert ask("GET", "/test-environments/e1").status_code == 404


def test_a_seeded_job_can_be_replaced_verbatim(zuora: Zuora, ask: Ask, named: Callable[[str], str]) -> None:
    job = zuora.jobs(named("UAT"))[3]
    ask("GET", f"/test-environments/{named('UAT')}/jobs/{job['id']}")
    zuora.put_job(named("UAT"), job | {"status": "DELETING"})
    assert ask("GET", f"/test-environments/{named('UAT')}/jobs/{job['id']}").json()["status"] == "DELETING"
    assert ask("GET", f"/test-environments/{named('UAT')}/jobs").json()["result"][3]["status"] == "DELETING"
