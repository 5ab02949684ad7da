"""The processes of a session, which a task starts for Meltano, the tap and the target."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil


def members(session: int) -> list[str]:
    """Return the commands of the processes of a session; those that only wait for their parent have ended."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
    return found
