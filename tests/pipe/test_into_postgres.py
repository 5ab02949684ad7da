"""The whole pipe on real processes: the tap, target-postgres, a PostgreSQL server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.processes import command
from dev.testbed.table_comparison import METADATA, differences, schema
from tests.pipe.target_tables import STREAMS, environment_id

if TYPE_CHECKING:
    from pathlib import Path

    from dev.testbed.tap_to_target import Pipe
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tests.pipe.target_tables import Tables


def test_two_runs_leave_exactly_the_rows_of_zuora(pipe: Pipe, zuora: EmulatorServer, tables: Tables) -> None:
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


def test_a_run_with_a_state_emits_only_what_may_have_changed(pipe: Pipe, zuora: EmulatorServer, tables: Tables) -> None:
    first = pipe.run()
    everything = len(zuora.zuora.documents()["test_environment_jobs"])
    assert tables.arrived("test_environment_jobs") == everything

    second = pipe.run(first.state)
    environments = len(zuora.zuora.environments())
    # Nothing happened in between: the newest job of each environment, and those that are running.
    assert environments <= tables.arrived("test_environment_jobs") <= environments + 2 < everything
    assert json.loads(second.state) == json.loads(first.state)
    assert tables.differences(zuora) == []


def test_each_field_is_a_column_of_its_declared_type(pipe: Pipe, tables: Tables) -> None:
    pipe.run()
    for stream in STREAMS:
        expected = {name: column_type(definition) for name, definition in schema(stream)["properties"].items()}
        found = {name: kind for name, kind in tables.types(stream).items() if not name.startswith(METADATA)}
        assert found == expected


def column_type(definition: dict[str, Any]) -> str:
    """Return the type of a field in PostgreSQL; the target keeps times in the zone of its session, here UTC."""
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
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-01T00:00:60Z", datetime(2024, 1, 1, 0, 1, tzinfo=UTC)),
        ("2016-12-31T15:59:60.5-08:00", datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05+23:59", datetime(2026, 1, 1, 3, 5, 5, tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", None),
        (" ", None),
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


def test_a_text_with_nul_is_stored(pipe: Pipe, zuora: EmulatorServer, tables: Tables) -> None:
    environment = environment_id(zuora, "UAT")
    zuora.zuora.put_job(environment, {"id": "odd", "createdById": "x\0y\ud800"})
    pipe.run()
    (row,) = (row for row in tables.rows("test_environment_jobs") if row["id"] == "odd")
    assert (row["createdById"], row["testEnvironmentId"]) == ("x\ufffdy\ufffd", environment)


def test_a_catalog_with_another_schema_is_what_arrives(
    pipe: Pipe, zuora: EmulatorServer, tables: Tables, tmp_path: Path
) -> None:
    zuora.zuora.put_environment({"id": "one", "tenantId": "94870", "tenantName": "Acme", "tier": "gold", "share": 0.5})
    zuora.zuora.put_environment({"id": "two", "tenantId": "none of them", "tier": ["gold"], "share": "much"})
    discovered = subprocess.run(  # noqa: S603 - the tap
        [*command("tap-zuora-testenv"), "--discover"], check=True, capture_output=True, timeout=60
    )
    catalog = json.loads(discovered.stdout)
    for stream in catalog["streams"]:
        if stream["stream"] == "test_environments":
            del stream["schema"]["properties"]["tenantName"]
            stream["schema"]["properties"] |= {
                "tenantId": {"type": ["integer", "null"]},
                "tier": {"type": ["string", "null"]},
                "share": {"type": ["number", "null"]},
            }
        else:
            del stream["schema"]["properties"]["testEnvironmentId"]
        root = next(each for each in stream["metadata"] if each["breadcrumb"] == [])
        root["metadata"]["selected"] = True
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog))
    changed = replace(pipe, options=["--catalog", str(path)])
    first = changed.run()
    rows = {row["id"]: row for row in tables.rows("test_environments")}
    assert [(rows[key]["tenantId"], rows[key]["tier"], float(rows[key]["share"] or 0)) for key in ("one", "two")] == [
        (94870, "gold", 0.5),
        (None, None, 0.0),
    ]
    types = tables.types("test_environments")
    assert (types["tenantId"], types["tier"], "tenantName" in types) == ("bigint", "text", False)
    assert "testEnvironmentId" not in tables.types("test_environment_jobs")
    assert json.loads(changed.run(first.state).state) == json.loads(first.state)
    assert tables.arrived("test_environment_jobs") < len(tables.rows("test_environment_jobs"))
