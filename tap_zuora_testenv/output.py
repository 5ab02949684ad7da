"""Writes Singer messages so that a signal or a reader that goes away never leaves half of one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

from tap_zuora_testenv.errors import RunEnded

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

SECONDS_TO_UNWIND = 4.0
"""After a signal: for how long a reader may leave the last message untaken."""

# What a shell shows for a program that a signal ended.
_SIGNAL_EXIT = 128


class ReaderGone(RunEnded):
    """The reader of the output went away."""


class MessageWriter(MsgSpecWriter):
    """A writer that a signal interrupts between two messages."""

    def __init__(self) -> None:
        super().__init__()
        self._is_writing = False
        self._interruption: RunEnded | None = None
        self._is_interrupted = False

    @override
    def write_message(self, message: Message) -> None:
        self._is_writing = True
        try:
            _write_whole(self.format_message(message))
        except BrokenPipeError:
            raise ReaderGone(1, "Stopped: the reader of the output went away.") from None
        finally:
            self._is_writing = False
        if self._interruption is not None:
            interruption, self._interruption = self._interruption, None
            raise interruption

    def interrupt(self, signum: int) -> None:
        """End the run: now, or when the message that is being written is out; from the handler of a signal.

        Args:
            signum: The signal.

        Raises:
            RunEnded: No message is being written.
        """
        if self._is_interrupted:
            return
        self._is_interrupted = True
        end = RunEnded(_SIGNAL_EXIT + signum, f"Stopped by {signal.Signals(signum).name}.")
        watchdog = threading.Timer(SECONDS_TO_UNWIND, _end_without_reader, [end])
        watchdog.daemon = True
        watchdog.start()
        if self._is_writing:
            self._interruption = end
        else:
            raise end


def _write_whole(line: bytearray) -> None:
    """Write a line to the end: without its buffer (PYTHONUNBUFFERED) the output may take a part, as after a signal."""
    # A copy: the line stands in the one buffer that the next message is made in.
    rest = bytes(line)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.flush()


def forget_reader() -> None:
    """Let the interpreter, which flushes the output when it ends, find somebody to take it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_without_reader(end: RunEnded) -> None:
    os.write(sys.stderr.fileno(), f"{end.sentence}\n".encode())
    os._exit(int(str(end.code)))
