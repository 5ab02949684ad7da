"""The marts' tables, made without dbt, with as many rows as wanted; marts.yml documents their columns."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from dev.testbed.dbt_package import PROJECT
from tap_zuora_testenv.report.marts import marts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_zuora_testenv.report.marts import Rows
    from tests.dbt.engines import Engine

Row = dict[str, Any]
Tables = dict[str, list[Row]]

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PREFIX = "zuora_test_environments__"
DAYS_BETWEEN_JOBS = 36
EVERY = {"as_of": NOW, "as_of_is_known": True}


@cache
def columns() -> Mapping[str, Mapping[str, str]]:
    """The type of each column of each mart, as PostgreSQL and DuckDB write it."""
    text = (PROJECT / "models/marts/marts.yml").read_text(encoding="utf-8")
    types = {"string": "text"}
    return {
        model["name"]: {each["name"]: types.get(each["data_type"], each["data_type"]) for each in model["columns"]}
        for model in yaml.safe_load(text)["models"]
    }


def make(engine: Engine, schema: str, tables: Mapping[str, list[Row]]) -> None:
    """Make the four tables; a column that a row does not have is null."""
    for name, types in columns().items():
        rows = tables.get(name.removeprefix(PREFIX), [])
        engine.make(schema, name, types, ({key: _naive(value) for key, value in row.items()} for row in rows))


def read(url: str, schema: str) -> Rows:
    """Return what the page shows of these tables."""
    with marts(url, schema) as opened:
        return opened.rows()


def _naive(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def environment(key: str = "uat", **given: Any) -> Row:
    """Return an environment that is ready, with other values as given."""
    return {
        "test_environment_id": key, "environment_name": f"Environment {key}", "tenant_id": "9100", "readiness": "ready",
        "environment_type": "TEST", "data_copy_type": "FULL", "status": "ACTIVE", "failure_streak": 0,
        "has_vanished": False, "may_refresh_now": False, "extracted_at": NOW, **EVERY,
    } | given  # fmt: skip


def job(key: str, of: str = "uat", **given: Any) -> Row:
    """Return a completed refresh, with other values as given."""
    began = NOW - timedelta(days=10)
    return {
        "job_id": key, "test_environment_id": of, "job_type": "REFRESH", "status": "COMPLETED", "outcome": "completed",
        "created_by_id": "8ad08f0184ab20c20184ab2a9f3d0b1c", "created_at": began, "due_at": began, "started_at": began,
        "ended_at": began + timedelta(hours=9), "run_hours": 9, "wait_hours": 0, **EVERY,
    } | given  # fmt: skip


def notice(of: str, kind: str, severity: str, sentence: str, **given: Any) -> Row:
    """Return a notice."""
    return {
        "notice_id": f"{of}/{kind}", "test_environment_id": of, "kind": kind, "severity": severity,
        "sentence": sentence, "environment_name": f"Environment {of}", **EVERY,
    } | given  # fmt: skip


def many(environments: int, jobs: int) -> Tables:
    """Return environments with that many refreshes each, a hundred in ten years; one in ten needs attention."""
    chance = random.Random(17)  # noqa: S311 - for tests
    tables: Tables = {"readiness": [], "refreshes": [], "refresh_statistics": [], "notices": []}
    for number in range(environments):
        key = f"{chance.getrandbits(128):032x}"
        refreshes = list(_refreshes(chance, key, jobs))
        tables["refreshes"] += refreshes
        tables["refresh_statistics"] += [_month(row) for row in refreshes]
        is_bad, last = number % 10 == 0, refreshes[-1] if refreshes else {}
        tables["readiness"].append(
            environment(
                key, environment_name=f"Acme <b>{number}</b> & Söhne", tenant_id=str(91000 + number),
                readiness=("check" if is_bad else "busy" if number % 10 == 1 else "ready"),
                running_job_type="REFRESH", running_job_status="SCRUBBING", running_job_progress_percentage=46,
                running_job_estimated_completion_at=NOW + timedelta(hours=3), running_job_created_by_id="bob",
                data_exported_on=NOW.date() - timedelta(days=number % 90), data_age_days=number % 90,
                next_refresh_allowed_at=NOW + timedelta(days=1 + number % 3000), failure_streak=2 * is_bad,
                last_refresh_outcome="failed" if is_bad else "completed", last_refresh_ended_at=last.get("ended_at"),
                next_scheduled_refresh_at=NOW + timedelta(days=2) if number % 7 == 0 else None,
            )
        )  # fmt: skip
        if is_bad:
            said = "2 refreshes failed, the last on 9 Mar 2026, and none has succeeded since."
            tables["notices"].append(notice(key, "refresh_failed", "alert", said))
        tables["notices"].append(notice(key, "data_old", "warn", f"The data are {91 + number % 400} days old."))
    return tables


def _refreshes(chance: random.Random, of: str, jobs: int) -> Iterator[Row]:
    for back in range(jobs, 0, -1):
        began = NOW - timedelta(days=DAYS_BETWEEN_JOBS * back, hours=-chance.randrange(90))
        ran = chance.randrange(1, 300) / 10
        outcome = chance.choice(("completed", "completed", "completed", "failed", "cancelled"))
        yield job(
            f"{chance.getrandbits(128):032x}", of, outcome=outcome, status=outcome.upper(), created_at=began,
            due_at=began, started_at=began, ended_at=began + timedelta(hours=ran), run_hours=ran,
            created_by_id=f"{chance.getrandbits(128):032x}", ran_late=chance.random() < 0.1,
            days_since_previous_refresh=DAYS_BETWEEN_JOBS,
        )  # fmt: skip


def _month(row: Row) -> Row:
    month = row["ended_at"].date().replace(day=1)
    return {
        "statistics_id": f"{row['test_environment_id']}/{month}", "test_environment_id": row["test_environment_id"],
        "ended_in_month": month, "refreshes": 1, "completed": int(row["outcome"] == "completed"), "cancelled": 0,
        "failed": int(row["outcome"] == "failed"), "failure_rate": 0, "median_run_hours": row["run_hours"],
        "p90_run_hours": row["run_hours"],
    }  # fmt: skip
