"""A PostgreSQL server that nobody has to stop: it ends, and its data are removed, with the process that started it.

`python -m dev.testbed.embedded_postgres` is a keeper. It starts a server, prints where it listens, waits until its own
standard input ends, and removes the server. That input is a pipe from the process that started the keeper, and it ends
with that process, however the process ends: normally, by Ctrl-C, or by SIGKILL.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dev.testbed.postgres_programs import Programs, find_programs
from dev.testbed.processes import running
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
START_TAKES_AT_MOST_SECONDS = 60
LOOK_EVERY_SECONDS = 0.02
PREFIX = "testenv-"
USER = "postgres"
# Linux allows 107 bytes for a socket's path, macOS 103.
LONGEST_SOCKET_PATH = 100
SOCKET = ".s.PGSQL.5432"
INITDB = (
    "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions", f"--username={USER}",
)  # fmt: skip
# Nobody needs these data after a crash, so nothing is flushed to the disk.
OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=20")


@contextmanager
def postgres(*options: str) -> Iterator[str]:
    """Run a new, empty server while the context lasts.

    Args:
        options: More settings of the server, as `name=value`.

    Yields:
        The URL of its database, over a socket that only this user can reach; the server listens on no port.

    Raises:
        ToolError: The server does not start.
    """
    command = [sys.executable, "-m", "dev.testbed.embedded_postgres", *options]
    # Its own session, so that Ctrl-C in the terminal does not reach the keeper: it ends when this process has ended.
    with running(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as keeper:
        if keeper.stdin is None or keeper.stdout is None:
            raise AssertionError
        try:
            answer = json.loads(keeper.stdout.readline() or "{}")
            if "folder" not in answer:
                raise ToolError(answer.get("error", "PostgreSQL did not start."))
            yield f"postgresql://{USER}@/postgres?host={quote(answer['folder'])}"
        finally:
            keeper.stdin.close()
            keeper.wait()


def keep(options: Sequence[str]) -> None:
    """Start a server, print where, and remove it when standard input ends, as the keeper does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = _folder()
    try:
        with _server(folder, find_programs(folder), options):
            _say({"folder": str(folder)})
            sys.stdin.read()
    except ToolError as error:
        _say({"error": str(error)})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """Make a private folder that is short enough for a socket's path, and that the user of the server can reach."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    is_short = len(str(folder / SOCKET).encode()) <= LONGEST_SOCKET_PATH
    is_open = os.geteuid() != 0 or all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.resolve().parents)
    if is_short and is_open:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))


@contextmanager
def _server(folder: Path, programs: Programs, options: Sequence[str]) -> Iterator[None]:
    data, log = folder / "data", folder / "log"
    initdb: list[str | Path] = [programs.folder / "initdb", *INITDB, "-D", data]
    settings = [argument for option in (*OPTIONS, *options) for argument in ("-c", option)]
    serve: list[str | Path] = [programs.folder / "postgres", "-D", data, "-k", folder, "-h", "", *settings]
    with log.open("wb") as output:
        how: dict[str, Any] = {
            "cwd": folder,
            "stdin": subprocess.DEVNULL,
            "stdout": output,
            "stderr": output,
            **programs.run_as,
        }
        try:
            with running(initdb, **how) as creation:
                creation.wait()
            # An immediate shutdown, since the data are removed as well.
            with running(serve, stop=signal.SIGQUIT, **how) as server:
                _wait_until_ready(server, data, log)
                yield
        except (OSError, subprocess.SubprocessError) as error:
            raise ToolError(f"PostgreSQL does not start here: {error}") from None


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    deadline = time.monotonic() + START_TAKES_AT_MOST_SECONDS
    while not _is_ready(data):
        if server.poll() is not None or time.monotonic() > deadline:
            raise ToolError(f"PostgreSQL did not start. Its log:\n{log.read_text(errors='replace')}")
        time.sleep(LOOK_EVERY_SECONDS)


def _is_ready(data: Path) -> bool:
    """Read the last line of postmaster.pid, in which the server reports its status."""
    try:
        return (data / "postmaster.pid").read_text().split("\n")[7].strip() == "ready"
    except (OSError, IndexError):
        return False


def _say(answer: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    keep(sys.argv[1:])
