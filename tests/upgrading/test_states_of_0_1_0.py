"""State files that tap-zuora-testenv 0.1.0 wrote for the jobs below: the next run goes on from each of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import E1, E2, E3, JOBS, Tap, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

STATES = Path(__file__).parent / "states_0.1.0"
HELD = {
    E1: {1: "EXPORTING", 2: "COMPLETED", 3: "COMPLETED"},
    E2: {4: "COMPLETED", 5: "FAILED", 6: "SCHEDULED"},
    E3: {7: "CANCELLED", 8: "COMPLETED"},
}


def named(identity: str, *numbers: int) -> Any:
    return {"id": identity, "job_ids": [job(number)["id"] for number in numbers]}


# By file: the setting `test_environments` of the run that wrote it, and the jobs that the next run emits: those that
# are unfinished, and those at the bookmark.
RUNS: dict[str, tuple[Any, list[int]]] = {
    "discovered": (None, [1, 3, 6, 8]),
    "listed": ([E2, E3], [6, 8]),
    "named": ([named(E1, 1, 2), named(E3, 7, 8)], [1, 2, 8]),
    "mixed": ([named(E1, 2, 3), E3], [3, 8]),
    "unfinished": ([E1], [1, 3]),
}


@pytest.fixture(autouse=True)
def three_environments(zuora: Zuora) -> None:
    for identity, jobs in HELD.items():
        zuora.put_environment(environment(identity))
        for number, status in jobs.items():
            zuora.put_job(identity, job(number, identity, status))


def state(name: str) -> Any:
    return json.loads((STATES / f"{name}.json").read_text(encoding="utf-8"))


def numbers(ids: list[str]) -> list[int]:
    return sorted(int(each.partition("-")[0]) for each in ids)


def test_each_file_has_its_run() -> None:
    assert {path.stem for path in STATES.iterdir()} == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_on_from_the_state(name: str, tap: Tap) -> None:
    configured, emitted = RUNS[name]
    ran = tap(state=state(name), test_environments=configured)
    assert (ran.code, numbers(ran.ids())) == (0, emitted)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_meets_no_change_writes_the_same_state(name: str, tap: Tap) -> None:
    ran = tap(state=state(name), test_environments=RUNS[name][0])
    assert ran.state == state(name)


def test_a_job_that_ended_since_is_emitted(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1, E1, "COMPLETED"))
    ran = tap(state=state("unfinished"), test_environments=[E1])
    assert ("COMPLETED", job(1)["id"]) in {(record["status"], record["id"]) for record in ran.records(JOBS)}
    assert ran.bookmark()["unfinished"] == []
