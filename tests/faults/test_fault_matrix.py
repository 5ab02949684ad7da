"""Every kind of fault, at each kind of request: once, always and in the middle of a run.

`fault_matrix` defines what each fault means; the table below defines how a run ends, by the request that meets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.fault_matrix import FAULTS, HARMLESS, MISSING, PASSING, REFUSED, REJECTED
from dev.testbed.faulty_proxy import FaultyProxy, Rule, WireFault
from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, E2, JOBS, Tap, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

# What a server that has closed an idle connection looks like.
CLOSED_MEANWHILE = (WireFault.RESET_BEFORE_HEADERS, WireFault.CLOSED_BEFORE_HEADERS)

# The faults that are Zuora's own refusal of the credentials, in response to the request for a token.
BLAMED_ON_THE_CREDENTIALS = {
    "400",
    "401",
    "200 without success",
    *(f"{status} of kind {kind}" for status in (200, 400) for kind in (11, 20, 30)),
    "500 of kind 11",
}

ONE_JOB = f"/test-environments/{E1}/jobs/{job(2)['id']}"
REQUESTS = {
    "token": "/oauth/token",
    "environments": "/test-environments",
    "list of jobs": f"/test-environments/{E2}/jobs",
    "one job": ONE_JOB,
}
NAMED_JOBS = [job(number)["id"] for number in (1, 2, 3)]
LISTED_JOBS = [job(number)["id"] for number in (11, 12)]
ALL_JOBS = NAMED_JOBS + LISTED_JOBS


@dataclass(frozen=True)
class Expected:
    """How a run ends."""

    jobs: list[str]
    code: int
    last_line: str


DONE = Expected(ALL_JOBS, 0, "Done: emitted 5 jobs")
# What is left if the request that meets the fault fails.
WITHOUT = {
    "token": [],
    "environments": [],
    "list of jobs": NAMED_JOBS,
    "one job": [each for each in ALL_JOBS if each != job(2)["id"]],
}


def expected(meaning: str, request: str, times: int | None) -> Expected:
    """The specification."""
    ends_the_run = request in {"token", "environments"}
    # For any request but the token's, a rejected token is renewed, outside the attempts.
    may_recover = meaning == PASSING or (meaning == REJECTED and request != "token")
    if meaning == HARMLESS or (may_recover and times == 1):
        return DONE
    if ends_the_run:
        must_act = meaning in {REFUSED, REJECTED} or (request == "token" and meaning != PASSING)
        return Expected([], 2, "Misconfigured: ") if must_act else Expected([], 1, "Stopped: ")
    if meaning == MISSING:
        return Expected(WITHOUT[request], 0, "Done: ")
    return Expected(WITHOUT[request], 1, "Incomplete: ")


@pytest.fixture(autouse=True)
def two_environments(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_environment(environment(E2))
    for number in (1, 2, 3):
        zuora.put_job(E1, job(number))
    for number in (11, 12):
        zuora.put_job(E2, job(number, E2))


@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
@pytest.mark.parametrize("request_kind", REQUESTS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("short_time_limit")
def test_every_fault_has_the_expected_outcome(
    tap: Tap, zuora: Zuora, proxy: FaultyProxy, fault: str, request_kind: str, times: int | None
) -> None:
    meaning, how = FAULTS[fault]
    path = REQUESTS[request_kind]
    config: dict[str, Any] = {"max_parallel_requests": 1, "max_attempts": 2, "only": JOBS}
    if request_kind != "environments":
        config["test_environments"] = [{"id": E1, "job_ids": NAMED_JOBS}, E2]
    if "wire" in how:
        proxy.rules.append(Rule(how["wire"], path, times=times))
        config["base_url"] = proxy.url
    else:
        zuora.faults.add(Fault(path, times=times, **how))
    ran = tap(**config)
    wanted = expected(meaning, request_kind, times)
    assert (ran.ids(), ran.code) == (wanted.jobs, wanted.code), ran.verdict
    assert ran.verdict.startswith(wanted.last_line)
    assert "\n" not in ran.verdict
    assert "Traceback" not in ran.log
    if request_kind == "token":
        assert not any(token in ran.log + ran.verdict for token in zuora.tokens._expiries)  # noqa: SLF001 - all of them
        assert ("check client_id and client_secret" in ran.verdict) == (fault in BLAMED_ON_THE_CREDENTIALS)
    if wanted.code:
        # The verdict names the request, its host, and what to do.
        assert f"{path} at 127.0.0.1:" in ran.verdict
        assert ";" in ran.verdict or ":" in ran.verdict
    attempts = {PASSING: 2, REJECTED: 2}.get(meaning, 1) if request_kind != "token" or meaning == PASSING else 1
    if fault in CLOSED_MEANWHILE and times is None:
        # The connection was opened before: the first request is sent once more, which is not an attempt.
        attempts += 1
    assert paths(zuora, "POST" if request_kind == "token" else "GET").count(path) == attempts


@pytest.mark.parametrize("fault", CLOSED_MEANWHILE)
@pytest.mark.parametrize("request_kind", ["environments", "list of jobs", "one job"])
def test_a_kept_connection_that_the_server_has_closed_costs_no_attempt(
    tap: Tap, proxy: FaultyProxy, fault: str, request_kind: str
) -> None:
    proxy.rules.append(Rule(fault, REQUESTS[request_kind], times=1))
    named = None if request_kind == "environments" else [{"id": E1, "job_ids": NAMED_JOBS}, E2]
    ran = tap(max_parallel_requests=1, max_attempts=1, only=JOBS, test_environments=named, base_url=proxy.url)
    assert (ran.ids(), ran.code) == (ALL_JOBS, 0), ran.verdict


@pytest.mark.parametrize("fault", [name for name, (meaning, _) in FAULTS.items() if meaning == PASSING])
@pytest.mark.usefixtures("short_time_limit")
def test_a_fault_during_a_run_leaves_what_came_before_and_after(
    tap: Tap, zuora: Zuora, proxy: FaultyProxy, fault: str
) -> None:
    _, how = FAULTS[fault]
    names = [job(100 + number)["id"] for number in range(20)]
    for number in range(20):
        zuora.put_job(E1, job(100 + number, updated="2026-01-01T00:00:00Z"))
    config: dict[str, Any] = {"test_environments": [{"id": E1, "job_ids": names}], "only": JOBS, "max_attempts": 2}
    for broken in names[8:10]:
        path = f"/test-environments/{E1}/jobs/{broken}"
        if "wire" in how:
            proxy.rules.append(Rule(how["wire"], path))
            config["base_url"] = proxy.url
        else:
            zuora.faults.add(Fault(path, **how))
    ran = tap(max_parallel_requests=1, **config)
    assert (ran.ids(), ran.code) == (names[:8] + names[10:], 1)
    zuora.faults.clear()
    proxy.rules.clear()
    again = tap(state=ran.state, **config)
    assert set(names[8:10]) <= set(again.ids())
    assert again.code == 0
