"""The command `zuora-testenv-emulator`: its options, and the emulator that runs until a signal stops it."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import Clock, parse_instant
from tap_zuora_testenv.emulator.help import DESCRIPTION, EPILOG
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.recorded_history import pseudonymize, read_history
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, LIFETIME_SECONDS, Tokens
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

DEFAULT_PORT = 8765
DEFAULT_ENVIRONMENTS = 5
HIGHEST_PORT = 65_535
# Waiting without a limit would ignore Ctrl-C on Windows.
LOOK_EVERY_SECONDS = 0.5


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The arguments; None for those of the process.

    Returns:
        The exit code: 0 after Ctrl-C or SIGTERM, 1 if the emulator cannot run.
    """
    options = parse(arguments)
    try:
        zuora = create(options)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The history cannot be read: {error.strerror}: {error.filename}\n")
        return 1
    try:
        with _stop_signal() as stop, EmulatorServer(zuora, options.port) as server, ready(server, options.ready_file):
            while not stop.wait(LOOK_EVERY_SECONDS):
                pass
    except OSError as error:
        sys.stderr.write(f"{_reason(error, options)}\n")
        return 1
    return 0


def create(options: argparse.Namespace) -> Zuora:
    """Create the Zuora that the options describe.

    Raises:
        OSError: If the history cannot be read.
        ValueError: If the clock cannot be set to the time, or the history is not output of the tap.
    """
    history = read_history(options.history) if options.history else None
    zuora = Zuora(
        seed=options.seed,
        environments=0 if history else options.environments,
        jobs=options.jobs,
        clock=Clock(options.now, options.speed),
        tokens=Tokens(options.client_id, options.client_secret, options.token_lifetime),
        limits=Limits(options.max_in_flight, options.requests_per_minute),
        sloppy=options.sloppy,
    )
    if history:
        (pseudonymize(history) if options.pseudonymize else history).load_into(zuora)
    zuora.latency_seconds = options.latency_ms / 1000
    zuora.permission = not options.without_permission
    return zuora


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Set an event on Ctrl-C and on SIGTERM, inside the context."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ready(server: EmulatorServer, ready_file: Path | None) -> Iterator[None]:
    """Print the URL, and write it to a file that exists as long as it is valid."""
    client_id, client_secret = server.zuora.tokens.client_id, server.zuora.tokens.client_secret
    content = json.dumps({"url": server.url, "client_id": client_id, "client_secret": client_secret}) + "\n"
    if ready_file:
        _write_privately(ready_file, content)
    try:
        line = f"Zuora is emulated at {server.url} (client id {client_id}, secret {client_secret}); Ctrl-C stops it.\n"
        sys.stdout.write(line)
        sys.stdout.flush()
        yield
    finally:
        # Another emulator may have replaced the file since.
        if ready_file and ready_file.is_file() and ready_file.read_bytes() == content.encode():
            ready_file.unlink(missing_ok=True)


def _write_privately(path: Path, text: str) -> None:
    """Write a new file with mode 0600, which replaces whatever has its name.

    The file is complete before it gets its name, so nobody reads half of it. Renaming replaces a symbolic link rather
    than following it, and the file of an emulator that was killed is no obstacle.
    """
    # Created exclusively, with mode 0600 and under a name that nobody can guess.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - Path cannot open a descriptor
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _reason(error: OSError, options: argparse.Namespace) -> str:
    if error.filename:
        # The error would name the temporary file.
        return f"The ready file cannot be written: {error.strerror}: {options.ready_file}"
    reason = os.strerror(error.errno or 0)
    return f"Port {options.port} cannot be used ({reason}): choose another one with --port; 0 is any free port."


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the arguments; None for those of the process."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.pseudonymize and not options.history:
        parser.error("--pseudonymize needs --history")
    if options.history and not (options.environments is None and options.jobs is None):
        parser.error("--history has the environments and jobs: --environments and --jobs cannot be used with it")
    if options.environments is None:
        options.environments = DEFAULT_ENVIRONMENTS
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zuora-testenv-emulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    add = parser.add_argument_group("server").add_argument
    add("--port", type=_port, default=DEFAULT_PORT, metavar="N", help="port on 127.0.0.1; 0: any free (%(default)s)")
    add("--ready-file", type=Path, metavar="PATH", help="write {url, client_id, client_secret} to this file when ready")
    add("--latency-ms", type=_amount, default=0.0, metavar="MS", help="delay of each response (%(default)g)")
    add("--max-in-flight", type=_count, metavar="N", help="respond with 429 to more at a time (off; Zuora: 40)")
    add(
        "--requests-per-minute",
        type=_count,
        metavar="N",
        help="respond with 429 to more per minute (off; Zuora: 50000)",
    )
    add("--sloppy", action="store_true", help="send nulls, other date-times and errors as live Zuora may")
    add = parser.add_argument_group("data").add_argument
    add("--seed", type=int, default=1, metavar="N", help="the same seed gives the same ids and history (%(default)s)")
    environments = f"number of test environments ({DEFAULT_ENVIRONMENTS})"
    add("--environments", type=_count, metavar="N", help=environments)
    add("--jobs", type=_count, metavar="N", help="number of jobs per environment (the jobs of a year)")
    add("--history", type=Path, metavar="FILE", help="serve the rows in a file with the tap's output instead")
    add("--pseudonymize", action="store_true", help="replace the ids and names of the history")
    add = parser.add_argument_group("time").add_argument
    add("--now", type=_instant, metavar="TIME", help="time of the clock, such as 2026-03-01T00:00:00Z (the real time)")
    add("--speed", type=_amount, default=1.0, metavar="X", help="3600: an hour per second; 0: stopped (%(default)g)")
    add = parser.add_argument_group("access").add_argument
    add("--client-id", default=DEMO_CLIENT_ID, metavar="ID", help="the accepted client id (%(default)s)")
    add("--client-secret", default=DEMO_CLIENT_SECRET, metavar="SECRET", help="its secret (%(default)s)")
    add("--token-lifetime", type=_amount, default=LIFETIME_SECONDS, metavar="S", help="in real seconds (%(default)s)")
    add("--without-permission", action="store_true", help='the user lacks "Refresh Central Sandbox": 403')
    return parser


def _version() -> str:
    try:
        return version("tap-zuora-testenv")
    except PackageNotFoundError:
        return "(not installed)"


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _port(text: str) -> int:
    number = _count(text)
    if number > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is above {HIGHEST_PORT}")
    return number


def _amount(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or number < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return number


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an RFC 3339 date-time with a time zone") from None
