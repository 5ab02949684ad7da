"""The tap within this process, on a clock on which waiting takes no time."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from dev.testbed.leaping_clock import LeapingClock
from dev.testbed.restored_process import restored_process
from tap_zuora_testenv import cli, outcome
from tap_zuora_testenv.tap import TapZuoraTestenv
from tap_zuora_testenv.zuora import client
from tap_zuora_testenv.zuora.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A stalled answer uses up this time; a good one arrives sooner, even on a busy machine.
SECONDS_FOR_A_REQUEST = 0.3
NO_CAP = 1_000_000


@dataclass(frozen=True)
class Ran:
    """The result of one run.

    Attributes:
        code: The exit code.
        verdict: The last line.
        messages: The Singer messages.
        log: The log.
    """

    code: int
    verdict: str
    messages: list[Any]
    log: str


def run(folder: Path, config: Mapping[str, Any], state: object) -> Ran:
    """Run the command.

    Args:
        folder: For the files of settings and state.
        config: The settings.
        state: What a target has confirmed; None at first.
    """
    arguments = ["--config", _file(folder / "config.json", config)]
    if state is not None:
        arguments += ["--state", _file(folder / "state.json", state)]
    output, log = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with restored_process(), _hurried(), redirect_stdout(output), redirect_stderr(log):
        code, verdict = cli.run(arguments)
        output.flush()
        # One message per line; any other line is an error here.
        messages = [json.loads(line) for line in output.buffer.getvalue().splitlines()]
    return Ran(code, verdict, messages, log.getvalue())


def _file(path: Path, content: object) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


@contextmanager
def _hurried() -> Iterator[None]:
    """Remove the waits, and the limit on how many failures the log names: each of them is checked."""

    def transport(base_url: str, *, connections: int, timeout: float) -> Transport:
        del timeout
        return Transport(base_url, connections=connections, timeout=SECONDS_FOR_A_REQUEST)

    with ExitStack() as patches:
        patches.enter_context(patch.object(TapZuoraTestenv, "clock", LeapingClock()))
        patches.enter_context(patch.object(outcome, "SHOWN", NO_CAP))
        patches.enter_context(patch.object(client, "Transport", transport))
        yield
