"""An emulator with a stopped clock, and a function that sends requests to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import requests

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Ask = Callable[..., requests.Response]


@pytest.fixture
def zuora() -> Zuora:
    return Zuora(seed=7, clock=Clock(datetime(2026, 3, 1, tzinfo=UTC), 0))


@pytest.fixture
def server(zuora: Zuora) -> Iterator[EmulatorServer]:
    with EmulatorServer(zuora) as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


@pytest.fixture
def ask(server: EmulatorServer, session: requests.Session) -> Ask:
    """Send requests with a valid token, unless the headers replace it."""
    token = server.zuora.tokens.issue()

    def send(
        method: str,
        path: str,
        *,
        json: object = None,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> requests.Response:
        everything = {"Authorization": f"Bearer {token}", **(headers or {})}
        return session.request(method, server.url + path, json=json, data=data, headers=everything, timeout=5)

    return send


@pytest.fixture
def named(zuora: Zuora) -> Callable[[str], str]:
    """Return the id of an environment by its purpose, for example UAT."""
    return lambda name: next(str(e["id"]) for e in zuora.environments() if e["tenantName"] == f"Acme {name}")
