"""The warehouse of the demo: an embedded PostgreSQL, or the one that DATABASE_URL names; and the queries of it."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dev.testbed.embedded_postgres import postgres
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTING_TAKES_AT_MOST_SECONDS = 10
SCHEMES = ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2")

# For each environment: its status, and that of its newest job.
OVERVIEW = """
select e."tenantName" as environment,
       e.status,
       to_char(e."lastRefreshTime", 'DD Mon HH24:MI') as "last refresh",
       lower(j."jobType") || ' ' || j.status as "newest job",
       j."progressPercentage" as progress,
       to_char(e."nextRefreshTime", 'DD Mon HH24:MI') as "next allowed"
  from {schema}.test_environments e
  left join lateral (
       select * from {schema}.test_environment_jobs
        where "testEnvironmentId" = e.id
        order by "createTime" desc limit 1) j on true
 order by e."tenantName"
"""

# The jobs before a run; only this session sees the table.
REMEMBER = "create temporary table before as select * from {schema}.test_environment_jobs"

# The target marks each row with the start of the run that wrote it last.
ARRIVALS = """
select count(*) as total,
       count(*) filter (where arrived) as arrived,
       count(*) filter (where arrived and known is null) as new,
       count(*) filter (where arrived and known and changed) as changed,
       count(*) filter (where arrived and known and not changed) as again
  from (select _sdc_sync_started_at = max(_sdc_sync_started_at) over () as arrived,
               b.known,
               (j.status, j."progressPercentage", j."updateTime")
                   is distinct from (b.status, b."progressPercentage", b."updateTime") as changed
          from {schema}.test_environment_jobs j
          left join (select id, status, "progressPercentage", "updateTime", true as known from before) b using (id)
       ) as jobs
"""

FAILURES = """
select e."tenantName" as environment, j."progressPercentage" as progress, j."jobEndTime" as ended
  from {schema}.test_environment_jobs j join {schema}.test_environments e on e.id = j."testEnvironmentId"
 where j.status = 'FAILED' and j.id not in (select id from before)
"""


@dataclass(frozen=True)
class Warehouse:
    """A schema of a database.

    Attributes:
        url: The database's URL, which may hold a password.
        schema: The schema, only for this demo.
        is_embedded: Whether the database is removed when the demo ends.
        connection: A session in UTC that commits each statement.
    """

    url: str
    schema: str
    is_embedded: bool
    connection: psycopg.Connection[dict[str, Any]]

    @property
    def settings(self) -> dict[str, object]:
        """The settings that make target-postgres load into it."""
        _, _, place = self.url.partition("://")
        return {"sqlalchemy_url": f"postgresql+psycopg://{place}", "default_target_schema": self.schema}

    @property
    def version(self) -> str:
        """The version of its server."""
        return self.connection.info.parameter_status("server_version") or "unknown"

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Run a query, in which `{schema}` is replaced with the schema."""
        statement = sql.SQL(query).format(schema=sql.Identifier(self.schema))
        return self.connection.execute(statement).fetchall()

    def remember(self) -> None:
        """Keep the jobs that are there now as the table `before`."""
        self.connection.execute(sql.SQL(REMEMBER).format(schema=sql.Identifier(self.schema)))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Read a whole table."""
        return self.connection.execute(
            sql.SQL("select * from {}").format(sql.Identifier(self.schema, table))
        ).fetchall()


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """Provide a warehouse: a new schema in the database that DATABASE_URL names, or in an embedded server.

    Raises:
        ToolError: There is no database, or it cannot be used.
    """
    url = os.environ.get("DATABASE_URL", "")
    if url:
        with _schema(_libpq(url), is_embedded=False) as given:
            yield given
    else:
        with postgres() as embedded, _schema(embedded, is_embedded=True) as own:
            yield own


def _libpq(url: str) -> str:
    scheme, separator, place = url.partition("://")
    if scheme not in SCHEMES or not separator:
        raise ToolError(
            "DATABASE_URL is not the URL of a PostgreSQL database: it must be postgresql://user:password@host:port/database"
        )
    return f"postgresql://{place}"


@contextmanager
def _schema(url: str, *, is_embedded: bool) -> Iterator[Warehouse]:
    name = f"zuora_testenv_demo_{secrets.token_hex(4)}"
    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECTING_TAKES_AT_MOST_SECONDS, row_factory=dict_row
        )
    except psycopg.OperationalError as error:
        raise ToolError(f"The database cannot be reached: {error}") from None
    except psycopg.ProgrammingError:
        # Its text may quote the password.
        raise ToolError(
            "DATABASE_URL is not a URL that PostgreSQL accepts; must a character in it be %-escaped?"
        ) from None
    with connection:
        try:
            connection.execute("set time zone 'UTC'")
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise ToolError(f"The demo cannot create a schema in the database of DATABASE_URL: {error}") from None
        yield Warehouse(url, name, is_embedded, connection)
