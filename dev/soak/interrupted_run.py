"""A run of the tap into the confirming target, until it ends or a signal ends it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dev.soak.invariants import InvariantError
from dev.testbed.confirming_target import LAST_LINE_TORN
from dev.testbed.processes import command
from dev.testbed.tap_to_target import piped

if TYPE_CHECKING:
    from types import TracebackType

    from dev.soak.signal_schedule import Moment

TARGET = [sys.executable, "-m", "dev.testbed.confirming_target"]
CHECKOUT = str(Path(__file__).resolve().parents[2])
SECONDS_FOR_A_TARGET = 30.0


class InterruptedRun:
    """Runs both while its context lasts; a process that still runs at its end is ended.

    Attributes:
        tap: The process of the tap.
    """

    tap: subprocess.Popen[bytes]

    def __init__(self, folder: Path, options: list[str], moment: Moment | None = None) -> None:
        """Prepare.

        Args:
            folder: The folder of the logs and of what the target confirmed.
            options: The options of the tap.
            moment: The signal that is planned for this run; None for no signal.
        """
        self._folder, self._options, self._target_options = folder, options, [str(folder)]
        # Python counts an empty value as unset.
        self._unbuffered = "1" if moment is not None and moment.unbuffered else ""
        if moment is not None and moment.target_dies:
            self._target_options.append("--dies")
        if moment is not None and moment.pause is not None:
            lines, seconds = moment.pause
            self._target_options += ["--pause-after", str(lines), "--pause-seconds", str(seconds)]

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self.tap, self._target = self._open.enter_context(
            piped(
                [*command("tap-zuora-testenv"), *self._options],
                [*TARGET, *self._target_options],
                self._folder,
                tap_environment={"PYTHONUNBUFFERED": self._unbuffered},
                target_environment={"PYTHONPATH": CHECKOUT, "PYTHONUNBUFFERED": ""},
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def log(self) -> list[str]:
        """The lines that the tap wrote on standard error."""
        return (self._folder / "tap.log").read_text(encoding="utf-8").splitlines()

    def await_pause(self) -> None:
        """Wait until the target stops reading, or ends with the tap before it does."""
        self._target.stdout.readline()  # type: ignore[union-attr]

    def end_of_tap(self, seconds: float) -> int:
        """Return the exit code of the tap.

        Raises:
            InvariantError: The tap does not end within these seconds.
        """
        try:
            return self.tap.wait(seconds)
        except subprocess.TimeoutExpired:
            raise InvariantError(f"the run did not end within {seconds:.0f} s") from None

    def end_of_target(self, *, reads_on: bool) -> int:
        """Return the exit code of the target, which ends with its input; if it does not read on, it is ended here."""
        if not reads_on:
            self._target.kill()
            return LAST_LINE_TORN
        return self._target.wait(SECONDS_FOR_A_TARGET)
