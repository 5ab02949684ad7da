"""A tap and an emulator for its requests, over real HTTP and on a clock on which waiting takes no time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dev.testbed.restored_process import restored_process
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora
from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.tap.running import LeapingClock, Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def zuora() -> Zuora:
    """A tenant without test environments."""
    return Zuora(environments=0)


@pytest.fixture
def server(zuora: Zuora) -> Iterator[EmulatorServer]:
    with EmulatorServer(zuora) as running:
        yield running
        for thread in threading.enumerate():
            if thread.name.startswith("look-ahead"):
                thread.join(5)
                assert not thread.is_alive(), "a thread was left behind"
    # Whatever a test does, the tap only ever reads.
    assert {(each.method, each.path) for each in zuora.requests if each.method != "GET"} <= {("POST", "/oauth/token")}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    leaping = LeapingClock()
    monkeypatch.setattr(TapZuoraTestenv, "clock", leaping)
    return leaping


@pytest.fixture
def tap(
    server: EmulatorServer,
    tmp_path: Path,
    clock: LeapingClock,  # noqa: ARG001 - every run of a test is on it
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Tap]:
    """The command as a user starts it, except that it runs in this process; what it sets up there is undone."""
    with restored_process():
        yield Tap(server.url, tmp_path, capfd, caplog)
