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

from tap_zuora_testenv.outcome import DONE, FAILED, RunEnded
from tap_zuora_testenv.output import OutputLost, discard_output
from tap_zuora_testenv.redaction import REDACTION, redact_log_records
from tap_zuora_testenv.start_up import refused_arguments, set_up
from tap_zuora_testenv.tap import Invocation, TapZuoraTestenv, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_zuora_testenv.zuora import ZuoraError

_INTERRUPTED = 130


_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def main() -> None:
    """Run the command, and end the process."""
    redact_log_records()
    try:
        code, verdict = run()
    except RunEnded as ended:
        # A signal arrived between the end of the run and its last line.
        code, verdict = _code(ended), ended.sentence
    # Python removes its signal handlers before the process ends; a signal in between would replace the exit code.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if verdict:
        # The last line, whatever the level and the format of the log are.
        _print(verdict)
    # The process ends here, so a last garbage collection would only take time.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> tuple[int, str]:
    """Run the command, and return its exit code and its last line, which is empty for `--help` and the like.

    Args:
        arguments: The command-line arguments; None for those of the process.
    """
    invocation = Invocation()
    code, verdict = _run(arguments, invocation)
    if invocation.tap is not None:
        invocation.tap.close()
    return code, REDACTION.redact(" ".join(verdict.split()))


def _run(arguments: Sequence[str] | None, invocation: Invocation) -> tuple[int, str]:
    try:
        command = set_up()
        code = command.main(arguments, prog_name=command.name, standalone_mode=False, obj=invocation)
    except BaseException as error:  # noqa: BLE001 - the last place that can report anything
        return _ending(error, invocation.tap)
    tap = invocation.tap
    if tap is None:
        return code or 0, ""
    if invocation.test == "schema":
        return DONE, f"Done: wrote {len(tap.streams)} schemas."
    outcome = tap.extraction.outcome
    outcome.conclude()
    _print_checks(tap, outcome.first_failure)
    return outcome.verdict(tap.emitted, fails_on_missing=tap.config["on_missing"] == "fail", is_dry_run=tap.is_dry_run)


def _print_checks(tap: TapZuoraTestenv, error: ZuoraError | None) -> None:
    """After a dry run, print what works and what does not."""
    if tap.is_dry_run:
        _print(*tap.extraction.outcome.checks(urlsplit(tap.config["base_url"]).netloc, error))


def _ending(error: BaseException, tap: TapZuoraTestenv | None) -> tuple[int, str]:
    """Return the exit code and the last line of a command that an exception ended."""
    match error:
        case OutputLost():
            discard_output()
            ended: SystemExit = error
        case ConfigValidationError():
            ended = refusal(error)
        case SystemExit():
            ended = error
        case click.ClickException():
            ended = RunEnded.misconfigured(refused_arguments(error))
        case KeyboardInterrupt() | click.Abort():
            ended = RunEnded(_INTERRUPTED, "Stopped by SIGINT.")
        case _:
            _print(REDACTION.redact("".join(traceback.format_exception(error))))
            name = type(error).__name__
            ended = RunEnded(FAILED, f"Stopped: a bug in tap-zuora-testenv, please report it ({name}).")
    if tap is not None:
        _write_state(tap)
        if isinstance(ended, RunEnded) and ended.error is not None:
            _print_checks(tap, ended.error)
    # `--about` ends with an exit code and no sentence.
    return _code(ended), ended.sentence if isinstance(ended, RunEnded) else ""


def _code(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else FAILED


def _write_state(tap: TapZuoraTestenv) -> None:
    """Write the state of what was emitted, if there is a reader."""
    tap.extraction.outcome.log_counts()
    # If the output is lost, stdout is /dev/null by now.
    if tap.state:
        with suppress(RunEnded):
            tap.state_writer.write_state(tap.state)


def _print(*lines: str) -> None:
    # Without a stderr, print would write to stdout, which is for messages.
    if sys.stderr is not None:
        print(*lines, sep="\n", file=sys.stderr, flush=True)  # noqa: T201
