from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.loading import emulated_zuora, postgres_in_another_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zuora_testenv.emulator.server import EmulatorServer


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    # meltano.yml ensures that the zone does not move the times.
    with postgres_in_another_zone() as url:
        yield url


@pytest.fixture
def zuora() -> Iterator[EmulatorServer]:
    with emulated_zuora() as server:
        yield server
