"""The processes that a tool starts: where their commands are, their environment variables, and their end."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1,localhost"
STOP_TAKES_AT_MOST_SECONDS = 10
# What may come from a person, a scheduler or a closed terminal.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_STARTED: list[subprocess.Popen[bytes]] = []


@contextmanager
def running(
    line: Sequence[str | Path],
    *,
    stop: signal.Signals = signal.SIGTERM,
    **options: Any,  # noqa: ANN401 - they are those of Popen
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process, and end it with the context if it has not ended by then.

    Args:
        line: The program and its arguments.
        stop: The signal that ends it.
        options: More arguments of `subprocess.Popen`.
    """
    process = None
    try:
        with _signals_wait():
            process = subprocess.Popen(line, **options)  # noqa: S603 - no argument comes from elsewhere
            _STARTED.append(process)
        yield process
    finally:
        if process is not None:
            _end(process, stop)


def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    # Closes the pipes, and waits.
    with process:
        if process.poll() is None:
            process.send_signal(stop)
        try:
            process.wait(STOP_TAKES_AT_MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


@atexit.register
def _end_what_was_left() -> None:
    """End what an exception at a bad moment, on the way into its context, left behind."""
    for process in _STARTED:
        if process.poll() is None:
            _end(process, signal.SIGTERM)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let no signal come between the start of a process and the moment from which on somebody ends it."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda caught, _: came.append(caught)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in came:
            signal.raise_signal(caught)


def command(name: str) -> list[str]:
    """Find a command of this environment.

    Raises:
        ToolError: When it is not installed.
    """
    path = Path(sysconfig.get_path("scripts"), name)
    if not path.exists():
        raise ToolError(f"The command {name} is not installed beside this Python: run make demo, which sets it up.")
    return [str(path)]


def environment() -> dict[str, str]:
    """Make the environment variables for the commands: this process's, less what would lead them elsewhere."""
    # A setting of the tap or the target in this shell is meant for another pipeline.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_"))}
    # The target writes times in the time zone of its session; UTC is what all of Zuora's become.
    return own | {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK, "PGTZ": "UTC"}
