from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from dev.testbed.tap_to_target import Pipe
from tests.loading import emulated_zuora, postgres_in_another_zone
from tests.pipe.target_tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with postgres_in_another_zone() as url:
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
    with emulated_zuora() as server:
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
