"""The fixtures of the tap's tests are used here too, with a faulty proxy in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.testbed.faulty_proxy import FaultyProxy
from tap_zuora_testenv.zuora import client
from tap_zuora_testenv.zuora.transport import Transport
from tests.tap.conftest import clock, server, tap, zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zuora_testenv.emulator.server import EmulatorServer

__all__ = ["clock", "proxy", "server", "short_time_limit", "tap", "zuora"]

SECONDS = 0.3


@pytest.fixture
def proxy(server: EmulatorServer) -> Iterator[FaultyProxy]:
    with FaultyProxy(server.port) as running:
        yield running


@pytest.fixture
def short_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a second instead of the setting's whole seconds: the responses that time out here never come."""

    def transport(base_url: str, *, connections: int, timeout: float) -> Transport:
        del timeout
        return Transport(base_url, connections=connections, timeout=SECONDS)

    monkeypatch.setattr(client, "Transport", transport)
