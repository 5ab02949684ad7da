"""The tap and the target as two processes with a pipe between them."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from soak.promises import PromiseBrokenError
from soak.target import LAST_LINE_TORN

if TYPE_CHECKING:
    from types import TracebackType

    from soak.moments import Moment

    Process: TypeAlias = subprocess.Popen[bytes]

TAP = [sys.executable, "-c", "from tap_zuora_testenv.cli import main; main()"]
TARGET = [sys.executable, "-m", "soak.target"]
CHECKOUT = Path(__file__).parent.parent
SECONDS_FOR_A_TARGET = 30.0


class Pipe:
    """Runs both while its context lasts; what still runs at its end is ended.

    Attributes:
        tap: The process of the tap.
    """

    def __init__(self, folder: Path, options: list[str], moment: Moment | None = None) -> None:
        """Prepare.

        Args:
            folder: Where the target keeps what it confirmed, and where the tap's log goes.
            options: The tap's options.
            moment: What is planned for this run; None for nothing.
        """
        self._folder, self._options, self._target_options = folder, options, [str(folder)]
        # Python takes an empty value for none.
        self._environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": ""}
        if moment is not None and moment.unbuffered:
            self._environ["PYTHONUNBUFFERED"] = "1"
        if moment is not None and moment.target_dies:
            self._target_options.append("--dies")
        if moment is not None and moment.pause is not None:
            lines, seconds = moment.pause
            self._target_options += ["--pause-after", str(lines), "--pause-seconds", str(seconds)]

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self._target = self._begin([*TARGET, *self._target_options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # Closed here as soon as the tap has it: it alone keeps the target reading.
        with self._target.stdin as pipe, (self._folder / "log").open("wb") as log:  # type: ignore[union-attr]
            self.tap = self._begin([*TAP, *self._options], stdin=subprocess.DEVNULL, stdout=pipe, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def log(self) -> list[str]:
        """The lines that the tap wrote on standard error."""
        return (self._folder / "log").read_text(encoding="utf-8").splitlines()

    def await_pause(self) -> None:
        """Wait until the target stops reading, or ends with the tap before it does."""
        self._target.stdout.readline()  # type: ignore[union-attr]

    def end_of_tap(self, seconds: float) -> int:
        """Return the exit code of the tap.

        Raises:
            PromiseBrokenError: It does not end within these seconds.
        """
        try:
            return self.tap.wait(seconds)
        except subprocess.TimeoutExpired:
            raise PromiseBrokenError(f"the run did not end within {seconds:.0f} s") from None

    def end_of_target(self, *, reads_on: bool) -> int:
        """Return the exit code of the target, which ends by itself when it reads on; else it is ended."""
        if not reads_on:
            self._target.kill()
            return LAST_LINE_TORN
        return self._target.wait(SECONDS_FOR_A_TARGET)

    def _begin(self, command: list[str], *, stdin: object, stdout: object, stderr: object = None) -> Process:
        process: Process = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - programs of ours
            command,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        self._open.enter_context(process)
        # Called before the process is waited for.
        self._open.callback(process.kill)
        return process
