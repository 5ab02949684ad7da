"""A private folder for each run of Meltano; what earlier runs left behind is removed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "zuora-testenv-{}"


@contextmanager
def run_folder() -> Iterator[tuple[Path, int]]:
    """Make a folder for a run, and remove it and those of runs that were killed.

    Each folder is locked by a descriptor that the run's processes share. The system releases the lock when the last of
    them has ended, so a folder without a lock belongs to no run.

    Yields:
        The folder, and the descriptor to pass on to the process that outlives this one.

    Raises:
        PermissionError: If another user owns the folder of all runs.
    """
    parent = Path(tempfile.gettempdir(), NAME.format(os.getuid()))
    with suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    # So that a folder is not swept between its creation and its lock.
    with _opened(parent) as whole:
        if os.fstat(whole).st_uid != os.getuid():
            raise PermissionError(f"{parent} is another user's")
        fcntl.flock(whole, fcntl.LOCK_EX)
        for left in parent.iterdir():
            with suppress(OSError), _opened(left) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
        folder = Path(tempfile.mkdtemp(dir=parent))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder, descriptor
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
