"""The settings of this process that a command of the tap changes, put back after its run."""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def restored_process() -> Iterator[None]:
    """Undo at the end of the context what a command sets up in its process: signal handlers and logging."""
    signals = {number: signal.getsignal(number) for number in _SIGNALS}
    log_handlers = [*logging.getLogger().handlers]
    try:
        yield
    finally:
        logging.getLogger().handlers[:] = log_handlers
        logging.captureWarnings(capture=False)
        for number, handler in signals.items():
            signal.signal(number, handler)
