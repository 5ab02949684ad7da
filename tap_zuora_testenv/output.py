"""Writes Singer messages whole: neither a signal nor a reader that goes away leaves half of one."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from _thread import start_new_thread
from collections import Counter
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_zuora_testenv.outcome import FAILED, RunEnded

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message

SECONDS_TO_UNWIND = 4.0
"""How long after a signal the reader may take to accept the last message."""

# A shell adds this to the number of the signal that ended a program.
_SIGNAL_EXIT = 128


class OutputLost(RunEnded):
    """The output cannot be written."""


class MessageWriter(MsgSpecWriter):
    """A writer that a signal interrupts between two messages."""

    def __init__(self) -> None:
        super().__init__()
        self.is_silent = False
        """Whether messages are made but not written: on a terminal, `--test` shows only its checks."""
        self.emitted: Counter[str] = Counter()
        """How many RECORD messages were written, by stream."""
        self._is_writing = False
        self._interruption: RunEnded | None = None
        self._is_interrupted = False

    @override
    def write_message(self, message: Message) -> None:
        line = self.format_message(message)
        self._is_writing = True
        try:
            if not self.is_silent:
                _write_whole(line)
            if isinstance(message, RecordMessage):
                self.emitted[message.stream] += 1
        except BrokenPipeError:
            raise OutputLost(FAILED, "Stopped: the reader of the output went away.") from None
        except OSError as error:
            raise OutputLost(FAILED, f"Stopped: the output cannot be written ({error.strerror}).") from None
        finally:
            self._is_writing = False
        if self._interruption is not None:
            interruption, self._interruption = self._interruption, None
            raise interruption

    def interrupt(self, signum: int) -> None:
        """End the run from a signal handler: now, or once the message that is being written is out.

        Args:
            signum: The signal.

        Raises:
            RunEnded: No message is being written.
        """
        if self._is_interrupted:
            return
        self._is_interrupted = True
        end = RunEnded(_SIGNAL_EXIT + signum, f"Stopped by {signal.Signals(signum).name}.")
        # Not by `threading`: it waits for a lock, which the main thread may hold, as it may be starting a thread.
        start_new_thread(_end_without_reader, (end,))
        if self._is_writing:
            self._interruption = end
        else:
            raise end


def _write_whole(line: bytearray) -> None:
    """Write a line to its end: an unbuffered output (PYTHONUNBUFFERED) may accept only a part of it."""
    # A copy: the line is in the one buffer that the next message is written to.
    rest = bytes(line)
    if sys.stdout is None:
        # Python's stdout of a process that was started without one, as by `>&-`.
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.flush()


def discard_output() -> None:
    """Point stdout at /dev/null so that the interpreter's final flush does not fail."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_without_reader(end: RunEnded) -> None:
    time.sleep(SECONDS_TO_UNWIND)
    os.write(sys.stderr.fileno(), f"{end.sentence}\n".encode())
    os._exit(int(str(end.code)))
