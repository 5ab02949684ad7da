"""The fixtures of the tap's tests serve here too, with a faulty proxy in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.testbed.faulty_proxy import FaultyProxy
from tap_zuora_testenv import auth, client, transport
from tests.tap.conftest import clock, server, tap, zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tap_zuora_testenv.emulator.server import EmulatorServer

__all__ = ["clock", "proxy", "server", "short_time_limit", "tap", "zuora"]

SECONDS = 0.3


@pytest.fixture
def proxy(server: EmulatorServer) -> Iterator[FaultyProxy]:
    with FaultyProxy(server.port) as running:
        yield running


@pytest.fixture
def short_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a second where the setting has whole ones: what is waited for here is waited for in vain."""

    def send(session: requests.Session, request: requests.PreparedRequest, timeout: float) -> requests.Response:
        del timeout
        return transport.send(session, request, SECONDS)

    monkeypatch.setattr(client, "send", send)
    monkeypatch.setattr(auth, "send", send)
