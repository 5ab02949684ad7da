"""The models on tables as targets write them: names in four cases, with and without the target's own columns."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.dbt.engines import MARTS, DuckDB, Postgres, fill, marts, run, succeed
from tests.dbt.random_histories import ENDS, random_history

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
Marts = dict[str, dict[str, Row]]

GIVEN = {"zuora_testenv_now": ENDS.isoformat()}
ONLY_MODELS = ["run", "--quiet"]
# The columns that depend on when the rows were read.
OF_READING = {"extracted_at", "has_vanished"}


def snake(field: str) -> str:
    return re.sub("([A-Z])", r"_\1", field).lower()


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Row]]:
    drawn = random_history(Random(8), jobs=300, environments=20)  # noqa: S311 - to be the same each time
    for row in drawn["test_environments"]:
        # None has vanished, which cannot be known without the target's own columns.
        row["_sdc_extracted_at"] = ENDS
    return drawn


@pytest.fixture(scope="module")
def camel(rows: dict[str, list[Row]], postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    fill(postgres, "camel", rows)
    succeed(run(postgres, tmp_path_factory.mktemp("camel"), ONLY_MODELS, "camel", given=GIVEN))
    return marts(postgres, "camel")


def test_names_in_upper_case_and_instants_with_a_zone_are_read_alike(
    rows: dict[str, list[Row]], camel: Marts, postgres: Postgres, tmp_path: Path
) -> None:
    """target-snowflake writes upper case; a column with a zone is converted, whatever the session's zone."""
    fill(postgres, "upper", in_utc(rows), name=str.upper, instant="timestamptz")
    succeed(run(postgres, tmp_path, ONLY_MODELS, "upper", given=GIVEN | {"zuora_testenv_column_case": "upper"}))
    assert marts(postgres, "upper") == camel


def test_names_in_snake_case_are_read_alike(
    rows: dict[str, list[Row]], camel: Marts, postgres: Postgres, tmp_path: Path
) -> None:
    fill(postgres, "snake", rows, name=snake)
    succeed(run(postgres, tmp_path, ONLY_MODELS, "snake", given=GIVEN | {"zuora_testenv_column_case": "snake"}))
    assert marts(postgres, "snake") == camel


def test_names_in_lower_case_without_the_targets_own_columns_are_read_alike(
    rows: dict[str, list[Row]], camel: Marts, tmp_path: Path
) -> None:
    """target-duckdb writes lower case, and by default adds no column."""
    engine = DuckDB(tmp_path / "warehouse.duckdb")
    fill(engine, "lower", rows, name=str.lower, sdc=())
    succeed(run(engine, tmp_path, ONLY_MODELS, "lower", given=GIVEN | {"zuora_testenv_column_case": "lower"}))
    found = marts(engine, "lower")
    for table in MARTS:
        assert found[table].keys() == camel[table].keys()
        for key, row in found[table].items():
            assert without(row, OF_READING) == without(camel[table][key], OF_READING)
    readiness = found["zuora_test_environments__readiness"].values()
    assert {(row["extracted_at"], row["has_vanished"]) for row in readiness} == {(None, False)}


def test_a_wrong_case_is_an_error_that_names_the_right_one(
    rows: dict[str, list[Row]], postgres: Postgres, tmp_path: Path
) -> None:
    fill(postgres, "wrong", rows, name=snake)
    done = run(postgres, tmp_path, ONLY_MODELS, "wrong")
    assert done.returncode == 1
    assert "has no column testEnvironmentId, but test_environment_id" in done.stdout
    assert "set the variable zuora_testenv_column_case to snake" in done.stdout


def without(row: Row, columns: set[str]) -> Row:
    return {column: value for column, value in row.items() if column not in columns}


