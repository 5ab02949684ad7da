"""An emulated Zuora on loopback, for development and dry runs; it imports nothing of the tap.

from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora

with EmulatorServer(Zuora(seed=7)) as server:
    ...  # send requests to server.url; server.zuora has the clock, the faults, the request log and the jobs
"""

from __future__ import annotations

import sys

EXTRA = {"starlette", "uvicorn"}


def main() -> None:
    """Run the command `zuora-testenv-emulator`."""
    try:
        from tap_zuora_testenv.emulator.command import run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.exit(
            "The emulator needs packages that are not installed. In the checkout, run the command of the tool that "
            "installed the tap: pip install '.[emulator]', pipx install --force '.[emulator]' or "
            "uv tool install --force '.[emulator]'."
        )
    sys.exit(run())
