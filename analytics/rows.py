"""The rows of the models as the report needs them, read from the database; instants in UTC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from demo.failure import DemoError

if TYPE_CHECKING:
    from decimal import Decimal

    from analytics.models import Place

RowT = TypeVar("RowT")

CONNECTING_TAKES_AT_MOST_SECONDS = 10


@dataclass(frozen=True)
class Readiness:
    """A row of `zuora_test_environments__readiness`; dbt/models/marts/marts.yml describes its columns."""

    test_environment_id: str
    environment_name: str | None
    environment_type: str | None
    data_copy_type: str | None
    status: str | None
    readiness: str
    running_job_type: str | None
    running_job_status: str | None
    running_job_progress_percentage: int | None
    running_job_started_at: datetime | None
    running_job_estimated_completion_at: datetime | None
    running_job_is_late: bool | None
    waiting_job_type: str | None
    waiting_job_due_at: datetime | None
    data_exported_on: date | None
    configuration_exported_on: date | None
    data_age_days: int | None
    next_refresh_allowed_at: datetime | None
    may_refresh_now: bool | None
    last_refresh_outcome: str | None
    last_refresh_ended_at: datetime | None
    failure_streak: int
    deactivated_at: datetime | None
    extracted_at: datetime | None
    as_of: datetime


@dataclass(frozen=True)
class Refresh:
    """A row of `zuora_test_environments__refreshes`."""

    job_id: str
    test_environment_id: str | None
    job_type: str | None
    outcome: str
    status: str | None
    progress_percentage: int | None
    created_by_id: str | None
    created_at: datetime | None
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    estimated_completion_at: datetime | None
    wait_hours: Decimal | None
    run_hours: Decimal | None
    ran_late: bool | None
    days_since_previous_refresh: Decimal | None

    @property
    def latest_at(self) -> datetime | None:
        """When it ended, else when it started, else when it is due."""
        return self.ended_at or self.started_at or self.due_at


@dataclass(frozen=True)
class Month:
    """A row of `zuora_test_environments__refresh_statistics`."""

    test_environment_id: str
    ended_in_month: date
    refreshes: int
    completed: int
    failed: int
    cancelled: int
    failure_rate: Decimal | None
    median_run_hours: Decimal | None
    p90_run_hours: Decimal | None


@dataclass(frozen=True)
class Rows:
    """All that the report tells.

    Attributes:
        environments: A row an environment, those that can be used first, by name.
        refreshes: A row a job, the latest first.
        months: A row an environment and month, the latest first.
    """

    environments: list[Readiness]
    refreshes: list[Refresh]
    months: list[Month]

    @property
    def as_of(self) -> datetime:
        """When the latest rows were read, or the time that was given for now."""
        return max(row.as_of for row in self.environments)

    @property
    def names(self) -> dict[str, str]:
        """What to call each environment, in the order of `environments`."""
        given = {row.test_environment_id: row.environment_name or row.test_environment_id for row in self.environments}
        several = {name for name, times in Counter(given.values()).items() if times > 1}
        return {key: f"{name} ({key[:8]})" if name in several else name for key, name in given.items()}


def read(place: Place) -> Rows:
    """Read the models.

    Raises:
        DemoError: When they cannot be read.
    """
    try:
        with psycopg.connect(
            place.url, connect_timeout=CONNECTING_TAKES_AT_MOST_SECONDS, row_factory=dict_row
        ) as connection:
            environments = _table(connection, place, "zuora_test_environments__readiness", Readiness)
            refreshes = _table(connection, place, "zuora_test_environments__refreshes", Refresh)
            months = _table(connection, place, "zuora_test_environments__refresh_statistics", Month)
    except psycopg.Error as error:
        raise DemoError(f"The models cannot be read: {error}") from None
    beginning = datetime.min.replace(tzinfo=UTC)
    return Rows(
        sorted(
            environments,
            key=lambda row: (row.readiness == "unavailable", row.environment_name or "", row.test_environment_id),
        ),
        sorted(refreshes, key=lambda row: (row.latest_at or beginning, row.job_id), reverse=True),
        sorted(months, key=lambda row: (row.ended_in_month, row.test_environment_id), reverse=True),
    )


def _table(connection: psycopg.Connection[dict[str, Any]], place: Place, table: str, kind: type[RowT]) -> list[RowT]:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    query = sql.SQL("select {} from {}").format(columns, sql.Identifier(place.models_schema, table))
    return [kind(**{name: _in_utc(value) for name, value in row.items()}) for row in connection.execute(query)]


def _in_utc(value: object) -> Any:  # noqa: ANN401 - of whatever type the column is
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
