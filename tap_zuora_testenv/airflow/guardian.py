"""Runs a command and ends all of it when the process that started this one is gone; needs only the standard library.

`python -I -S guardian.py FOLDER COMMAND...`: standard input is a pipe from the process that started it. The pipe ends
with that process, however that came about, by SIGKILL as well. Then the command and everything that it started get
SIGTERM, and 4 seconds later SIGKILL. The folder, which contains the settings of the run, is removed at the end.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress

# Airflow kills a task 5 seconds after it asked the task to end: what the task started must be gone by then.
ENDING_TAKES_AT_MOST_SECONDS = 4
# What a shell adds to the number of a signal.
SIGNALLED = 128
# Of prctl(2).
PR_SET_PDEATHSIG = 1


def main(folder: str, *command: str) -> int:
    """Run the command.

    Args:
        folder: What is removed at the end.
        command: The command and its arguments.

    Returns:
        Its exit code; 128 and the number of the signal if it was killed.
    """
    library = ctypes.CDLL(None)
    process = subprocess.Popen(  # noqa: S603 - the operator passes it, and no shell reads it
        command,
        stdin=subprocess.DEVNULL,
        # A group, so that a signal reaches the command and all that it started.
        process_group=0,
        # Safe: no thread has been started yet.
        preexec_fn=lambda: _end_with_this_process(library),  # noqa: PLW1509
    )
    threading.Thread(target=_end_with_the_input, args=[process], daemon=True).start()
    code = process.wait()
    # What the command may have left behind.
    _signal(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else SIGNALLED - code


def _end_with_this_process(library: ctypes.CDLL) -> None:
    """Let Linux end the command if somebody kills this process; other systems have no such call."""
    if sys.platform == "linux":
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_with_the_input(process: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDING_TAKES_AT_MOST_SECONDS)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the command and all that it started."""
    # macOS answers EPERM for a group of which only a zombie is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
