"""The models on two engines, PostgreSQL and DuckDB: every test passes on both, and the rows are the same.

`zuora-testenv-status` judges the same histories without a database: its states are the models'.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.dbt_package import PROJECT
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.zuora import Zuora
from tap_zuora_testenv.readiness import readiness
from tap_zuora_testenv.timestamps import instant
from tests.dbt.engines import MARTS, DuckDB, Engine, Postgres, documents_as_rows, fill, marts, run, succeed
from tests.dbt.random_histories import ENDS, random_history

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Row = dict[str, Any]

RANDOM_JOBS, RANDOM_ENVIRONMENTS = 10_000, 1000
# All environments are in one list.
READ = ENDS.replace(tzinfo=UTC)
# Each of the two runs starts at its own time, which is what this kind of notice counts from.
GIVEN = {"zuora_testenv_stale_hours": 1_000_000}


def histories() -> Mapping[str, Sequence[Row]]:
    """Return the emulator's history and a random one, as the rows of two tenants in the same tables."""
    emulated = documents_as_rows(Zuora(seed=81, clock=Clock(READ, 0)).documents(), READ)
    drawn = random_history(Random(16), RANDOM_JOBS, RANDOM_ENVIRONMENTS)  # noqa: S311 - to be the same each time
    return {stream: [*emulated[stream], *drawn[stream]] for stream in emulated}


def nulls_the_other_way_round(engine: DuckDB, folder: Path) -> Path:
    """Write a profile by which DuckDB sorts nulls as BigQuery does: first where PostgreSQL has them last."""
    output = {
        "type": "duckdb", "path": str(engine.path), "schema": "both_engines_models", "threads": 2,
        "settings": {"default_null_order": "nulls_first_on_asc_last_on_desc"},
    }  # fmt: skip
    (folder / "profiles.yml").write_text(
        json.dumps({"zuora_testenv": {"target": "duckdb", "outputs": {"duckdb": output}}})
    )
    return folder


@pytest.fixture(scope="module")
def built(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Row]]]:
    found = {}
    rows = histories()
    folder = tmp_path_factory.mktemp("engines")
    engines: list[Engine] = [postgres, DuckDB(folder / "models.duckdb")]
    for engine in engines:
        fill(engine, "both_engines", rows)
        # With the unit tests, whose expectations were worked out by hand.
        profiles = nulls_the_other_way_round(engine, folder) if isinstance(engine, DuckDB) else PROJECT
        succeed(run(engine, folder, ["build"], "both_engines", given=GIVEN, profiles=profiles))
        found[engine.name] = marts(engine, "both_engines")
    return found


@pytest.mark.parametrize("table", MARTS)
def test_the_rows_are_the_same_on_both(built: dict[str, dict[str, dict[str, Row]]], table: str) -> None:
    ours, theirs = built["postgres"][table], built["duckdb"][table]
    assert ours.keys() == theirs.keys()
    differing = {key: (row, theirs[key]) for key, row in ours.items() if row != theirs[key]}
    assert differing == {}


def test_the_states_are_those_that_the_status_command_gives(built: dict[str, dict[str, dict[str, Row]]]) -> None:
    rows = histories()
    environments = {row["id"]: as_sent(row) for row in rows["test_environments"]}
    jobs: dict[str, list[Row]] = {}
    for row in map(as_sent, rows["test_environment_jobs"]):
        jobs.setdefault(row["testEnvironmentId"], []).append(row)
    modelled = built["duckdb"]["zuora_test_environments__readiness"]
    assert len(modelled) > RANDOM_ENVIRONMENTS
    differing = {}
    for key, row in modelled.items():
        # An environment without a row is known only by its jobs.
        found = readiness(environments.get(key, {}), jobs.get(key, []), has_vanished=row["has_vanished"])
        running, last = found.running, found.last_refresh
        given = (
            found.state, running and running.id, running and running.started_at, last and last.outcome,
            last and last.ended_at, found.last_good_at,
        )  # fmt: skip
        expected = (
            row["readiness"], row["running_job_id"], at(row["running_job_started_at"]), row["last_refresh_outcome"],
            at(row["last_refresh_ended_at"]), at(row["last_good_refresh_at"]),
        )  # fmt: skip
        if given != expected:
            differing[key] = (given, expected)
    assert differing == {}


def as_sent(row: Row) -> Row:
    """Turn a row as targets write it into one as Zuora sends it."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def at(value: datetime | None) -> int | None:
    return None if value is None else instant(value.isoformat())


def test_the_random_history_reaches_every_state_and_every_notice(built: dict[str, dict[str, dict[str, Row]]]) -> None:
    rows = built["duckdb"]
    assert len(rows["zuora_test_environments__refreshes"]) > RANDOM_JOBS
    readiness = rows["zuora_test_environments__readiness"].values()
    assert {row["readiness"] for row in readiness} == {"ready", "busy", "check", "unavailable", "unknown"}
    assert {row["kind"] for row in rows["zuora_test_environments__notices"].values()} == {
        "refresh_failed", "environment_vanished", "running_late", "scheduled_refresh_overdue", "deactivation_near",
        "data_old", "refresh_allowed",
    }  # fmt: skip
    for column in (
        "data_exported_on",
        "configuration_exported_on",
        "last_good_refresh_job_id",
        "next_scheduled_refresh_at",
    ):
        assert {row[column] is None for row in readiness} == {True, False}
