from __future__ import annotations

import io
import json
import os
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.output import SECONDS_TO_UNWIND, MessageWriter, ReaderGone, forget_reader

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """A timer that runs only when a test says so."""

    begun: list[Timer]

    def __init__(self, interval: float, function: Callable[..., None], args: list[Any]) -> None:
        self.interval, self.function, self.args = interval, function, args
        self.daemon = False

    def start(self) -> None:
        self.begun.append(self)


@pytest.fixture(autouse=True)
def timers(monkeypatch: pytest.MonkeyPatch) -> list[Timer]:
    Timer.begun = []
    monkeypatch.setattr("tap_zuora_testenv.output.threading.Timer", Timer)
    return Timer.begun


class Reader(io.RawIOBase):
    """What stands for the process that reads the output: it can go away, and can do something while it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.while_taking: Callable[[], None] = lambda: None
        self.is_gone = False
        self.takes_at_once: int | None = None

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, taken: Any, /) -> int:
        if self.is_gone:
            raise BrokenPipeError
        taken = taken[: self.takes_at_once]
        half = len(taken) // 2
        self.taken += bytes(taken[:half])
        self.while_taking()
        self.taken += bytes(taken[half:])
        return len(taken)

    def messages(self) -> list[Any]:
        return [json.loads(line) for line in self.taken.splitlines()]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    reading = Reader()
    stdout = io.TextIOWrapper(reading, write_through=True)  # type: ignore[type-var]
    # Not sys.stdout itself, which pytest sets anew before a test begins.
    monkeypatch.setattr("tap_zuora_testenv.output.sys", SimpleNamespace(stdout=stdout, stderr=sys.stderr))
    return reading


def record(number: int) -> RecordMessage:
    return RecordMessage(stream="jobs", record={"id": str(number), "text": "\u00e9" * 50})


def test_each_message_is_a_line_of_its_own_and_out_at_once(reader: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    assert [message["record"]["id"] for message in reader.messages()] == ["1"]
    writer.write_message(record(2))
    assert [message["record"]["id"] for message in reader.messages()] == ["1", "2"]


def test_a_reader_that_takes_a_part_at_a_time_gets_the_whole(reader: Reader) -> None:
    reader.takes_at_once = 7
    MessageWriter().write_message(record(1))
    assert [message["record"]["id"] for message in reader.messages()] == ["1"]


def test_a_reader_that_goes_away_ends_the_run_with_a_reason(reader: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    reader.is_gone = True
    with pytest.raises(ReaderGone) as gone:
        writer.write_message(record(2))
    assert (gone.value.code, gone.value.sentence) == (1, "Stopped: the reader of the output went away.")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_between_two_messages_a_signal_ends_the_run_at_once(reader: Reader, signum: signal.Signals, code: int) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    with pytest.raises(RunEnded) as ended:
        writer.interrupt(signum)
    assert (ended.value.code, ended.value.sentence) == (code, f"Stopped by {signum.name}.")
    assert len(reader.messages()) == 1


def test_within_a_message_a_signal_ends_the_run_when_it_is_out_whole(reader: Reader) -> None:
    writer = MessageWriter()
    reader.while_taking = lambda: writer.interrupt(signal.SIGTERM)
    with pytest.raises(RunEnded) as ended:
        writer.write_message(record(1))
    assert ended.value.code == 143
    assert reader.messages() == [record(1).to_dict()]


def test_after_a_signal_the_state_can_still_be_written(reader: Reader) -> None:
    writer = MessageWriter()
    reader.while_taking = lambda: writer.interrupt(signal.SIGTERM)
    with pytest.raises(RunEnded):
        writer.write_message(record(1))
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    assert [message["type"] for message in reader.messages()] == ["RECORD", "STATE"]


def test_a_second_signal_changes_nothing(reader: Reader, timers: list[Timer]) -> None:
    writer = MessageWriter()
    with pytest.raises(RunEnded):
        writer.interrupt(signal.SIGTERM)
    writer.interrupt(signal.SIGINT)
    writer.write_message(record(1))
    assert len(reader.messages()) == len(timers) == 1


def test_a_signal_while_the_reader_goes_away_ends_the_run_for_the_reader(reader: Reader) -> None:
    writer = MessageWriter()

    def go() -> None:
        writer.interrupt(signal.SIGTERM)
        raise BrokenPipeError

    reader.while_taking = go
    with pytest.raises(ReaderGone):
        writer.write_message(record(1))


def test_a_message_that_cannot_be_made_is_an_error_like_any_other(reader: Reader) -> None:
    writer = MessageWriter()
    with pytest.raises(UnicodeEncodeError):
        writer.write_message(RecordMessage(stream="jobs", record={"id": "\ud800"}))
    writer.write_message(record(1))
    assert len(reader.messages()) == 1


def test_a_reader_that_takes_nothing_for_four_seconds_is_not_waited_for(
    timers: list[Timer], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(RunEnded):
        MessageWriter().interrupt(signal.SIGTERM)
    (timer,) = timers
    assert (timer.interval, timer.daemon) == (SECONDS_TO_UNWIND, True)
    with open(2, "w", closefd=False) as real, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", real)
        timer.function(*timer.args)
    assert ended == [143]
    assert capfd.readouterr().err == "Stopped by SIGTERM.\n"


def test_after_the_reader_is_forgotten_what_is_left_is_taken_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - a descriptor has no path
        monkeypatch.setattr(sys, "stdout", stdout)
        stdout.write("what is left")
        with pytest.raises(BrokenPipeError):
            stdout.flush()
        forget_reader()
        stdout.flush()
        monkeypatch.undo()
