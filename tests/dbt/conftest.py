from __future__ import annotations

import secrets
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from typing_extensions import override

from dev.testbed.dbt_package import Place
from tests.dbt import engines
from tests.loading import postgres_in_another_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, Any]

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

# A history small enough to work out by hand.
ENVIRONMENTS: list[Row] = [
    {
        "id": "uat", "tenantName": "UAT <b>&", "status": "PROCESSING", "environmentType": "TEST",
        "dataCopyType": "FULL",
        "lastRefreshTime": "2026-02-05 12:00:00", "_sdc_extracted_at": "2026-03-10 11:00:00",
    },
    {
        "id": "dev", "tenantName": "Development", "status": "ACTIVE", "lastRefreshTime": "2026-02-24 06:00:00",
        "nextRefreshTime": "2026-03-10 06:00:00", "_sdc_extracted_at": "2026-03-10 11:00:00",
    },
    {"id": "old", "tenantName": "Development", "status": "DEACTIVATED", "deactivationTime": "2026-01-01 00:00:00"},
]  # fmt: skip
JOBS: list[Row] = [
    {
        "id": "u1", "testEnvironmentId": "uat", "jobType": "REFRESH", "status": "COMPLETED", "createdById": "ann",
        "createTime": "2026-02-05 00:00:00", "jobStartTime": "2026-02-05 02:00:00", "jobEndTime": "2026-02-05 12:00:00",
        "estimatedCompletionTime": "2026-02-05 11:00:00", "progressPercentage": 100,
    },
    {
        "id": "u2", "testEnvironmentId": "uat", "jobType": "REFRESH", "status": "SCRUBBING", "createdById": "bob",
        "createTime": "2026-03-10 05:30:00", "jobStartTime": "2026-03-10 06:00:00",
        "estimatedCompletionTime": "2026-03-10 10:00:00", "progressPercentage": 46,
    },
    {
        "id": "d1", "testEnvironmentId": "dev", "jobType": "REFRESH", "status": "COMPLETED",
        "createTime": "2026-02-10 00:00:00", "jobStartTime": "2026-02-10 00:00:00", "jobEndTime": "2026-02-10 02:00:00",
    },
    {
        "id": "d2", "testEnvironmentId": "dev", "jobType": "REFRESH", "status": "COMPLETED",
        "createTime": "2026-02-24 00:00:00", "jobStartTime": "2026-02-24 02:00:00", "jobEndTime": "2026-02-24 06:00:00",
    },
    {
        "id": "d3", "testEnvironmentId": "dev", "jobType": "REFRESH", "status": "FAILED",
        "createTime": "2026-02-28 00:00:00", "jobStartTime": "2026-02-28 00:00:00", "jobEndTime": "2026-02-28 01:00:00",
    },
    {
        "id": "d4", "testEnvironmentId": "dev", "jobType": "REFRESH", "status": "FAILED",
        "createTime": "2026-03-01 00:00:00", "jobStartTime": "2026-03-01 00:00:00", "jobEndTime": "2026-03-01 00:30:00",
    },
]  # fmt: skip


class Page(HTMLParser):
    """The parts of a page that can be checked without a browser: its elements with their attributes and texts."""

    VOID = frozenset({"meta", "link", "br", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, Row]] = []
        self.rows: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}
        self.elements: list[tuple[str, Row]] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag in ("data", "time") and (row := self._row):
            self.values.setdefault(row, []).append(str(given.get("value") or given.get("datetime")))
        if tag not in self.VOID:
            self.open.append((tag, given))

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag

    @override
    def handle_data(self, data: str) -> None:
        if row := self._row:
            self.rows[row] = " ".join(f"{self.rows.get(row, '')} {data}".split())

    @property
    def _row(self) -> str | None:
        return next((given["data-id"] for tag, given in reversed(self.open) if "data-id" in given), None)


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # A zone that is not UTC, as many real servers have: it must not move the times.
    with postgres_in_another_zone() as url:
        yield url


@pytest.fixture(scope="session")
def new_place(database_url: str) -> Callable[[], Place]:
    def make() -> Place:
        name = f"test_{secrets.token_hex(8)}"
        return Place(database_url, name, f"{name}_models")

    return make


@pytest.fixture(scope="session")
def ask(database_url: str) -> Callable[[Place, str], list[Row]]:
    def rows(place: Place, table: str) -> list[Row]:
        with psycopg.connect(database_url, row_factory=psycopg.rows.dict_row) as connection:
            query = sql.SQL("select * from {}").format(sql.Identifier(place.models_schema, table))
            return connection.execute(query).fetchall()

    return rows


@pytest.fixture(scope="session")
def postgres(database_url: str) -> engines.Postgres:
    return engines.Postgres(database_url)


@pytest.fixture(scope="session")
def fill(database_url: str) -> Callable[[Place, list[Row], list[Row]], None]:
    """Make the two tables as target-postgres makes them."""

    def make(place: Place, environments: list[Row], jobs: list[Row]) -> None:
        rows = {"test_environments": environments, "test_environment_jobs": jobs}
        engines.fill(engines.Postgres(database_url), place.schema, rows)

    return make


@pytest.fixture(scope="session")
def by_hand(new_place: Callable[[], Place], fill: Callable[[Place, list[Row], list[Row]], None]) -> Place:
    place = new_place()
    fill(place, ENVIRONMENTS, JOBS)
    return place
