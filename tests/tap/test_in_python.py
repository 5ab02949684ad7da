"""The tap as a class, without its command."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib.encoding.simple import SimpleSingerWriter

from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.tap.consumer import accept
from tests.tap.running import E1, E2, ENVIRONMENTS, JOBS, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.tap.running import Tap


def test_a_state_file_that_is_not_json_fails_as_with_any_tap(tap: Tap) -> None:
    path = tap.file("state.json", {})
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - a text that is handed on
        file.write("{")
    with pytest.raises(ValueError, match="line 1 column 2"):
        TapZuoraTestenv(config=tap.config, state=path)


def test_a_state_that_no_message_can_contain_is_refused(tap: Tap) -> None:
    with pytest.raises(ConfigValidationError) as refused:
        TapZuoraTestenv(config=tap.config, state={"bookmarks": {"other": {"x": "\ud800"}}})
    sentence = "The state is refused: it contains a value that no message can contain (UnicodeEncodeError)."
    assert refused.value.errors == [sentence]


def test_the_environment_overrides_the_settings(tap: Tap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_ZUORA_TESTENV_TRACK_ID", "environment")
    config = tap.config | {"track_id": "given", "entity_id": "given"}
    instance = TapZuoraTestenv(config=config, parse_env_config=True)
    assert (instance.config["track_id"], instance.config["entity_id"]) == ("environment", "given")


def test_with_another_writer_a_signal_ends_the_tap_as_it_ends_any_tap(
    tap: Tap, capfd: pytest.CaptureFixture[str]
) -> None:
    state = {"bookmarks": {"test_environment_jobs": {"partitions": [{"context": {"testEnvironmentId": E1}}]}}}
    TapZuoraTestenv(config=tap.config, state=state, message_writer=SimpleSingerWriter())
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    output = capfd.readouterr().out
    accept([output])
    assert json.loads(output) == {"type": "STATE", "value": state}


def test_a_second_sync_of_one_tap_object_keeps_the_unfinished_jobs_and_fetches_again(
    tap: Tap, zuora: Zuora, capfd: pytest.CaptureFixture[str]
) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    zuora.put_job(E1, job(2, status="EXPORTING"))
    instance = TapZuoraTestenv(config=tap.config)
    instance.sync_all()
    capfd.readouterr()
    zuora.put_environment(environment(E2))
    instance.sync_all()
    lines = capfd.readouterr().out.splitlines()
    accept(lines)
    messages = [json.loads(line) for line in lines]
    records = [(each["stream"], each["record"]["id"]) for each in messages if each["type"] == "RECORD"]
    # All environments again, and the unfinished job, which is also the latest one.
    assert records == [(ENVIRONMENTS, E1), (ENVIRONMENTS, E2), (JOBS, job(2)["id"])]
    partitions = messages[-1]["value"]["bookmarks"][JOBS]["partitions"]
    assert {each["context"]["testEnvironmentId"]: each["unfinished"] for each in partitions} == {
        E1: [job(2)["id"]],
        E2: [],
    }
    assert paths(zuora, "POST") == ["/oauth/token"]
    instance.close()


def test_singer_sdks_own_command_runs_the_connection_test(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    config = tap.file("config.json", tap.config)
    assert TapZuoraTestenv.cli.main(["--config", config, "--test"], standalone_mode=False) == 0
