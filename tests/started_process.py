"""Starts a command as a test wants it: with these actions of signals, or with a closed descriptor.

Without `preexec_fn`: it runs Python between fork and exec, which can wait forever for a lock that another thread held
at the fork, and the emulator runs in threads of the test's process.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONDITIONS = ("environ", "stdout", "closed", "actions")
"""The parameters of `start_process` that differ between tests."""
Process = TypeVar("Process", bound="subprocess.Popen[str]")


def start_process(
    kind: type[Process],
    line: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    closed: int | None = None,
    actions: Mapping[signal.Signals, signal.Handlers] = MappingProxyType({}),
) -> Process:
    """Start a command without input, with pipes for its output and errors.

    Args:
        kind: The class of the process.
        line: The command and its arguments.
        environ: Environment variables besides those of this process.
        stdout: Its output; a pipe by default.
        closed: A descriptor that is closed when it starts.
        actions: Signals that it ignores (`SIG_IGN`) or does not ignore (`SIG_DFL`).
    """
    with _inherited(actions):
        return kind(
            line if closed is None else ["sh", "-c", f'exec "$@" {closed}>&-', "sh", *line],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **(environ or {})},
        )


@contextmanager
def _inherited(actions: Mapping[signal.Signals, signal.Handlers]) -> Iterator[None]:
    before = {number: signal.signal(number, action) for number, action in actions.items()}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
