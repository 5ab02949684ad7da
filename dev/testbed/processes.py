"""The processes that a tool starts: their commands, their environment variables, and their end."""

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
# The signals that a person, a scheduler or a closed terminal sends.
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
            process = subprocess.Popen(line, **options)  # noqa: S603 - no argument comes from outside
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
    """End the processes that an exception left behind while their contexts were entered."""
    for process in _STARTED:
        if process.poll() is None:
            _end(process, signal.SIGTERM)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Delay signals between the start of a process and the moment from which on its context ends it."""
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
        ToolError: The command is not installed.
    """
    path = Path(sysconfig.get_path("scripts"), name)
    if not path.exists():
        raise ToolError(f"The command {name} is not installed for this Python: run make demo, which installs it.")
    return [str(path)]


def environment() -> dict[str, str]:
    """Return the environment variables for the commands: those of this process that are not for other programs."""
    # A setting of the tap or the target in this shell is meant for another pipeline.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "TARGET_"))}
    # The target writes times in the time zone of its session, here UTC.
    return own | {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK, "PGTZ": "UTC"}
