"""The rows of the dbt package's marts, read from a database; instants are in UTC."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

RowT = TypeVar("RowT")

PREFIX = "zuora_test_environments__"
READINESS, REFRESHES = f"{PREFIX}readiness", f"{PREFIX}refreshes"
STATISTICS, NOTICES = f"{PREFIX}refresh_statistics", f"{PREFIX}notices"
MARTS = (READINESS, REFRESHES, STATISTICS, NOTICES)

LISTED = 500
"""At most this many jobs and months are listed in the page, the newest."""
DRAWN_ENVIRONMENTS = 40
DRAWN_JOBS = 100
"""At most this many jobs per environment are drawn, the newest."""

CONNECT_TIMEOUT_SECONDS = 10
ROWS_AT_A_TIME = 1000
SHORT_ID = 8
# At most this many other schemas are named.
NAMED = 5
# SQLAlchemy takes PostgreSQL's usual schemes for those of another driver.
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
# The report reads only. DuckDB would also create a file that does not exist.
OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    "duckdb": {"read_only": True},
}
FORM = "postgresql://user:password@host:5432/database, with special characters %-escaped"

ENDED = ("completed", "failed", "cancelled")
SEVERITIES = ("alert", "warn", "info")
# The states that need attention come first.
ORDER = ("check", "unknown", "busy", "ready", "unavailable")


class ReportError(Exception):
    """There is no report; the text says why and what to do, and contains no secret."""


@dataclass(frozen=True)
class Readiness:
    """A row of `zuora_test_environments__readiness`; its columns are documented in dbt/models/marts/marts.yml."""

    test_environment_id: str
    environment_name: str | None
    tenant_id: str | None
    environment_type: str | None
    data_copy_type: str | None
    status: str | None
    readiness: str
    running_job_type: str | None
    running_job_status: str | None
    running_job_progress_percentage: int | None
    running_job_created_by_id: str | None
    running_job_created_by_name: str | None
    running_job_estimated_completion_at: datetime | None
    running_job_is_late: bool | None
    waiting_job_type: str | None
    waiting_job_due_at: datetime | None
    next_scheduled_refresh_at: datetime | None
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
    as_of_is_known: bool


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
    created_by_name: str | None
    created_at: datetime | None
    scheduled_at: datetime | None
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
class Notice:
    """A row of `zuora_test_environments__notices`."""

    notice_id: str
    test_environment_id: str
    environment_name: str | None
    tenant_id: str | None
    kind: str
    severity: str
    since: datetime | None
    sentence: str
    as_of: datetime
    as_of_is_known: bool


@dataclass(frozen=True)
class Rows:
    """Everything that the page shows.

    Attributes:
        environments: One row per environment. Those with a notice come first, then those that are not ready, and those
            that are unavailable last; within these groups by name.
        notices: One row per notice, the most severe first.
        last_refreshes: The last refresh that is over, by the environment's id.
        drawn: The newest jobs of the first environments, for the charts.
        refreshes: The newest jobs of all environments.
        jobs: How many jobs there are.
        months: The newest rows per environment and month.
        months_in_all: How many of those rows there are.
    """

    environments: list[Readiness]
    notices: list[Notice] = field(default_factory=list)
    last_refreshes: dict[str, Refresh] = field(default_factory=dict)
    drawn: list[Refresh] = field(default_factory=list)
    refreshes: list[Refresh] = field(default_factory=list)
    jobs: int = 0
    months: list[Month] = field(default_factory=list)
    months_in_all: int = 0

    @cached_property
    def as_of(self) -> datetime | None:
        """When the latest rows were read, or the time that was given for now; None without an environment."""
        return max((row.as_of for row in self.environments), default=None)

    @cached_property
    def read_at(self) -> datetime | None:
        """When the tap read an environment last; None if the tables do not show it."""
        return max((row.extracted_at for row in self.environments if row.extracted_at), default=None)

    @cached_property
    def names(self) -> dict[str, str]:
        """What to call each environment, in the order of `environments`; no two have the same name."""
        given = {row.test_environment_id: row.environment_name or row.test_environment_id for row in self.environments}
        for size in (SHORT_ID, None):
            several = {name for name, times in Counter(given.values()).items() if times > 1}
            given = {key: f"{name} ({key[:size]})" if name in several else name for key, name in given.items()}
        return given


class Marts:
    """The marts in one schema of a database that is open.

    Attributes:
        connection: The connection.
        schema: The schema.
    """

    def __init__(self, connection: sa.Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def rows(self) -> Rows:
        """Read what the page shows: of jobs and months only those that it lists or draws."""
        jobs, latest = self._jobs, self._latest
        notices = self.notices()
        environments = _ordered(self._all(READINESS, Readiness), notices)
        drawn = [row.test_environment_id for row in environments[:DRAWN_ENVIRONMENTS]]
        over = (jobs.c.job_type == "REFRESH") & jobs.c.outcome.in_(ENDED)
        last = self._newest_of_each(1, over, jobs.c.ended_at)
        months = self._table(STATISTICS, Month)
        newest_months = sa.select(*months.c).order_by(months.c.ended_in_month.desc(), months.c.test_environment_id)
        newest_jobs = sa.select(*jobs.c).order_by(latest.is_(None), latest.desc(), jobs.c.job_id)
        return Rows(
            environments,
            notices,
            {row.test_environment_id: row for row in last if row.test_environment_id},
            self._newest_of_each(DRAWN_JOBS, jobs.c.test_environment_id.in_(drawn), latest),
            self._read(newest_jobs.limit(LISTED), Refresh),
            self._count(jobs),
            self._read(newest_months.limit(LISTED), Month),
            self._count(months),
        )

    def notices(self) -> list[Notice]:
        """Read the notices, the most severe first, then by kind and by the environment's name."""
        return sorted(
            self._all(NOTICES, Notice),
            key=lambda row: (
                SEVERITIES.index(row.severity), row.kind, row.environment_name or "", row.test_environment_id,
            ),
        )  # fmt: skip

    def table(self, name: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Return a mart's columns and its rows, which are read a thousand at a time."""
        query = sa.select(sa.text("*")).select_from(sa.table(name, schema=self.schema))
        result = self.connection.execution_options(yield_per=ROWS_AT_A_TIME).execute(query)
        return list(result.keys()), (tuple(_in_utc(value) for value in row) for row in result)

    @cached_property
    def _jobs(self) -> sa.TableClause:
        return self._table(REFRESHES, Refresh)

    @property
    def _latest(self) -> sa.ColumnElement[Any]:
        columns = self._jobs.c
        return sa.func.coalesce(columns.ended_at, columns.started_at, columns.due_at)

    def _newest_of_each(
        self, limit: int, condition: sa.ColumnElement[bool], newest: sa.ColumnElement[Any]
    ) -> list[Refresh]:
        jobs = self._jobs
        place = sa.func.row_number().over(
            partition_by=jobs.c.test_environment_id, order_by=[newest.is_(None), newest.desc(), jobs.c.job_id]
        )
        ranked = sa.select(*jobs.c, place.label("place")).where(condition).subquery()
        columns = [column for column in ranked.c if column.name != "place"]
        return self._read(sa.select(*columns).where(ranked.c.place <= limit).order_by(ranked.c.place), Refresh)

    def _all(self, name: str, kind: type[RowT]) -> list[RowT]:
        return self._read(sa.select(*self._table(name, kind).c), kind)

    def _read(self, query: sa.Select[Any], kind: type[RowT]) -> list[RowT]:
        found = self.connection.execute(query).mappings()
        return [kind(**{key: _in_utc(value) for key, value in row.items()}) for row in found]

    def _count(self, table: sa.TableClause) -> int:
        return int(self.connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def _table(self, name: str, kind: type[RowT]) -> sa.TableClause:
        columns: list[sa.ColumnClause[Any]] = [sa.column(each.name) for each in fields(kind)]  # type: ignore[arg-type]
        return sa.table(name, *columns, schema=self.schema)


@contextmanager
def marts(database: str, schema: str) -> Iterator[Marts]:
    """Open a database while the context lasts.

    Args:
        database: The URL of the database, which may hold a password.
        schema: The schema of the tables.

    Raises:
        ReportError: The URL cannot be used, or the database or its tables cannot be read.
    """
    engine = _engine(database)
    try:
        with engine.connect() as connection:
            _check(connection, schema)
            yield Marts(connection, schema)
    except sa.exc.DBAPIError as error:
        reason = _without_password(engine.url, " ".join(str(error.orig).split()))
        raise ReportError(f"The tables in the schema {schema} cannot be read: {reason}") from None
    finally:
        engine.dispose()


def has_password(database: str) -> bool:
    """Return whether a URL holds a password; False for one that cannot be read."""
    try:
        return bool(_passwords(sa.make_url(database)))
    except (sa.exc.ArgumentError, ValueError):
        return False


def _passwords(url: sa.URL) -> list[str]:
    given = url.query.get("password", ())
    return [each for each in (url.password, *((given,) if isinstance(given, str) else given)) if each]


def _without_password(url: sa.URL, text: str) -> str:
    for password in _passwords(url):
        for form in (password, quote(password, safe="")):
            text = text.replace(form, "***")
    return text


def _engine(database: str) -> sa.Engine:
    scheme, separator, rest = database.partition("://")
    try:
        url = sa.make_url(f"{DRIVERS.get(scheme, scheme)}{separator}{rest}")
        given = OPTIONS.get(url.get_backend_name(), {})
        return sa.create_engine(url, connect_args=given, poolclass=sa.NullPool)
    except sa.exc.NoSuchModuleError:
        raise ReportError(
            f"No package for databases of the kind {scheme} is installed. The form for PostgreSQL is {FORM}; "
            "for DuckDB it is duckdb:///file.duckdb, with the package duckdb-engine; for others "
            "SQLAlchemy's documentation lists the packages."
        ) from None
    except (sa.exc.ArgumentError, ValueError):
        # The text of the error may quote the password.
        raise ReportError(f"The URL of the database is not of the form {FORM}.") from None
    except ModuleNotFoundError as error:
        raise ReportError(f"The package {error.name} that reads databases of this kind is not installed.") from None


def _check(connection: sa.Connection, schema: str) -> None:
    inspector = sa.inspect(connection)
    missing = [name for name in MARTS if not inspector.has_table(name, schema=schema)]
    if not missing:
        return
    if len(missing) < len(MARTS):
        raise ReportError(
            f"The schema {schema} has no table {' and no table '.join(missing)}: build the models with the dbt package "
            "of the same version as this report, then give the command again."
        )
    others = [name for name in inspector.get_schema_names() if inspector.has_table(READINESS, schema=name)]
    if connection.dialect.name == "duckdb":
        # There, the name of the database comes first, and each part may be in quotes.
        others = [name.rpartition(".")[2].strip('"') for name in others]
    found = f"They are in {', '.join(others[:NAMED])}" if others else "No other schema has them; run dbt first"
    raise ReportError(
        f"The schema {schema} has no tables of the dbt package. {found}: give their schema with --schema."
    )


def _ordered(environments: list[Readiness], notices: list[Notice]) -> list[Readiness]:
    severest: dict[str, int] = {}
    for notice in notices:
        if notice.severity != "info":
            severest.setdefault(notice.test_environment_id, SEVERITIES.index(notice.severity))
    return sorted(
        environments,
        key=lambda row: (
            severest.get(row.test_environment_id, len(SEVERITIES)), ORDER.index(row.readiness),
            row.environment_name or "", row.test_environment_id,
        ),
    )  # fmt: skip


def _in_utc(value: object) -> Any:  # noqa: ANN401 - of whatever type the column is
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
