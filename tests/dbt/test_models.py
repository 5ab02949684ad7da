"""The models, on a history worked out by hand and on the emulator's, through the tap and target-postgres."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from dev.testbed import dbt_package
from dev.testbed.dbt_package import Place, build
from dev.testbed.tap_to_target import Pipe
from dev.testbed.tool_error import ToolError
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora
from tests.documentation import blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row = dict[str, Any]

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVERYTHING = ("--warn-error",)


@pytest.fixture(scope="module")
def built(by_hand: Place) -> Place:
    build(by_hand, NOW, EVERYTHING)
    return by_hand


def keyed(rows: list[Row], key: str, *columns: str) -> dict[str, tuple[Any, ...]]:
    return {row[key]: tuple(row[column] for column in columns) for row in rows}


def test_every_test_of_the_package_passes_on_a_clean_history_without_a_warning(built: Place) -> None:
    assert built.models_schema


def test_each_job_has_its_times_of_waiting_and_running(built: Place, ask: Callable[[Place, str], list[Row]]) -> None:
    rows = keyed(
        ask(built, "zuora_test_environments__refreshes"),
        "job_id", "outcome", "wait_hours", "run_hours", "ran_late", "late_by_hours", "days_since_previous_refresh",
    )  # fmt: skip
    number = Decimal
    assert rows == {
        "u1": ("completed", number(2), number(10), True, number(1), None),
        # 32.75 days from 5 February noon to 10 March 06:00.
        "u2": ("running", number("0.5"), number(6), True, number(2), number("32.75")),
        "d1": ("completed", 0, number(2), None, None, None),
        "d2": ("completed", number(2), number(4), None, None, number(14)),
        "d3": ("failed", 0, number(1), None, None, number("3.75")),
        "d4": ("failed", 0, number("0.5"), None, None, number("4.75")),
    }


def test_each_environment_has_its_readiness(built: Place, ask: Callable[[Place, str], list[Row]]) -> None:
    rows = keyed(
        ask(built, "zuora_test_environments__readiness"),
        "test_environment_id", "readiness", "running_job_id", "running_job_is_late", "data_age_days", "may_refresh_now",
        "failure_streak", "last_good_refresh_job_id", "last_good_refresh_created_by_id",
    )  # fmt: skip
    assert rows == {
        "uat": ("busy", "u2", True, 34, False, 0, "u1", "ann"),
        "dev": ("check", None, None, 15, True, 2, "d2", None),
        "old": ("unavailable", None, None, None, False, 0, None, None),
    }


def test_each_query_of_the_page_has_rows(built: Place) -> None:
    queries = blocks("docs/models.md", "sql")
    assert queries
    with psycopg.connect(built.url) as connection:
        for query in queries:
            assert connection.execute(query.replace("zuora_testenv_models.", f"{built.models_schema}.")).fetchall()


def test_each_month_has_the_statistics_of_its_refreshes(built: Place, ask: Callable[[Place, str], list[Row]]) -> None:
    rows = keyed(
        ask(built, "zuora_test_environments__refresh_statistics"),
        "statistics_id", "ended_in_month", "refreshes", "failed", "failure_rate", "median_run_hours", "p90_run_hours",
    )  # fmt: skip
    february, march = date(2026, 2, 1), date(2026, 3, 1)
    assert rows == {
        "uat/2026-02-01": (february, 1, 0, 0, 10, 10),
        # Nine tenths of the way from 2 to 4 hours.
        "dev/2026-02-01": (february, 3, 1, Decimal("0.3333"), 3, Decimal("3.80")),
        "dev/2026-03-01": (march, 1, 1, 1, None, None),
    }


def test_a_value_that_zuora_adds_gives_a_warning_and_stops_nothing(
    new_place: Callable[[], Place],
    fill: Callable[[Place, list[Row], list[Row]], None],
    ask: Callable[[Place, str], list[Row]],
) -> None:
    place = new_place()
    fill(
        place,
        [{"id": "a", "status": "RESTING", "environmentType": "MOON"}],
        # A job of an environment that was not loaded.
        [{"id": "j", "testEnvironmentId": "b", "jobType": "CLONE", "status": "POLISHING"}],
    )
    build(place, NOW)
    rows = ask(place, "zuora_test_environments__readiness")
    assert keyed(rows, "test_environment_id", "readiness") == {"a": ("unknown",), "b": ("busy",)}


def test_missing_tables_are_a_sentence_without_a_password(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with pytest.raises(ToolError, match="dbt could not build the models") as failure:
        build(Place(place.url.replace("postgres@", "postgres:hush@"), place.schema, place.models_schema))
    assert "hush" not in str(failure.value)


def test_without_a_given_time_now_is_when_an_environment_was_read(
    by_hand: Place, ask: Callable[[Place, str], list[Row]]
) -> None:
    place = Place(by_hand.url, by_hand.schema, f"{by_hand.schema}_now")
    before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    build(place)
    rows = keyed(ask(place, "zuora_test_environments__readiness"), "test_environment_id", "as_of", "as_of_is_known")
    read = datetime(2026, 3, 10, 11)  # noqa: DTZ001 - as it is stored
    assert (rows["uat"], rows["dev"]) == ((read, True), (read, True))
    # Nothing shows when that one was read.
    as_of, is_known = rows["old"]
    assert before <= as_of <= datetime.now(UTC).replace(tzinfo=None)
    assert not is_known


def test_dbt_leaves_nothing_in_the_checkout(built: Place) -> None:
    assert built.models_schema
    left = {name for _, folders, files in os.walk(dbt_package.PROJECT) for name in [*folders, *files]}
    assert not left & {"target", "logs", "dbt_packages", ".user.yml", "package-lock.yml"}


def test_on_the_emulators_history_they_agree_with_its_documents(
    tmp_path: Path, new_place: Callable[[], Place], ask: Callable[[Place, str], list[Row]]
) -> None:
    place = new_place()
    now = datetime(2026, 10, 1, tzinfo=UTC)
    with EmulatorServer(Zuora(seed=81, clock=Clock(now, 0))) as server:
        tokens = server.zuora.tokens
        tap = {"base_url": server.url, "client_id": tokens.client_id, "client_secret": tokens.client_secret}
        url = place.url.replace("postgresql://", "postgresql+psycopg://")
        Pipe(tmp_path, tap, {"sqlalchemy_url": url, "default_target_schema": place.schema}).run()
        documents = server.zuora.documents()
    build(place, now, EVERYTHING)

    jobs = documents["test_environment_jobs"]
    found = keyed(ask(place, "zuora_test_environments__refreshes"), "job_id", "outcome", "run_hours")
    assert found == {job["id"]: (outcome(job), hours(job, now)) for job in jobs}

    ready = keyed(
        ask(place, "zuora_test_environments__readiness"), "test_environment_id", "readiness", "running_job_id"
    )
    running = {job["testEnvironmentId"]: job["id"] for job in jobs if outcome(job) == "running"}
    words = {"ACTIVE": "ready", "PROCESSING": "busy", "DEACTIVATED": "unavailable"}
    assert ready == {
        row["id"]: (words[str(row["status"])], running.get(row["id"])) for row in documents["test_environments"]
    }
    assert set(running) == {key for key, (word, _) in ready.items() if word == "busy"}

    statistics = keyed(
        ask(place, "zuora_test_environments__refresh_statistics"),
        "statistics_id",
        "refreshes",
        "failed",
        "median_run_hours",
    )
    expected = {}
    for key, group in months(jobs).items():
        done = [hours(job, now) for job in group if job["status"] == "COMPLETED"]
        middle = median(float(value) for value in done if value is not None) if done else None
        expected[key] = (
            len(group),
            sum(job["status"] == "FAILED" for job in group),
            middle and pytest.approx(middle, abs=0.006),
        )
    assert {key: (*row[:2], row[2] and float(row[2])) for key, row in statistics.items()} == expected


def outcome(job: Row) -> str:
    status = job["status"]
    if status in ("COMPLETED", "FAILED", "CANCELLED"):
        return str(status).lower()
    return "waiting" if status in ("NEW", "SCHEDULED") else "running"


def hours(job: Row, now: datetime) -> Decimal | None:
    if "jobStartTime" not in job:
        return None
    ended = datetime.fromisoformat(job["jobEndTime"]) if "jobEndTime" in job else now
    seconds = (ended - datetime.fromisoformat(job["jobStartTime"])).total_seconds()
    return (Decimal(int(seconds)) / 3600).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def months(jobs: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for job in jobs:
        if job["jobType"] == "REFRESH" and "jobEndTime" in job:
            found.setdefault(f"{job['testEnvironmentId']}/{job['jobEndTime'][:7]}-01", []).append(job)
    return found
