"""What the tests of the tap share: documents as Zuora sends them, and a tap within the process of the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dev.testbed.leaping_clock import LeapingClock
from tap_zuora_testenv import cli
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID
from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.tap.consumer import accept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from tap_zuora_testenv.emulator.zuora import Zuora

__all__ = [
    "E1", "E2", "E3", "ENVIRONMENTS", "JOBS", "LeapingClock", "Ran", "Tap", "environment", "job", "paths",
]  # fmt: skip

JOBS, ENVIRONMENTS = "test_environment_jobs", "test_environments"
E1, E2, E3 = (f"{number}0000000-0000-4000-8000-00000000000e" for number in (1, 2, 3))


def job(number: int, environment: str = E1, status: str = "COMPLETED", updated: object = None, **fields: Any) -> Any:
    """A job as Zuora would send it; each number has its own id, and was last updated in the minute of that number."""
    return {
        "id": f"{number:08d}-0000-4000-8000-00000000000a",
        "testEnvironmentId": environment,
        "status": status,
        "jobType": "REFRESH",
        "updateTime": updated if updated is not None else f"2026-01-01T00:{number:02d}:00Z",
        "progressPercentage": 100,
        **fields,
    }


def environment(identity: str, **fields: Any) -> Any:
    """A test environment as Zuora would send it."""
    return {"id": identity, "tenantName": f"Acme {identity[0]}", "status": "ACTIVE", "tenantId": 94870, **fields}


@dataclass
class Ran:
    """The result of one run of the tap."""

    code: int
    verdict: str
    messages: list[Any]
    log: str

    @property
    def state(self) -> Any:
        """The last state, as a target passes it on."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return states[-1] if states else None

    def records(self, stream: str = JOBS) -> list[Any]:
        return [each["record"] for each in self.messages if each["type"] == "RECORD" and each["stream"] == stream]

    def ids(self, stream: str = JOBS) -> list[str]:
        return [record["id"] for record in self.records(stream)]

    def bookmark(self, identity: str = E1) -> Any:
        partitions = self.state["bookmarks"][JOBS].get("partitions", [])
        return next((each for each in partitions if each["context"]["testEnvironmentId"] == identity), None)


class Tap:
    """The command, with an emulator for its requests."""

    def __init__(
        self, url: str, folder: Path, output: pytest.CaptureFixture[str], log: pytest.LogCaptureFixture
    ) -> None:
        self.url, self._folder, self._output, self._log = url, folder, output, log
        self.config: dict[str, Any] = {"base_url": url, "client_id": DEMO_CLIENT_ID, "client_secret": "demo-secret"}

    def __call__(self, *arguments: str, state: object = None, only: str | None = None, **config: object) -> Ran:
        """Run it with these settings added to the usual ones; None removes one."""
        options = [*arguments]
        given = {name: value for name, value in (self.config | config).items() if value is not None}
        options += ["--config", self.file("config.json", given)]
        if state is not None:
            options += ["--state", self.file("state.json", state)]
        if only is not None:
            options += ["--catalog", self.file("catalog.json", self.catalog(only))]
        return self.run(options)

    def run(self, options: Sequence[str]) -> Ran:
        self._output.readouterr()
        self._log.clear()
        code, verdict = cli.run(options)
        lines = self._output.readouterr().out.splitlines()
        log = self._log.text
        if lines[:1] == ["{"]:
            return Ran(code, verdict, lines, log)
        accept(lines)
        return Ran(code, verdict, [json.loads(line) for line in lines], log)

    def catalog(self, *selected: str) -> Any:
        """The catalog with only these streams selected."""
        catalog = json.loads(TapZuoraTestenv(validate_config=False, setup_mapper=False).catalog_json_text)
        for stream in catalog["streams"]:
            root = next(each for each in stream["metadata"] if each["breadcrumb"] == [])
            root["metadata"]["selected"] = stream["stream"] in selected
        return catalog

    def file(self, name: str, content: object) -> str:
        path = self._folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)


def paths(zuora: Zuora, method: str = "GET") -> list[str]:
    """The paths that were requested, in order."""
    return [each.path for each in zuora.requests if each.method == method]
