"""What a test's process inherits: the actions of signals, and closed descriptors.

Without `preexec_fn`: it runs Python between fork and exec, which can wait forever for a lock that another thread held
at the fork, and the emulator runs in threads of the test's process.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@contextmanager
def inherited(actions: Mapping[signal.Signals, signal.Handlers]) -> Iterator[None]:
    """Let the processes that start in this context ignore a signal (`SIG_IGN`), or not ignore it (`SIG_DFL`)."""
    before = {number: signal.signal(number, action) for number, action in actions.items()}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def without_descriptor(number: int, line: Sequence[str]) -> list[str]:
    """Return the command line that starts another one with this descriptor closed."""
    return ["sh", "-c", f'exec "$@" {number}>&-', "sh", *line]
