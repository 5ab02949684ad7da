"""The emulator serves what the tap emitted, with other ids and names if wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.command import create, parse, run
from tap_zuora_testenv.emulator.recorded_history import RecordedHistory, pseudonymize, read_history
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.stream_schemas import stream_schema
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Callable


ENVIRONMENT: dict[str, object] = {
    "id": "E-1",
    "tenantName": "Contoso UAT",
    "tenantId": "94870",
    "sourceTenantId": "94000",
    "revenueTenantId": None,
    "createdById": "jane",
    "status": "ACTIVE",
    "nextRefreshTime": "2026-03-01T00:00:00Z",
}
JOB: dict[str, object] = {
    "id": "J-1",
    "testEnvironmentId": "e-1",
    "createdById": "jane",
    "updatedById": "joe",
    "status": "FAILED",
    "progressPercentage": 40,
    "jobEndTime": None,
}


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(*messages: object) -> Path:
        path = tmp_path / "out.jsonl"
        path.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
        return path

    return write


def record(row: dict[str, object], stream: str | None = None) -> dict[str, object]:
    named = "test_environment_jobs" if "testEnvironmentId" in row else "test_environments"
    return {"type": "RECORD", "stream": stream or named, "record": row}


def served(*options: object) -> dict[str, list[dict[str, object]]]:
    return create(parse([f"--history={options[0]}", *map(str, options[1:])])).documents()


def test_the_rows_of_both_streams_are_served_without_their_nulls(save: Callable[..., Path]) -> None:
    path = save({"type": "SCHEMA"}, record(JOB), record(ENVIRONMENT), {"type": "STATE", "value": {}})
    assert served(path) == {
        "test_environments": [{name: value for name, value in ENVIRONMENT.items() if value is not None}],
        "test_environment_jobs": [{name: value for name, value in JOB.items() if value is not None}],
    }


def test_a_sloppy_emulator_keeps_the_nulls(save: Callable[..., Path]) -> None:
    assert served(save(record(ENVIRONMENT)), "--sloppy")["test_environments"][0]["revenueTenantId"] is None


def test_of_several_records_with_one_id_the_last_counts(save: Callable[..., Path]) -> None:
    rows = [record(JOB), record({**JOB, "id": "J-2"}), record({**JOB, "status": "COMPLETED"})]
    jobs = served(save(*rows))["test_environment_jobs"]
    assert [(job["id"], job["status"]) for job in jobs] == [("J-1", "COMPLETED"), ("J-2", "FAILED")]


def test_an_environment_of_which_only_jobs_are_known_exists(save: Callable[..., Path]) -> None:
    assert served(save(record(JOB)))["test_environments"] == [{"id": "e-1"}]


def test_pseudonyms_keep_what_belongs_together_and_reveal_nothing(save: Callable[..., Path]) -> None:
    secret = {
        "note": "call Jane",
        "dataCopyType": "Jane's copy",
        "environmentType": ["Jane"],
        "provisionTime": "May, J.",
    }
    other = {**ENVIRONMENT, "id": "E-2", "tenantName": "Contoso", "tenantId": "94000", "createdById": "joe"}
    path = save(record(ENVIRONMENT | secret), record(other), record(JOB))
    found = served(path, "--pseudonymize")
    (first, second), (job,) = found["test_environments"], found["test_environment_jobs"]
    assert job["testEnvironmentId"] == first["id"] != second["id"]
    assert job["createdById"] == first["createdById"]
    assert job["updatedById"] == second["createdById"]
    assert first["sourceTenantId"] == second["tenantId"] != first["tenantId"]
    assert {first["tenantName"], second["tenantName"]} == {"Test environment 1", "Test environment 2"}
    assert (job["status"], job["progressPercentage"]) == ("FAILED", 40)
    assert first["nextRefreshTime"] == ENVIRONMENT["nextRefreshTime"]
    for word in ("E-1", "J-1", "Contoso", "jane", "Jane", "joe", "94870", "94000", "note", "May", "revenueTenantId"):
        assert word.casefold() not in json.dumps(found).casefold()


def test_the_same_file_gives_the_same_pseudonyms_whatever_the_ids_are(save: Callable[..., Path]) -> None:
    one = served(save(record(ENVIRONMENT), record(JOB)), "--pseudonymize")
    assert one == served(save(record(ENVIRONMENT), record(JOB)), "--pseudonymize")
    renamed = [ENVIRONMENT | {"id": "other", "tenantId": "1"}, JOB | {"testEnvironmentId": "Other", "id": "another"}]
    assert one == served(save(*map(record, renamed)), "--pseudonymize")


def test_each_field_of_the_streams_is_kept_or_replaced() -> None:
    environment, job = (
        dict.fromkeys(map(str, stream_schema(stream)["properties"]), cast("object", "JANE_DOE"))
        for stream in ("test_environments", "test_environment_jobs")
    )
    found = pseudonymize(RecordedHistory({"E": environment}, {"J": job}))
    # A new field is in neither: decide in `recorded_history` whether it may be kept.
    assert [set(row) for row in (*found.environments.values(), *found.jobs.values())] == [set(environment), set(job)]


def test_a_field_that_zuora_does_not_document_is_left_out() -> None:
    found = pseudonymize(RecordedHistory({}, {"J": JOB | {"requestedByName": "JANE_DOE"}}))
    assert "JANE_DOE" not in str(found)


def test_what_the_tap_emitted_is_what_it_emits_again(tmp_path: Path) -> None:
    def emit(zuora: Zuora) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
        with EmulatorServer(zuora) as server, path.open("w") as output:
            config = tmp_path / "config.json"
            tokens = zuora.tokens
            credentials = {"client_id": tokens.client_id, "client_secret": tokens.client_secret}
            config.write_text(json.dumps({"base_url": server.url} | credentials))
            line = [str(Path(sys.executable).with_name("tap-zuora-testenv")), f"--config={config}"]
            subprocess.run(line, stdout=output, stderr=subprocess.DEVNULL, check=True, timeout=60)  # noqa: S603
        return path

    original = emit(Zuora(seed=7, clock=Clock(datetime(2026, 3, 1, tzinfo=UTC), 0)))
    history = read_history(original)
    assert read_history(emit(create(parse([f"--history={original}"])))) == history
    again = emit(create(parse([f"--history={original}", "--pseudonymize"])))
    # A second replacement finds the same order, so it changes nothing.
    assert pseudonymize(read_history(again)) == read_history(again)
    assert len(read_history(again).jobs) == len(history.jobs) > 50
    ids = {str(value) for row in history.jobs.values() for name, value in row.items() if name.lower().endswith("id")}
    assert not any(each in again.read_text() for each in ids)


def test_a_refresh_can_be_created_in_a_recorded_environment(save: Callable[..., Path]) -> None:
    zuora = create(parse([f"--history={save(record(ENVIRONMENT), record(JOB))}"]))
    zuora.create_refresh("E-1")
    assert [job["status"] for job in zuora.jobs("E-1")] == ["FAILED", "NEW"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"2026-03-01 INFO secret\n", "line 1: this is not a Singer message"),
        (b'{"type": "STATE"}\n\n["secret"]\n', "line 3: this is not a Singer message"),
        (b"\xff\xfes\x00e\x00c\x00r\x00e\x00t\x00", "line 1: this is not a Singer message"),
        (b"[" * 100_000, "line 1: this is not a Singer message"),
        (
            b'{"type": "RECORD", "stream": "test_environments", "record": "secret"}',
            "line 1: the record is not an object",
        ),
        (b'{"type": "RECORD", "stream": "test_environments", "record": {"x": "secret"}}', "the record has no `id`"),
        (
            b'{"type": "RECORD", "stream": "test_environment_jobs", "record": {"id": "secret"}}',
            "has no `testEnvironmentId`",
        ),
        (b'{"type": "RECORD", "stream": "secret", "record": {"id": "1"}}', "has no RECORD of test_environments"),
        (b"", "has no RECORD of test_environments or test_environment_jobs"),
    ],
)
def test_a_file_that_is_not_the_taps_output_gets_one_sentence_without_its_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str
) -> None:
    (tmp_path / "out.jsonl").write_bytes(content)
    assert run([f"--history={tmp_path / 'out.jsonl'}"]) == 1
    err = capsys.readouterr().err
    assert problem in err
    assert err.count("\n") == 1
    assert "secret" not in err


def test_a_file_that_does_not_exist_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([f"--history={tmp_path / 'none.jsonl'}"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("The history cannot be read: No such file")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "wrong", [["--pseudonymize"], ["--history=x", "--jobs=3"], ["--history=x", "--environments=3"]]
)
def test_options_that_contradict_each_other_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(wrong)
    assert "--history" in capsys.readouterr().err
