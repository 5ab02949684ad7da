"""The command `zuora-testenv-emulator`: its options, and the emulator they describe, until it is told to stop."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from tap_zuora_testenv.emulator.clock import Clock, parse_instant
from tap_zuora_testenv.emulator.help import DESCRIPTION, EPILOG
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, LIFETIME_SECONDS, Tokens
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

DEFAULT_PORT = 8765
HIGHEST_PORT = 65_535
# Waiting without an end would keep a Ctrl-C from being seen on Windows.
LOOK_EVERY_SECONDS = 0.5


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The arguments; None for the process's own.

    Returns:
        The exit status: 0 after Ctrl-C or SIGTERM, 1 when it cannot serve.
    """
    options = parser().parse_args(arguments)
    try:
        zuora = create(options)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        with _stop_signal() as stop, EmulatorServer(zuora, options.port) as server, _ready(server, options.ready_file):
            while not stop.wait(LOOK_EVERY_SECONDS):
                pass
    except OSError as error:
        sys.stderr.write(f"{_reason(error, options.port)}\n")
        return 1
    return 0


def create(options: argparse.Namespace) -> Zuora:
    """Make the Zuora that the options describe."""
    zuora = Zuora(
        seed=options.seed,
        environments=options.environments,
        jobs=options.jobs,
        clock=Clock(options.now, options.speed),
        tokens=Tokens(options.client_id, options.client_secret, options.token_lifetime),
        limits=Limits(options.max_in_flight, options.requests_per_minute),
    )
    zuora.latency_seconds = options.latency_ms / 1000
    zuora.permission = not options.without_permission
    return zuora


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event while the context lasts."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ready(server: EmulatorServer, ready_file: Path | None) -> Iterator[None]:
    """Say where it listens: in a line, and in a file that is there as long as it is true."""
    client_id, client_secret = server.zuora.tokens.client_id, server.zuora.tokens.client_secret
    if ready_file:
        # Written beside and moved, so that whoever waits for the file never reads half of it.
        half = ready_file.with_name(f"{ready_file.name}.part")
        half.write_text(json.dumps({"url": server.url, "client_id": client_id, "client_secret": client_secret}) + "\n")
        half.replace(ready_file)
    line = f"Zuora is emulated at {server.url} (client id {client_id}, secret {client_secret}); Ctrl-C stops it.\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    yield
    if ready_file:
        ready_file.unlink(missing_ok=True)


def _reason(error: OSError, port: int) -> str:
    if error.filename:
        return f"The ready file cannot be written: {error.strerror}: {error.filename}"
    return (
        f"Port {port} cannot be used ({os.strerror(error.errno or 0)}): choose another with --port; 0 is any free one."
    )


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(
        prog="zuora-testenv-emulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = options.add_argument
    add("--version", action="version", version=f"%(prog)s {_version()}")
    serving = options.add_argument_group("serving")
    add = serving.add_argument
    add(
        "--port", type=_port, default=DEFAULT_PORT, metavar="N", help="port on 127.0.0.1; 0: any free one (%(default)s)"
    )
    add(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="a JSON file {url, client_id, client_secret}, there while it listens",
    )
    add("--latency-ms", type=_amount, default=0.0, metavar="MS", help="hold each answer back (%(default)g)")
    add("--max-in-flight", type=_count, metavar="N", help="429 beyond so many at a time (off; Zuora: 40)")
    add("--requests-per-minute", type=_count, metavar="N", help="429 beyond so many a minute (off; Zuora: 50000)")
    past = options.add_argument_group("what is there")
    add = past.add_argument
    add("--seed", type=int, default=1, metavar="N", help="the same seed, the same ids and history (%(default)s)")
    add("--environments", type=_count, default=5, metavar="N", help="test environments (%(default)s)")
    add("--jobs", type=_count, metavar="N", help="jobs of each environment (those of a year)")
    time = options.add_argument_group("time")
    add = time.add_argument
    add("--now", type=_instant, metavar="TIME", help="where the clock starts, 2026-03-01T00:00:00Z (the real time)")
    add("--speed", type=_amount, default=1.0, metavar="X", help="3600: an hour a second; 0: stands still (%(default)g)")
    access = options.add_argument_group("access")
    add = access.add_argument
    add("--client-id", default=DEMO_CLIENT_ID, metavar="ID", help="the client id to accept (%(default)s)")
    add("--client-secret", default=DEMO_CLIENT_SECRET, metavar="SECRET", help="its secret (%(default)s)")
    add("--token-lifetime", type=_amount, default=LIFETIME_SECONDS, metavar="S", help="real seconds (%(default)s)")
    add("--without-permission", action="store_true", help='the user lacks "Refresh Central Sandbox": 403')
    return options


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
        raise argparse.ArgumentTypeError(f"{text} is no number of at least 0")
    return number


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no RFC 3339 date-time with a zone") from None
