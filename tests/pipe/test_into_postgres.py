"""The whole pipe on real processes: the tap, target-postgres, a PostgreSQL server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.table_comparison import METADATA, differences, schema
from tests.pipe.target_tables import STREAMS, environment_id

if TYPE_CHECKING:
    from dev.testbed.tap_to_target import Pipe
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tests.pipe.target_tables import Tables


def test_two_runs_leave_exactly_what_zuora_holds(pipe: Pipe, zuora: EmulatorServer, tables: Tables) -> None:
    first = pipe.run()
    assert tables.differences(zuora) == []

    uat, performance = environment_id(zuora, "UAT"), environment_id(zuora, "Performance")
    zuora.zuora.create_refresh(performance)
    zuora.zuora.cancel_job(uat, str(zuora.zuora.jobs(uat)[-1]["id"]))
    zuora.zuora.put_environment({"id": "new-here", "tenantName": "Acme 東京 'Ünïcode' \"quoted\" \\ 🚀", "tenantId": 9})
    zuora.zuora.clock.advance(timedelta(hours=2).total_seconds())

    pipe.run(first.state)
    assert tables.differences(zuora) == []
    assert {"CANCELLED", "COMPLETED", "FAILED", "SCHEDULED"} <= {row["status"] for row in tables.rows(STREAMS[1])}


def test_a_run_from_state_brings_only_what_may_have_changed(pipe: Pipe, zuora: EmulatorServer, tables: Tables) -> None:
    first = pipe.run()
    everything = len(zuora.zuora.documents()["test_environment_jobs"])
    assert tables.arrived("test_environment_jobs") == everything

    second = pipe.run(first.state)
    environments = len(zuora.zuora.environments())
    # Nothing happened in between: the newest of each environment, and those under way.
    assert environments <= tables.arrived("test_environment_jobs") <= environments + 2 < everything
    assert json.loads(second.state) == json.loads(first.state)
    assert tables.differences(zuora) == []


def test_each_field_is_a_column_of_the_type_it_says(pipe: Pipe, tables: Tables) -> None:
    pipe.run()
    for stream in STREAMS:
        expected = {name: column_type(definition) for name, definition in schema(stream)["properties"].items()}
        found = {name: kind for name, kind in tables.types(stream).items() if not name.startswith(METADATA)}
        assert found == expected


def column_type(definition: dict[str, Any]) -> str:
    """Tell what target-postgres makes of a field; it keeps times in the zone of its session, which is UTC here."""
    if definition.get("format") == "date-time":
        return "timestamp without time zone"
    return "bigint" if "integer" in definition["type"] else "text"


@pytest.mark.parametrize(
    ("sent", "instant"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678-08:00", datetime(2026, 1, 2, 11, 4, 5, 678_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05+0800", datetime(2026, 1, 1, 19, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678 UTC", datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1_767_323_045_678, datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)),
        (None, None),
    ],
)
def test_every_way_to_write_a_time_becomes_its_instant(
    pipe: Pipe, zuora: EmulatorServer, tables: Tables, sent: object, instant: datetime | None
) -> None:
    environment = environment_id(zuora, "UAT")
    zuora.zuora.put_job(environment, {"id": "odd", "testEnvironmentId": environment, "jobEndTime": sent})
    pipe.run()
    (row,) = (row for row in tables.rows("test_environment_jobs") if row["id"] == "odd")
    found = row["jobEndTime"]
    assert (found.replace(tzinfo=UTC) if found else None) == instant


def test_named_jobs_and_whole_environments_arrive_side_by_side(
    pipe: Pipe, zuora: EmulatorServer, tables: Tables, tap_settings: dict[str, Any]
) -> None:
    training, uat = environment_id(zuora, "Training"), environment_id(zuora, "UAT")
    oldest, *_, newest = zuora.zuora.jobs(training)
    named = {"id": training, "job_ids": [oldest["id"], newest["id"]]}
    tap_settings["test_environments"] = [named, uat]

    first = pipe.run()
    expected = [oldest, newest, *zuora.zuora.jobs(uat)]
    properties = schema("test_environment_jobs")["properties"]
    assert list(differences(tables.rows("test_environment_jobs"), expected, properties)) == []
    assert {row["id"] for row in tables.rows("test_environments")} == {training, uat}

    pipe.run(first.state)
    assert list(differences(tables.rows("test_environment_jobs"), expected, properties)) == []
