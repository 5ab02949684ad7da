"""A tap and a target as two processes with a pipe between them, and the state that one run passes to the next."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dev.testbed.processes import command, environment, running
from dev.testbed.tool_error import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LINES_OF_A_LOG = 15


@dataclass(frozen=True)
class Run:
    """The result of a run.

    Attributes:
        seconds: How long it took.
        state: The last STATE that the target wrote, which confirms what is in the warehouse.
        verdict: The last line of the tap's log.
    """

    seconds: float
    state: str
    verdict: str


@dataclass(frozen=True)
class Pipe:
    """The tap and target-postgres with their settings.

    Attributes:
        folder: A private folder for configuration, state and logs.
        tap: The tap's settings.
        target: The target's settings.
        options: More options for the tap.
    """

    folder: Path
    tap: Mapping[str, object]
    target: Mapping[str, object]
    options: Sequence[str] = ()

    def run(self, state: str | None = None) -> Run:
        """Run the pipe once.

        Args:
            state: The state of an earlier run.

        Raises:
            ToolError: One of the two fails; with the end of its log.
        """
        tap = [*command("tap-zuora-testenv"), "--config", private(self.folder / "tap.json", json.dumps(self.tap))]
        tap += self.options
        if state is not None:
            tap += ["--state", private(self.folder / "state.json", state)]
        target = [
            *command("target-postgres"),
            "--config",
            private(self.folder / "target.json", json.dumps(self.target)),
        ]
        started = time.monotonic()
        states = self._run(tap, target)
        seconds = time.monotonic() - started
        if not states:
            raise ToolError("The target wrote no STATE, so the next run cannot know where to go on.")
        return Run(seconds, states[-1], self._log("tap", lines=1))

    def _run(self, tap: list[str], target: list[str]) -> list[str]:
        """Return the lines that the target wrote."""
        with piped(tap, target, self.folder) as (source, sink):
            if sink.stdout is None:
                raise AssertionError
            states = sink.stdout.read().decode().splitlines()
            codes = {"target": sink.wait(), "tap": source.wait()}
        for name, code in codes.items():
            if code != 0:
                raise ToolError(f"The {name} ended with {code}. The end of its log:\n{self._log(name, LINES_OF_A_LOG)}")
        return states

    def _log(self, name: str, lines: int) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def piped(
    tap: Sequence[str],
    target: Sequence[str],
    folder: Path,
    *,
    tap_environment: Mapping[str, str] | None = None,
    target_environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """Run `tap | target` while the context lasts; a process that still runs at its end is ended.

    Args:
        tap: The command line of the tap.
        target: The command line of the target, whose standard output is a pipe.
        folder: The folder of the logs `tap.log` and `target.log`.
        tap_environment: More environment variables for the tap.
        target_environment: More environment variables for the target.

    Yields:
        The processes of the tap and of the target.
    """
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    for_tap, for_target = (environment() | dict(more or {}) for more in (tap_environment, target_environment))
    with (
        (folder / "tap.log").open("wb") as tap_log,
        (folder / "target.log").open("wb") as target_log,
        running(tap, stdin=nothing, stdout=pipe, stderr=tap_log, env=for_tap) as source,
        running(target, stdin=source.stdout, stdout=pipe, stderr=target_log, env=for_target) as sink,
    ):
        if source.stdout is None:
            raise AssertionError
        # Only the target reads the tap: if the target goes away, the tap must notice.
        source.stdout.close()
        yield source, sink


def private(path: Path, text: str) -> str:
    """Write a file that only its owner can read, and return its path."""
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return str(path)
