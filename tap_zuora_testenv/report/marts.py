"""The rows of the dbt package's marts, read from a database; instants are in UTC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from decimal import Decimal

RowT = TypeVar("RowT")

CONNECT_TIMEOUT_SECONDS = 10
# SQLAlchemy takes PostgreSQL's usual schemes for those of another driver.
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
FORM = "postgresql://user:password@host:5432/database, with special characters %-escaped"


class ReportError(Exception):
    """There is no report; the text says why and what to do, and holds no secret."""


@dataclass(frozen=True)
class Readiness:
    """A row of `zuora_test_environments__readiness`; its columns are documented in dbt/models/marts/marts.yml."""

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
    """Everything that the report shows.

    Attributes:
        environments: One row per environment, those that can be used first, by name.
        refreshes: One row per job, the latest first.
        months: One row per environment and month, the latest first.
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


def read(database: str, schema: str) -> Rows:
    """Read the tables.

    Args:
        database: The URL of the database, which may hold a password.
        schema: The schema of the tables.

    Raises:
        ReportError: The tables cannot be read.
    """
    engine = _engine(database)
    try:
        with engine.connect() as connection:
            environments = _table(connection, schema, "zuora_test_environments__readiness", Readiness)
            refreshes = _table(connection, schema, "zuora_test_environments__refreshes", Refresh)
            months = _table(connection, schema, "zuora_test_environments__refresh_statistics", Month)
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip()
        if engine.url.password:
            reason = reason.replace(str(engine.url.password), "***")
        raise ReportError(f"The tables in the schema {schema} cannot be read: {reason}") from None
    finally:
        engine.dispose()
    beginning = datetime.min.replace(tzinfo=UTC)
    return Rows(
        sorted(
            environments,
            key=lambda row: (row.readiness == "unavailable", row.environment_name or "", row.test_environment_id),
        ),
        sorted(refreshes, key=lambda row: (row.latest_at or beginning, row.job_id), reverse=True),
        sorted(months, key=lambda row: (row.ended_in_month, row.test_environment_id), reverse=True),
    )


def _engine(database: str) -> sa.Engine:
    scheme, separator, rest = database.partition("://")
    try:
        url = sa.make_url(f"{DRIVERS.get(scheme, scheme)}{separator}{rest}")
        is_postgresql = url.get_backend_name() == "postgresql"
        given = {"connect_timeout": CONNECT_TIMEOUT_SECONDS} if is_postgresql else {}
        return sa.create_engine(url, connect_args=given, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, ValueError):
        # The text of the error may quote the password.
        raise ReportError(f"The URL of the database is not of the form {FORM}.") from None
    except ModuleNotFoundError as error:
        raise ReportError(f"The package {error.name} that reads databases of this kind is not installed.") from None


def _table(connection: sa.Connection, schema: str, name: str, kind: type[RowT]) -> list[RowT]:
    columns: list[sa.ColumnClause[Any]] = [sa.column(field.name) for field in fields(kind)]  # type: ignore[arg-type]
    query = sa.select(*columns).select_from(sa.table(name, schema=schema))
    return [kind(**{key: _in_utc(value) for key, value in row.items()}) for row in connection.execute(query).mappings()]


def _in_utc(value: object) -> Any:  # noqa: ANN401 - of whatever type the column is
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
