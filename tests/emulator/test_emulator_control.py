from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_zuora_testenv.emulator.clock import Clock, format_instant, parse_instant
from tap_zuora_testenv.emulator.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.emulator.conftest import Ask

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_clock_runs_at_its_speed_and_stops_at_speed_0() -> None:
    real = [10.0]
    clock = Clock(NOON, 3600, ticks=lambda: real[0])
    real[0] += 2
    assert clock.now() == NOON + timedelta(hours=2)
    clock.set(speed=0)
    real[0] += 100
    assert clock.now() == NOON + timedelta(hours=2)


def test_a_change_of_speed_does_not_make_the_clock_jump() -> None:
    real = [0.0]
    clock = Clock(NOON, 60, ticks=lambda: real[0])
    real[0] = 1.0
    clock.set(speed=1)
    real[0] = 2.0
    assert clock.now() == NOON + timedelta(seconds=61)


def test_the_clock_starts_with_the_real_time() -> None:
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("now", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), datetime(2026, 3, 1)])  # noqa: DTZ001
def test_an_impossible_time_or_one_without_a_zone_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match=r"year|zone"):
        Clock(now)


def test_the_clock_stops_at_its_end() -> None:
    real = [0.0]
    clock = Clock(datetime(9000, 12, 31, tzinfo=UTC), 1_000_000, ticks=lambda: real[0])
    real[0] = 1_000_000.0
    assert clock.now().isoformat() == "9000-12-31T23:59:59+00:00"
    clock.set(speed=1)
    assert clock.now().year == 9000


@pytest.mark.parametrize("speed", [-1, 1e12, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Clock(NOON, speed)


def test_instants_are_read_with_any_zone_and_written_in_utc() -> None:
    assert format_instant(parse_instant("2026-03-01T14:00:00.75+02:00")) == "2026-03-01T12:00:00Z"


def test_the_clock_is_read_set_and_advanced_over_http(ask: Ask) -> None:
    assert ask("GET", "/emulator/clock").json() == {"now": "2026-03-01T00:00:00Z", "speed": 0}
    assert ask("PUT", "/emulator/clock", json={"advance_seconds": 90}).json()["now"] == "2026-03-01T00:01:30Z"
    body = {"now": "2026-05-01T02:00:00+02:00", "advance_seconds": 1, "speed": 0}
    assert ask("PUT", "/emulator/clock", json=body).json() == {"now": "2026-05-01T00:00:01Z", "speed": 0}
    assert ask("PUT", "/emulator/clock", json={"speed": 60}).json()["speed"] == 60


@pytest.mark.parametrize(
    "body",
    [{}, [], {"time": 1}, {"now": "noon"}, {"now": 5}, {"now": "2026-05-01T00:00:00"}, {"speed": -1}, {"speed": "x"},
     {"advance_seconds": 1e300}, {"advance_seconds": 1e12}, {"speed": None}, {"now": "9999-12-31T23:59:59-14:00"}],
)  # fmt: skip
def test_a_body_that_the_clock_does_not_understand_changes_nothing(ask: Ask, zuora: Zuora, body: object) -> None:
    before = zuora.clock.now()
    answer = ask("PUT", "/emulator/clock", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert (zuora.clock.now(), zuora.clock.speed) == (before, 0)


def test_jobs_follow_the_clock_that_is_set_over_http(ask: Ask, named: Callable[[str], str]) -> None:
    path = f"/test-environments/{named('UAT')}"
    assert ask("GET", path).json()["status"] == "PROCESSING"
    ask("PUT", "/emulator/clock", json={"advance_seconds": 48 * 3600})
    assert ask("GET", path).json()["status"] == "ACTIVE"


def test_the_request_log_is_read_and_cleared_over_http(ask: Ask) -> None:
    ask("GET", "/test-environments")
    log = ask("GET", "/emulator/requests").json()
    assert [request["path"] for request in log["requests"]] == ["/test-environments"]
    assert (log["total"], log["max_in_flight"], log["connections"], log["in_flight"]) == (1, 1, 1, 0)
    assert ask("DELETE", "/emulator/requests").json()["total"] == 0
    assert ask("GET", "/emulator/requests").json()["requests"] == []


def test_control_needs_no_token_and_leaves_no_trace(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.clear()
    assert ask("GET", "/emulator/requests", headers={"Authorization": None}).status_code == 200
    assert zuora.requests.total == 0


def test_faults_are_added_read_and_cleared_over_http(ask: Ask) -> None:
    assert ask("POST", "/emulator/faults", json={"path": "/a", "status": 500}).status_code == 200
    rules = [{"path": "/b", "status": 501, "times": 1}, {"method": "GET", "path": "/c", "delay_seconds": 0}]
    assert len(ask("POST", "/emulator/faults", json=rules).json()["faults"]) == 3
    assert ask("GET", "/b").status_code == 501
    assert [fault["matched"] for fault in ask("GET", "/emulator/faults").json()["faults"]] == [0, 1, 0]
    assert ask("DELETE", "/emulator/faults").json() == {"faults": []}
    assert ask("GET", "/a").status_code == 404


def test_a_header_of_a_fault_may_be_a_number(ask: Ask) -> None:
    ask("POST", "/emulator/faults", json={"path": "/a", "status": 429, "headers": {"Retry-After": 3}})
    assert ask("GET", "/a").headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    "rule",
    [
        *({"stat": 500}, {"status": "500"}, {"times": 1.5}, {"after": True}, {"headers": []}, {"path": None}, 5, None),
        *({"status": 99}, {"status": 101}, {"status": 1000}, {"times": -1}, {"after": -1}, {"cut_after_bytes": -1}),
        *({"delay_seconds": -1}, {"delay_seconds": 1e300}, {"drip_seconds": "1"}, {"method": 1}, {"body": {}}),
        *({"headers": {"a b": "c"}}, {"headers": {"a": "b\r\nc: d"}}, {"headers": {"": "b"}}, {"headers": {"a": "€"}}),
    ],
)
def test_a_malformed_fault_is_refused(ask: Ask, zuora: Zuora, rule: object) -> None:
    answer = ask("POST", "/emulator/faults", json=[{"status": 500}, rule])
    assert answer.status_code == 400
    assert zuora.faults.as_json() == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
DATES = st.datetimes().map(lambda naive: f"{naive.isoformat()}Z") | st.sampled_from(
    ["9999-12-31T23:59:59-14:00", "noon"]
)
CLOCKS = st.fixed_dictionaries(
    {}, optional={"now": DATES | ANYTHING, "advance_seconds": ANYTHING, "speed": st.floats(0, 1) | ANYTHING}
)
FAULTS = st.fixed_dictionaries(
    {"path": st.just("/elsewhere")}, optional=dict.fromkeys(sorted(set(Fault().__dict__) - {"path"}), ANYTHING)
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CLOCKS | ANYTHING, st.lists(FAULTS | ANYTHING, max_size=2))
def test_whatever_is_sent_to_the_control_endpoints_is_accepted_or_refused_and_breaks_nothing(
    ask: Ask, zuora: Zuora, clock: object, faults: object
) -> None:
    zuora.faults.clear()
    headers = {"Content-Type": "application/json"}
    for method, path, body in (("PUT", "/emulator/clock", clock), ("POST", "/emulator/faults", faults)):
        assert ask(method, path, data=json.dumps(body).encode(), headers=headers).status_code in {200, 400}
        assert ask("GET", path).status_code == 200
    zuora.faults.clear()
    assert ask("GET", "/test-environments").status_code == 200
