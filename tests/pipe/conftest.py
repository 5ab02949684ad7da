from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from demo.pipe import Pipe
from demo.postgres import postgres
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora
from tests.pipe.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.emulator import Row

# The tap takes no time for seen that lies ahead of it, so the emulated time stays behind the real one.
BEGINS_AGO = timedelta(days=60)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # A zone that is not UTC, as many real servers have: it must not move the times.
    with postgres("timezone=Asia/Kolkata") as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Row]]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def schema() -> str:
    return f"test_{secrets.token_hex(8)}"


@pytest.fixture
def tables(database: psycopg.Connection[Row], schema: str) -> Tables:
    return Tables(database, schema)


@pytest.fixture
def zuora() -> Iterator[EmulatorServer]:
    now = (datetime.now(UTC) - BEGINS_AGO).replace(microsecond=0)
    with EmulatorServer(Zuora(seed=81, clock=Clock(now, 0))) as server:
        yield server


@pytest.fixture
def tap_settings(zuora: EmulatorServer) -> dict[str, Any]:
    tokens = zuora.zuora.tokens
    return {"base_url": zuora.url, "client_id": tokens.client_id, "client_secret": tokens.client_secret}


@pytest.fixture
def pipe(tmp_path: Path, tap_settings: dict[str, Any], database_url: str, schema: str) -> Pipe:
    target = {
        "sqlalchemy_url": database_url.replace("postgresql://", "postgresql+psycopg://"),
        "default_target_schema": schema,
    }
    return Pipe(tmp_path, tap_settings, target)
