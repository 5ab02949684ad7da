"""The command `zuora-testenv-status`: whether test environments are ready, now or after a wait, without a warehouse."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import threading
import traceback
from contextlib import closing
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from tap_zuora_testenv.findings import MISCONFIGURED, UNKNOWN, WAITING
from tap_zuora_testenv.ids import is_path_segment
from tap_zuora_testenv.observation import Observer, Wanted
from tap_zuora_testenv.outcome import RunEnded
from tap_zuora_testenv.output import discard_output
from tap_zuora_testenv.redaction import REDACTION, redact_log_records
from tap_zuora_testenv.start_up import refused_arguments
from tap_zuora_testenv.status_lines import drawn_line, json_lines, lines, significant, verdict
from tap_zuora_testenv.tap import TapZuoraTestenv, refusal
from tap_zuora_testenv.zuora import Fatal
from tap_zuora_testenv.zuora.pace import LONGEST_WAIT, SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from tap_zuora_testenv.findings import Look
    from tap_zuora_testenv.zuora.pace import Clock

_SHORTEST_EVERY = 15
# Seconds. The pause between two looks grows up to this, or to `--every` if that is longer.
_LONGEST_PAUSE = 300.0
_GROWTH = 1.5
# Seconds after which a line is printed again although its status has not changed.
_LINE_AT_LEAST_EVERY = 600.0

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# A shell adds this to the number of the signal that ended a program.
_SIGNAL_EXIT = 128

_HELP = """Print whether test environments are ready to be used, or wait until they are.

The settings are those of tap-zuora-testenv. Without --environment and --name, the command looks at the setting
test_environments, or at all test environments that the credentials can see. It changes nothing in Zuora.

\b
Exit codes, each with the first word of the last line on standard error:
  0  Ready          all are ready
  1  Unknown        it could not be found out
  2  Misconfigured  settings, credentials, permission, an unknown id or name
  3  Waiting        busy or unknown: without --wait, or at --timeout
  4  Over           waiting makes no sense: the environment is unavailable, or
                    a refresh failed or was cancelled
  129, 130, 143     Stopped by SIGHUP, SIGINT or SIGTERM
"""
_EPILOG = """\b
Example, which runs tests as soon as the refresh of a sandbox is over:
  zuora-testenv-status --config config.json --name "Acme UAT" --wait && pytest
"""


def _seconds(_: click.Context, param: click.Parameter, value: str) -> float:
    """Read a time span such as 90s, 5m or 24h; a number without a unit is in seconds."""
    least = _SHORTEST_EVERY if param.name == "every" else 0
    match = re.fullmatch(r"([0-9]{1,9})([smh]?)", value)
    seconds = int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else -1
    if seconds < least:
        # Without the value: whatever it is, it may have been meant for another option.
        limit = f", at least {least}s" if least else ""
        raise click.BadParameter(f"it must be a time span such as 90s, 5m or 24h{limit}")
    return float(seconds)


def _checked_ids(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(is_path_segment, value)):
        raise click.BadParameter("it must be an id of letters, digits, - and _, at most 128 of them")
    return value


class Printer:
    """Prints what was found out: a line that is redrawn on a terminal, else a line per change."""

    def __init__(self, clock: Clock, *, as_json: bool, redraws: bool) -> None:
        """Print nothing yet.

        Args:
            clock: The clock that the time between lines is measured by.
            as_json: Whether lines are JSON.
            redraws: Whether a terminal shows one line while the command waits.
        """
        self._clock, self._as_json, self._redraws = clock, as_json, redraws
        self._printed: dict[str, tuple[object, float]] = {}

    def progress(self, look: Look) -> None:
        """Print what was found out, before one more wait."""
        if self._redraws:
            self._draw(drawn_line(look, self._columns))
        else:
            self._print_changes(look)

    def end(self, look: Look) -> None:
        """Print what was found out last."""
        if self._redraws:
            self._draw(" " * self._columns)
            self._draw("")
            self._redraws = False
        self._print_changes(look)

    def _print_changes(self, look: Look) -> None:
        if look.error is not None and self._is_due("", look.error.reason):
            _print_error(f"Could not look: {look.error}.")
        texts = json_lines(look, _now()) if self._as_json else lines(look)
        for finding, text in zip(look.findings, texts, strict=True):
            if self._is_due(finding.id, significant(finding)):
                _write(f"{text}\n")

    def _is_due(self, key: str, now: object) -> bool:
        before, at = self._printed.get(key, (None, 0.0))
        is_due = now != before or self._clock.monotonic() - at >= _LINE_AT_LEAST_EVERY
        if is_due:
            self._printed[key] = (now, self._clock.monotonic())
        return is_due

    @property
    def _columns(self) -> int:
        # A terminal may wrap a line that fills it.
        return shutil.get_terminal_size().columns - 1

    @staticmethod
    def _draw(text: str) -> None:
        _write(f"\r{text}")


def main() -> None:
    """Run the command, and end the process."""
    redact_log_records()
    if isinstance(sys.stdout, TextIOWrapper):
        # Names come from Zuora, and not every console can show each character.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code, sentence = run()
    except RunEnded as ended:
        # A signal arrived between the end of the run and its last line.
        code, sentence = int(str(ended.code)), ended.sentence
    # Python removes its signal handlers before the process ends; a signal in between would replace the exit code.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if sentence:
        _print_error(sentence)
    sys.exit(code)


def run(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> tuple[int, str]:
    """Run the command, and return its exit code and its last line, which is empty for `--help`.

    Args:
        arguments: The command-line arguments; None for those of the process.
        clock: The clock that waits are measured by; None for the machine's.
    """
    try:
        ended = command.main(arguments, prog_name=command.name, standalone_mode=False, obj=clock or SystemClock())
    except BaseException as error:  # noqa: BLE001 - the last place that can report anything
        ended = _ending(error)
    # click returns a number for `--help`.
    code, sentence = ended if isinstance(ended, tuple) else (ended, "")
    return code, REDACTION.redact(" ".join(sentence.split()))


def _ending(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the last line of a command that an exception ended."""
    match error:
        case ConfigValidationError():
            return _ending(refusal(error))
        case RunEnded():
            return int(str(error.code)), error.sentence
        case SystemExit(code=code):
            # click exits with 0 after it completed a command line for a shell, and with 1 if `--help` has no reader.
            return (0, "") if code == 0 else (UNKNOWN, "Unknown: the reader of the output went away.")
        case click.ClickException():
            # The types of this command's options repeat no text; click's own messages may.
            is_ours = isinstance(error, click.BadParameter)
            reason = f"{error.format_message().rstrip('.')}." if is_ours else refused_arguments(error)
            return MISCONFIGURED, f"Misconfigured: {reason}"
        case KeyboardInterrupt() | click.Abort():
            return _SIGNAL_EXIT + signal.SIGINT, "Stopped by SIGINT."
        case _:
            _print_error(REDACTION.redact("".join(traceback.format_exception(error))))
            return UNKNOWN, f"Unknown: a bug in tap-zuora-testenv, please report it ({type(error).__name__})."