def in_utc(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Give instants as text with a zone, as they are inserted into columns that have one."""
    return {
        stream: [
            {
                field: f"{value.isoformat()}+00:00" if isinstance(value, datetime) else value
                for field, value in row.items()
            }
            for row in listed
        ]
        for stream, listed in rows.items()
    }


# What a target that appends has after four runs, an hour apart.
FIRST = datetime(2026, 3, 10, 8)  # noqa: DTZ001 - as targets write it
RUNS = [FIRST + timedelta(hours=hours) for hours in range(4)]
ENVIRONMENT: Row = {"id": "uat", "tenantId": "42", "tenantName": "UAT", "status": "ACTIVE", "dataCopyType": "FULL"}
JOB: Row = {
    "id": "j", "testEnvironmentId": "uat", "jobType": "REFRESH", "createdById": "ann",
    "createTime": datetime(2026, 3, 10, 6), "jobStartTime": datetime(2026, 3, 10, 6, 30),  # noqa: DTZ001
    "estimatedCompletionTime": datetime(2026, 3, 10, 7),  # noqa: DTZ001
}  # fmt: skip


def appended() -> dict[str, list[Row]]:
    steps = (("QUEUED", 0), ("EXPORTING", 30), ("EXPORTING", 30), ("IMPORTING", 80))
    return {
        "test_environments": [
            *(ENVIRONMENT | {"status": "PROCESSING", "_sdc_extracted_at": at} for at in RUNS),
            # Not in the last two lists.
            *({"id": "gone", "status": "ACTIVE", "_sdc_extracted_at": at} for at in RUNS[:2]),
        ],
        "test_environment_jobs": [
            # The last reading of one, and then of the other, comes first in the table.
            *(
                JOB | {"status": status, "progressPercentage": done, "updateTime": at, "_sdc_extracted_at": at}
                for at, (status, done) in reversed(list(zip(RUNS, steps, strict=True)))
            ),
            *(
                JOB | {"id": "k", "testEnvironmentId": "gone", "status": status, "_sdc_extracted_at": at}
                for at, status in ((RUNS[0], "QUEUED"), (RUNS[1], "COMPLETED"))
            ),
        ],
    }


@pytest.fixture(scope="module")
def read(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Build from appended rows, without a given present, with users."""
    fill(postgres, "appended", appended(), sdc=("_sdc_extracted_at",))
    people = [{"id": "ann", "name": "Ann"}, {"id": "ann", "name": "Ann Again"}, {"id": "bob", "name": "Bob"}]
    postgres.make("appended", "people", {"id": "text", "name": "text"}, people)
    given = {"zuora_testenv_users": "appended.people"}
    command = ["build", "--quiet", "--exclude-resource-type=unit_test"]
    succeed(run(postgres, tmp_path_factory.mktemp("appended"), command, "appended", given=given))
    return marts(postgres, "appended")


def test_several_rows_per_job_are_reduced_to_the_latest(read: Marts) -> None:
    jobs = read["zuora_test_environments__refreshes"]
    assert {key: (row["status"], row["progress_percentage"]) for key, row in jobs.items()} == {
        "j": ("IMPORTING", 80),
        "k": ("COMPLETED", None),
    }


def test_lateness_counts_against_when_the_rows_were_read(read: Marts) -> None:
    row = read["zuora_test_environments__readiness"]["uat"]
    assert (row["as_of"], row["as_of_is_known"], row["running_job_late_by_hours"]) == (RUNS[3], True, 4)
    notice = read["zuora_test_environments__notices"]["uat/running_late"]
    assert notice["sentence"] == "The refresh is running 4 hours later than estimated."
    assert (notice["severity"], notice["since"], notice["tenant_id"]) == ("warn", JOB["estimatedCompletionTime"], "42")


def test_an_environment_that_is_no_longer_listed_has_vanished(read: Marts) -> None:
    row = read["zuora_test_environments__readiness"]["gone"]
    assert (row["readiness"], row["has_vanished"], row["as_of"]) == ("unknown", True, RUNS[1])
    notice = read["zuora_test_environments__notices"]["gone/environment_vanished"]
    assert (notice["severity"], notice["since"]) == ("alert", RUNS[1])


def test_rows_that_were_read_long_ago_are_an_alert(read: Marts) -> None:
    notice = read["zuora_test_environments__notices"]["uat/nothing_read"]
    assert (notice["severity"], notice["since"]) == ("alert", RUNS[3])
    # The one that has vanished is not reported twice.
    assert "gone/nothing_read" not in read["zuora_test_environments__notices"]


def test_requesters_have_the_names_of_the_relation_of_users(read: Marts) -> None:
    assert read["zuora_test_environments__readiness"]["uat"]["running_job_created_by_name"] == "Ann Again"
    names = {key: row["created_by_name"] for key, row in read["zuora_test_environments__refreshes"].items()}
    assert names == {"j": "Ann Again", "k": "Ann Again"}
