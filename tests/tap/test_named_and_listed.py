"""What is fetched: named jobs, listed environments, all environments, and both forms in one configuration."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.tap.running import E1, E2, E3, ENVIRONMENTS, JOBS, Tap, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

pytestmark = pytest.mark.usefixtures("three_environments")


@pytest.fixture
def three_environments(zuora: Zuora) -> None:
    for number, identity in enumerate((E1, E2, E3)):
        zuora.put_environment(environment(identity))
        for offset in range(3):
            zuora.put_job(identity, job(10 * number + offset, identity))


def test_a_named_job_is_fetched_by_the_single_job_operation(tap: Tap, zuora: Zuora) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": [job(1)["id"]]}], only=JOBS)
    assert (ran.code, ran.ids()) == (0, [job(1)["id"]])
    assert paths(zuora) == [f"/test-environments/{E1}/jobs/{job(1)['id']}"]


def test_a_named_environment_is_listed_with_one_request(tap: Tap, zuora: Zuora) -> None:
    ran = tap(test_environments=[E2], only=JOBS)
    assert ran.ids() == [job(number)["id"] for number in (10, 11, 12)]
    assert paths(zuora) == [f"/test-environments/{E2}/jobs"]


def test_without_names_every_environment_is_listed_and_the_list_is_requested_once(tap: Tap, zuora: Zuora) -> None:
    ran = tap()
    assert (ran.code, len(ran.ids()), ran.ids(ENVIRONMENTS)) == (0, 9, [E1, E2, E3])
    assert Counter(paths(zuora)) == Counter(
        ["/test-environments", *(f"/test-environments/{e}/jobs" for e in (E1, E2, E3))]
    )
    assert paths(zuora, "POST") == ["/oauth/token"]


def test_named_jobs_and_named_environments_go_together_in_the_order_of_the_configuration(tap: Tap) -> None:
    named = [{"id": E3, "job_ids": [job(22)["id"], job(20)["id"]]}, E1, {"id": E2, "job_ids": [job(11)["id"]]}]
    ran = tap(test_environments=named)
    assert ran.ids() == [job(number)["id"] for number in (22, 20, 0, 1, 2, 11)]
    assert ran.ids(ENVIRONMENTS) == [E3, E1, E2]


def test_a_job_named_twice_is_fetched_once(tap: Tap, zuora: Zuora) -> None:
    one = job(1)["id"]
    ran = tap(test_environments=[{"id": E1, "job_ids": [one, one.upper()]}, {"id": E1, "job_ids": [one]}], only=JOBS)
    assert ran.ids() == [one]
    assert len(paths(zuora)) == 1


def test_an_environment_named_both_ways_is_listed(tap: Tap, zuora: Zuora) -> None:
    ran = tap(test_environments=[{"id": E1, "job_ids": [job(1)["id"]]}, E1], only=JOBS)
    assert len(ran.ids()) == 3
    assert paths(zuora) == [f"/test-environments/{E1}/jobs"]


def test_a_deselected_stream_sends_nothing(tap: Tap, zuora: Zuora) -> None:
    ran = tap(only=ENVIRONMENTS)
    assert ran.records(JOBS) == []
    assert paths(zuora) == ["/test-environments"]
    assert {message.get("stream") for message in ran.messages} == {ENVIRONMENTS, None}
    assert ran.state == {}


def test_an_id_that_appears_twice_in_a_list_counts_once_with_its_later_row(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1, progressPercentage=7), job_id="again")
    ran = tap(test_environments=[E1], only=JOBS)
    assert ran.ids() == [job(number)["id"] for number in (0, 1, 2)]
    assert ran.records()[1]["progressPercentage"] == 7


def test_an_empty_environment_that_is_named_is_checked_once(tap: Tap, zuora: Zuora) -> None:
    for number in range(3):
        zuora.remove_job(E1, job(number)["id"])
    ran = tap(test_environments=[E1], only=JOBS)
    assert (ran.code, ran.ids()) == (0, [])
    assert paths(zuora) == [f"/test-environments/{E1}/jobs", f"/test-environments/{E1}"]


def test_an_empty_environment_that_was_discovered_is_not_checked(tap: Tap, zuora: Zuora) -> None:
    for number in range(3):
        zuora.remove_job(E1, job(number)["id"])
    assert tap().code == 0
    assert f"/test-environments/{E1}" not in paths(zuora)


def test_a_tenant_without_environments_gives_nothing_and_succeeds(tap: Tap, zuora: Zuora) -> None:
    for identity in (E1, E2, E3):
        zuora.remove_environment(identity)
    ran = tap()
    assert (ran.code, ran.records(), ran.verdict) == (0, [], "Done: nothing new to emit.")


def test_records_keep_the_order_of_the_configuration_when_answers_do_not(tap: Tap, zuora: Zuora) -> None:
    from tap_zuora_testenv.emulator.faults import Fault  # noqa: PLC0415

    zuora.faults.add(Fault(f"/test-environments/{E1}/jobs", delay_seconds=0.3))
    ran = tap(test_environments=[E1, E2, E3], only=JOBS)
    assert [record["testEnvironmentId"] for record in ran.records()] == [E1] * 3 + [E2] * 3 + [E3] * 3


@pytest.mark.parametrize("width", [1, 40])
def test_the_width_is_kept_and_every_job_comes_once(tap: Tap, zuora: Zuora, width: int) -> None:
    for number in range(100):
        zuora.put_job(E1, job(100 + number, updated="2026-01-01T00:00:00Z"))
    names = [job(100 + number)["id"] for number in range(100)]
    ran = tap(test_environments=[{"id": E1, "job_ids": names}], only=JOBS, max_parallel_requests=width)
    assert ran.ids() == names
    assert zuora.requests.max_in_flight <= width
    assert zuora.requests.connections <= width + 1
