"""The command `tap-zuora-testenv`: whatever happens, one exit code and one last line that says why."""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_zuora_testenv.connection_test import findings
from tap_zuora_testenv.errors import RunEnded
from tap_zuora_testenv.output import ReaderGone, forget_reader
from tap_zuora_testenv.redaction import REDACTION, redact_log_records
from tap_zuora_testenv.tap import TapZuoraTestenv, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_zuora_testenv.errors import ZuoraError

_INTERRUPTED = 130


def main() -> None:
    """Run the command, and end the process."""
    redact_log_records()
    try:
        code, verdict = run()
    except RunEnded as ended:
        # A signal between the end of the run and its last line.
        code, verdict = int(str(ended.code)), ended.sentence
    # Python takes its handlers away before the process ends; a signal in between would undo the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if verdict:
        # The last line, whatever the level and the format of the log.
        print(verdict, file=sys.stderr, flush=True)  # noqa: T201
    # The process ends: nobody needs the interpreter to search its memory for garbage once more.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> tuple[int, str]:
    """Run the command, and return its exit code and its last line, empty when there is nothing to say.

    Args:
        arguments: What follows the command's name; None for the process's own.
    """
    # singer-sdk's command keeps the tap to itself; the tap enters itself here.
    taps: list[TapZuoraTestenv] = []
    code, verdict = _run(TapZuoraTestenv.cli, arguments, taps)
    for tap in taps:
        tap.run.open.close()
    return code, REDACTION.redact(" ".join(verdict.split()))


def _run(command: click.Command, arguments: Sequence[str] | None, taps: list[TapZuoraTestenv]) -> tuple[int, str]:
    try:
        code = command.main(arguments, prog_name=command.name, standalone_mode=False, obj=taps)
    except BaseException as error:  # noqa: BLE001 - the last place that can say anything
        return _ending(error, taps)
    for tap in taps:
        tap.run.outcome.tell_counts()
        _tell_findings(tap, tap.run.outcome.first_failure)
        fails_on_missing = tap.config["on_missing"] == "fail"
        return tap.run.outcome.verdict(fails_on_missing=fails_on_missing, is_dry_run=tap.is_dry_run)
    return code or 0, ""


def _tell_findings(tap: TapZuoraTestenv, error: ZuoraError | None) -> None:
    """After a dry run, tell what works and what does not."""
    if tap.is_dry_run:
        host, outcome = urlsplit(tap.run.base_url).netloc, tap.run.outcome
        lines = findings(host, error, outcome.read, is_missing=outcome.is_missing)
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201


def _ending(error: BaseException, taps: list[TapZuoraTestenv]) -> tuple[int, str]:
    """Return the exit code and the last line of a command that an exception ended."""
    match error:
        case ReaderGone():
            forget_reader()
            ended: SystemExit = error
        case ConfigValidationError():
            ended = refusal(error)
        case SystemExit():
            ended = error
        case click.ClickException():
            ended = RunEnded(1, error.format_message())
        case KeyboardInterrupt() | click.Abort():
            ended = RunEnded(_INTERRUPTED, "Stopped by SIGINT.")
        case _:
            sys.stderr.write(REDACTION.redact("".join(traceback.format_exception(error))))
            ended = RunEnded(1, f"A bug in tap-zuora-testenv, please report it: {type(error).__name__}.")
    for tap in taps:
        _write_state(tap)
        if isinstance(ended, RunEnded) and ended.reason is not None:
            _tell_findings(tap, ended.reason)
    # `--about` ends with an exit code and nothing to say.
    return ended.code if isinstance(ended.code, int) else 1, ended.sentence if isinstance(ended, RunEnded) else ""


def _write_state(tap: TapZuoraTestenv) -> None:
    """Write the state of what was emitted, if anybody takes it."""
    tap.run.outcome.tell_counts()
    # A reader that is gone is told nothing: what is written now goes nowhere.
    if tap.state:
        with suppress(RunEnded):
            tap.state_writer.write_state(tap.state)