@click.command("zuora-testenv-status", help=_HELP, epilog=_EPILOG)
@click.option(
    "--config",
    multiple=True,
    metavar="FILE",
    callback=TapZuoraTestenv.cb_config,
    help="A file with the tap's settings, or ENV for the environment variables. Later files override earlier ones.",
)
@click.option("--environment", "ids", multiple=True, callback=_checked_ids, help="The id of a test environment.")
@click.option("--name", "names", multiple=True, help="The name of one or more test environments.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.option("--wait", "waits", is_flag=True, help="Wait until all are ready.")
@click.option(
    "--timeout", metavar="TIME", callback=_seconds, default="24h", show_default=True, help="How long to wait."
)
@click.option(
    "--every",
    metavar="TIME",
    callback=_seconds,
    default="60s",
    show_default=True,
    help=f"How long to pause between two looks, at least {_SHORTEST_EVERY}s. It grows to 5m while nothing changes.",
)
@click.pass_obj
def command(  # noqa: PLR0913 - one per option
    clock: Clock,
    *,
    config: Any,  # noqa: ANN401 - singer-sdk's class is private
    ids: tuple[str, ...],
    names: tuple[str, ...],
    as_json: bool,
    waits: bool,
    timeout: float,
    every: float,
) -> tuple[int, str]:
    """Look once or until all are ready; return the exit code and the last line."""
    tap = TapZuoraTestenv(config=config.config, parse_env_config=config.parse_env)
    _handle_signals()
    wanted = Wanted.from_options(ids, names, tap.config)
    observer = Observer(tap.config, wanted, user_agent=f"{command.name}/{tap.plugin_version}", clock=clock)
    redraws = waits and not as_json and sys.stdout is not None and sys.stdout.isatty()
    printer = Printer(clock, as_json=as_json, redraws=redraws)
    with closing(observer):
        if waits:
            return _wait(observer, printer, clock, timeout=timeout, every=every)
        look = observer.look()
        printer.end(look)
        return look.code, verdict(look, look.code)


def _wait(observer: Observer, printer: Printer, clock: Clock, *, timeout: float, every: float) -> tuple[int, str]:
    """Look again and again, until waiting makes no sense any more."""
    deadline = clock.monotonic() + timeout
    # Never notified: the clock needs a condition to wait for.
    condition = threading.Condition()
    pause, before = every, None
    while True:
        look = observer.look()
        if look.code_while_waiting != WAITING:
            printer.end(look)
            return look.code_while_waiting, verdict(look, look.code_while_waiting)
        left = deadline - clock.monotonic()
        if left <= 0:
            printer.end(look)
            return look.code, f"{verdict(look, look.code).removesuffix('.')}; --timeout is over."
        printer.progress(look)
        shown = lines(look)
        pause = next_pause(pause, every, has_changed=shown != before, is_stopped=_is_stopped(look))
        before = shown
        with condition:
            clock.wait(condition, min(pause, left))


def next_pause(pause: float, every: float, *, has_changed: bool, is_stopped: bool) -> float:
    """Return how long to pause before the next look.

    Args:
        pause: The pause before this look, in seconds.
        every: The shortest pause.
        has_changed: Whether this look found out anything new.
        is_stopped: Whether Zuora asked for a long wait, or gave no token.
    """
    if is_stopped:
        return max(every, LONGEST_WAIT)
    return every if has_changed else min(pause * _GROWTH, max(every, _LONGEST_PAUSE))


def _is_stopped(look: Look) -> bool:
    return any(isinstance(error, Fatal) for error in look.errors)


def _handle_signals() -> None:
    """Let a signal end the command. A SIGHUP that is ignored at the start, as by nohup, stays ignored."""
    for number in _SIGNALS:
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    # One signal is enough: a second one would interrupt the ending.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise RunEnded(_SIGNAL_EXIT + number, f"Stopped by {signal.Signals(number).name}.")


def _write(text: str) -> None:
    try:
        print(text, end="", flush=True)  # noqa: T201
    except OSError as error:
        discard_output()
        raise RunEnded(UNKNOWN, f"Unknown: the output cannot be written ({error.strerror}).") from None


def _print_error(text: str) -> None:
    # Without a stderr, print would write to stdout.
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
