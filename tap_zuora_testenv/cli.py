"""The command `tap-zuora-testenv`: whatever happens, one exit code and one last line with the reason."""

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

from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.output import ReaderGone, forget_reader
from tap_zuora_testenv.redaction import REDACTION, redact_log_records
from tap_zuora_testenv.tap import TapZuoraTestenv, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_zuora_testenv.zuora import ZuoraError

_INTERRUPTED = 130


def main() -> None:
    """Run the command, and end the process."""
    redact_log_records()
    try:
        code, verdict = run()
    except RunEnded as ended:
        # A signal arrived between the end of the run and its last line.
        code, verdict = int(str(ended.code)), ended.sentence
    # Python removes its signal handlers before the process ends; a signal in between would replace the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if verdict:
        # The last line, whatever the level and the format of the log are.
        print(verdict, file=sys.stderr, flush=True)  # noqa: T201
    # The process ends: a last garbage collection would take time for nothing.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> tuple[int, str]:
    """Run the command, and return its exit code and its last line, which is empty for `--help` and the like.

    Args:
        arguments: The command-line arguments; None for those of the process.
    """
    # singer-sdk's command does not return the tap; the tap adds itself to this list.
    taps: list[TapZuoraTestenv] = []
    code, verdict = _run(TapZuoraTestenv.cli, arguments, taps)
    for tap in taps:
        tap.close()
    return code, REDACTION.redact(" ".join(verdict.split()))


def _run(command: click.Command, arguments: Sequence[str] | None, taps: list[TapZuoraTestenv]) -> tuple[int, str]:
    try:
        code = command.main(arguments, prog_name=command.name, standalone_mode=False, obj=taps)
    except BaseException as error:  # noqa: BLE001 - the last place that can report anything
        return _ending(error, taps)
    for tap in taps:
        tap.extraction.outcome.log_counts()
        _print_findings(tap, tap.extraction.outcome.first_failure)
        fails_on_missing = tap.config["on_missing"] == "fail"
        return tap.extraction.outcome.verdict(fails_on_missing=fails_on_missing, is_dry_run=tap.is_dry_run)
    return code or 0, ""


def _print_findings(tap: TapZuoraTestenv, error: ZuoraError | None) -> None:
    """After a dry run, print what works and what does not."""
    if tap.is_dry_run:
        host = urlsplit(tap.config["base_url"]).netloc
        print(*tap.extraction.outcome.findings(host, error), sep="\n", file=sys.stderr)  # noqa: T201


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
        if isinstance(ended, RunEnded) and ended.error is not None:
            _print_findings(tap, ended.error)
    # `--about` ends with an exit code and no sentence.
    return ended.code if isinstance(ended.code, int) else 1, ended.sentence if isinstance(ended, RunEnded) else ""


def _write_state(tap: TapZuoraTestenv) -> None:
    """Write the state of what was emitted, if there is a reader."""
    tap.extraction.outcome.log_counts()
    # If the reader is gone, stdout is /dev/null by now.
    if tap.state:
        with suppress(RunEnded):
            tap.state_writer.write_state(tap.state)
