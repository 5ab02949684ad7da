"""The tap as a class, without its command."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from singer_sdk.singerlib.encoding.simple import SimpleSingerWriter

from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.tap.running import E1

if TYPE_CHECKING:
    from tests.tap.running import Tap


def test_a_state_file_that_is_not_json_fails_as_with_any_tap(tap: Tap) -> None:
    path = tap.file("state.json", {})
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a text that is handed on
        file.write("{")
    with pytest.raises(ValueError, match="line 1 column 2"):
        TapZuoraTestenv(config=tap.config, state=path)


def test_with_another_writer_a_signal_ends_it_as_it_ends_any_tap(tap: Tap, capfd: pytest.CaptureFixture[str]) -> None:
    state = {"bookmarks": {"test_environment_jobs": {"partitions": [{"context": {"testEnvironmentId": E1}}]}}}
    TapZuoraTestenv(config=tap.config, state=state, message_writer=SimpleSingerWriter())
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    assert json.loads(capfd.readouterr().out) == {"type": "STATE", "value": state}
