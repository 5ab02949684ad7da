"""What the tests share that load from an emulated Zuora into a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dev.testbed.embedded_postgres import postgres
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tap_zuora_testenv.emulator.tokens import Tokens

# The tap never moves a bookmark into the future, so the emulated time stays behind the real one.
BEGINS_AGO = timedelta(days=60)


def emulated_zuora(seed: int = 81, environments: int = 5, tokens: Tokens | None = None) -> EmulatorServer:
    """Make a Zuora whose clock is stopped."""
    now = (datetime.now(UTC) - BEGINS_AGO).replace(microsecond=0)
    return EmulatorServer(Zuora(seed=seed, environments=environments, clock=Clock(now, 0), tokens=tokens))


def postgres_in_another_zone() -> AbstractContextManager[str]:
    """Run a server whose zone is not UTC, as on many real servers: it must not move the times."""
    return postgres("timezone=Asia/Kolkata")
