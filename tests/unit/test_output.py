from __future__ import annotations

import errno
import io
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib import RecordMessage, StateMessage
from typing_extensions import override

from tap_zuora_testenv import output
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.output import SECONDS_TO_UNWIND, MessageWriter, OutputLost, discard_output

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def watchdogs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The threads that a signal starts, which run only when a test calls them."""
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(output, "start_new_thread", lambda *call: started.append(call))
    return started


class Reader(io.RawIOBase):
    """In place of the process that reads the output: it can refuse a message, and can do something while it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.while_taking: Callable[[], None] = lambda: None
        self.fault: OSError | None = None
        self.takes_at_once: int | None = None

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, taken: Any, /) -> int:
        if self.fault is not None:
            raise self.fault
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
    # Not sys.stdout itself, which pytest replaces before a test begins.
    monkeypatch.setattr("tap_zuora_testenv.output.sys", SimpleNamespace(stdout=stdout, stderr=sys.stderr))
    return reading


@pytest.fixture
def no_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was started without a stdout, as by `>&-`."""
    monkeypatch.setattr("tap_zuora_testenv.output.sys", SimpleNamespace(stdout=None, stderr=sys.stderr))


def record(number: int) -> RecordMessage:
    return RecordMessage(stream="jobs", record={"id": str(number), "text": "\u00e9" * 50})


def test_each_message_is_a_separate_line_and_is_written_at_once(reader: Reader) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    assert [message["record"]["id"] for message in reader.messages()] == ["1"]
    writer.write_message(record(2))
    assert [message["record"]["id"] for message in reader.messages()] == ["1", "2"]


def test_a_reader_that_takes_a_part_at_a_time_gets_the_whole(reader: Reader) -> None:
    reader.takes_at_once = 7
    MessageWriter().write_message(record(1))
    assert [message["record"]["id"] for message in reader.messages()] == ["1"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EPIPE, "Stopped: the reader of the output went away."),
        (errno.ENOSPC, f"Stopped: the output cannot be written ({os.strerror(errno.ENOSPC)})."),
        (errno.EIO, f"Stopped: the output cannot be written ({os.strerror(errno.EIO)})."),
    ],
    ids=["EPIPE", "ENOSPC", "EIO"],
)
def test_an_output_that_cannot_be_written_ends_the_run_with_a_reason(
    reader: Reader, number: int, sentence: str
) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    reader.fault = OSError(number, os.strerror(number))
    with pytest.raises(OutputLost) as lost:
        writer.write_message(record(2))
    assert (lost.value.code, lost.value.sentence, lost.value.error) == (1, sentence, None)
    assert writer.emitted == {"jobs": 1}


def test_an_output_that_was_closed_at_the_start_ends_the_run_with_a_reason(no_stdout: None) -> None:
    del no_stdout
    writer = MessageWriter()
    with pytest.raises(OutputLost) as lost:
        writer.write_message(record(1))
    sentence = f"Stopped: the output cannot be written ({os.strerror(errno.EBADF)})."
    assert (lost.value.code, lost.value.sentence) == (1, sentence)
    assert writer.emitted == {}


def test_the_records_that_were_written_are_counted_by_stream(reader: Reader) -> None:
    writer = MessageWriter()
    for number in range(3):
        writer.write_message(record(number))
    writer.write_message(RecordMessage(stream="environments", record={"id": "e"}))
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    assert writer.emitted == {"jobs": 3, "environments": 1}
    assert len(reader.messages()) == 5


def test_a_silent_writer_counts_the_records_and_writes_nothing(reader: Reader) -> None:
    writer = MessageWriter()
    writer.is_silent = True
    writer.write_message(record(1))
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    assert (reader.taken, writer.emitted) == (b"", {"jobs": 1})


def test_a_silent_writer_needs_no_output(no_stdout: None) -> None:
    del no_stdout
    writer = MessageWriter()
    writer.is_silent = True
    writer.write_message(record(1))
    assert writer.emitted == {"jobs": 1}


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_between_two_messages_a_signal_ends_the_run_at_once(reader: Reader, signum: signal.Signals, code: int) -> None:
    writer = MessageWriter()
    writer.write_message(record(1))
    with pytest.raises(RunEnded) as ended:
        writer.interrupt(signum)
    assert (ended.value.code, ended.value.sentence) == (code, f"Stopped by {signum.name}.")
    assert len(reader.messages()) == 1


def test_within_a_message_a_signal_ends_the_run_when_the_message_is_complete(reader: Reader) -> None:
    writer = MessageWriter()
    reader.while_taking = lambda: writer.interrupt(signal.SIGTERM)
    with pytest.raises(RunEnded) as ended:
        writer.write_message(record(1))
    assert ended.value.code == 143
    assert reader.messages() == [record(1).to_dict()]
    assert writer.emitted == {"jobs": 1}


def test_after_a_signal_the_state_can_still_be_written(reader: Reader) -> None:
    writer = MessageWriter()
    reader.while_taking = lambda: writer.interrupt(signal.SIGTERM)
    with pytest.raises(RunEnded):
        writer.write_message(record(1))
    writer.write_message(StateMessage(value={"bookmarks": {}}))
    assert [message["type"] for message in reader.messages()] == ["RECORD", "STATE"]


def test_a_second_signal_changes_nothing(reader: Reader, watchdogs: list[tuple[Any, ...]]) -> None:
    writer = MessageWriter()
    with pytest.raises(RunEnded):
        writer.interrupt(signal.SIGTERM)
    writer.interrupt(signal.SIGINT)
    writer.write_message(record(1))
    assert len(reader.messages()) == len(watchdogs) == 1


def test_a_signal_while_the_reader_goes_away_ends_the_run_for_the_reader(reader: Reader) -> None:
    writer = MessageWriter()

    def go() -> None:
        writer.interrupt(signal.SIGTERM)
        raise BrokenPipeError

    reader.while_taking = go
    with pytest.raises(OutputLost, match="1") as lost:
        writer.write_message(record(1))
    assert lost.value.sentence == "Stopped: the reader of the output went away."


def test_a_message_that_cannot_be_made_is_an_error_like_any_other(reader: Reader) -> None:
    writer = MessageWriter()
    with pytest.raises(UnicodeEncodeError):
        writer.write_message(RecordMessage(stream="jobs", record={"id": "\ud800"}))
    assert writer.emitted == {}
    writer.write_message(record(1))
    assert len(reader.messages()) == 1


def test_a_signal_that_arrives_while_a_thread_is_being_started_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with ThreadPoolExecutor(1) as pool:
        # The pool's thread is up before the lock is held that every start of a thread takes.
        pool.submit(int).result()
        monkeypatch.setattr(output, "_end_without_reader", lambda _: None)
        with threading._active_limbo_lock:  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public name
            ended = pool.submit(MessageWriter().interrupt, signal.SIGTERM).exception(timeout=60)
    assert isinstance(ended, RunEnded)


def test_a_reader_that_takes_nothing_for_four_seconds_is_not_waited_for(
    watchdogs: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    waited: list[float] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(time, "sleep", waited.append)
    with pytest.raises(RunEnded):
        MessageWriter().interrupt(signal.SIGTERM)
    ((function, arguments),) = watchdogs
    with open(2, "w", closefd=False) as real, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", real)
        function(*arguments)
    assert (waited, ended) == ([SECONDS_TO_UNWIND], [143])
    assert capfd.readouterr().err == "Stopped by SIGTERM.\n"


def test_after_the_output_is_discarded_the_last_flush_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - a descriptor has no path
        monkeypatch.setattr(sys, "stdout", stdout)
        stdout.write("what is left")
        with pytest.raises(BrokenPipeError):
            stdout.flush()
        discard_output()
        stdout.flush()
        monkeypatch.undo()


def test_a_closed_output_need_not_be_discarded(no_stdout: None) -> None:
    del no_stdout
    discard_output()
