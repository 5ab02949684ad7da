from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from demo.postgres import postgres
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

# The tap takes no time for seen that lies ahead of it, so the emulated time stays behind the real one.
BEGINS_AGO = timedelta(days=60)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # A zone that is not UTC, as many real servers have: meltano.yml sees to it that it does not move the times.
    with postgres("timezone=Asia/Kolkata") as url:
        yield url


@pytest.fixture
def zuora() -> Iterator[EmulatorServer]:
    now = (datetime.now(UTC) - BEGINS_AGO).replace(microsecond=0)
    with EmulatorServer(Zuora(seed=81, clock=Clock(now, 0))) as server:
        yield server
