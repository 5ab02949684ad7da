"""The command and an emulator for its requests, over real HTTP and on a clock that moves as soon as it waits."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.restored_process import restored_process
from tap_zuora_testenv import status
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Tokens
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class MovedClock:
    """A clock on which waiting takes no time: the emulator's clock moves too, and actions that are due happen.

    Attributes:
        waited: The seconds of each wait.
    """

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.zuora_clock = Clock(NOW, 0)
        self._seconds = 0.0
        self._due: list[tuple[float, Callable[[], Any]]] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self._seconds

    def at(self, seconds: float, action: Callable[[], Any]) -> None:
        """Do something that many seconds after the start."""
        self._due.append((seconds, action))

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        del condition
        assert seconds is not None, "nobody else is there to end the wait"
        with self._lock:
            self.waited.append(seconds)
            self._seconds += seconds
            self.zuora_clock.advance(seconds)
            due, self._due = self._due, [each for each in self._due if each[0] > self._seconds]
        for at, action in due:
            if at <= self._seconds:
                action()


@dataclass
class Ran:
    """The result of one run of the command."""

    code: int
    verdict: str
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


class Command:
    """The command as a user starts it, but within the process of the test."""

    def __init__(self, url: str, folder: Path, clock: MovedClock, output: pytest.CaptureFixture[str]) -> None:
        self.settings: dict[str, Any] = {
            "base_url": url, "client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET,
        }  # fmt: skip
        self._folder, self._clock, self._output = folder, clock, output

    @property
    def config(self) -> str:
        path = self._folder / "config.json"
        path.write_text(json.dumps(self.settings), encoding="utf-8")
        return f"--config={path}"

    def __call__(self, *arguments: str, **settings: object) -> Ran:
        self.settings |= settings
        self._output.readouterr()
        code, verdict = status.run([self.config, *arguments], clock=self._clock)
        return Ran(code, verdict, *self._output.readouterr())


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def zuora(clock: MovedClock) -> Zuora:
    """A tenant with one test environment, which has no job yet; tokens expire by the same clock."""
    return Zuora(environments=1, jobs=0, clock=clock.zuora_clock, tokens=Tokens(ticks=clock.monotonic))


@pytest.fixture
def sandbox(zuora: Zuora) -> str:
    """The id of that test environment."""
    (environment,) = zuora.environments()
    return str(environment["id"])


@pytest.fixture
def server(zuora: Zuora) -> Iterator[EmulatorServer]:
    with EmulatorServer(zuora) as running:
        yield running
    assert {(each.method, each.path) for each in zuora.requests if each.method != "GET"} <= {("POST", "/oauth/token")}


@pytest.fixture
def process() -> Iterator[None]:
    """Undo what the command does to its process."""
    with restored_process():
        yield


@pytest.fixture
def command(
    server: EmulatorServer,
    tmp_path: Path,
    clock: MovedClock,
    capsys: pytest.CaptureFixture[str],
    process: None,
) -> Command:
    del process
    return Command(server.url, tmp_path, clock, capsys)
