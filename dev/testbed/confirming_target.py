"""`python -m dev.testbed.confirming_target FOLDER`: a small Singer target that keeps only what it confirmed.

Records are appended to a file; a STATE message confirms them and then the state, and so does the end of the input.
With `--dies` it ends there as if it had been killed, and loses the records that came after the last state.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

Record: TypeAlias = dict[str, Any]
Warehouse: TypeAlias = dict[tuple[str, str], Record]
"""Records by stream and id, the latest of each, as a target with a key keeps them."""

WHOLE, LAST_LINE_TORN, LINE_TORN = 0, 3, 4
"""Exit codes: each line was whole; the last one was not; one before the last was not."""

PAUSED = b"paused\n"
"""What the target prints on standard output when it stops reading for a while."""


class Store:
    """The records and the state that a target confirmed."""

    def __init__(self, folder: Path) -> None:
        """Open the store.

        Args:
            folder: Where the files are; the folder exists.
        """
        self._records, self._confirmed = folder / "records.jsonl", folder / "confirmed.json"

    @property
    def state(self) -> Any:  # noqa: ANN401 - whatever the tap writes
        """The last confirmed state, None if there is none."""
        return self._read()["state"]

    def warehouse(self) -> Warehouse:
        """Return the confirmed records, the latest of each."""
        confirmed: Warehouse = {}
        with self._records.open("rb") as records:
            for line in records.read(self._read()["bytes"]).splitlines():
                message = json.loads(line)
                confirmed[message["stream"], message["record"]["id"]] = message["record"]
        return confirmed

    def keep(self, lines: BinaryIO, pause: tuple[int, float] | None = None, *, dies: bool = False) -> int:
        """Keep the records and states of an output.

        Args:
            lines: The output of a tap.
            pause: The number of lines after which to stop reading, and for how many seconds.
            dies: Whether to lose at the end what no state confirmed.

        Returns:
            The exit code.
        """
        with self._records.open("ab") as records:
            records.seek(records.truncate(self._read()["bytes"]))
            for number, line in enumerate(lines, start=1):
                message = _message(line)
                if message is None:
                    return LINE_TORN if lines.readline() else LAST_LINE_TORN
                if message["type"] == "RECORD":
                    records.write(line)
                elif message["type"] == "STATE":
                    self._confirm(records, message["value"])
                if pause and number == pause[0]:
                    sys.stdout.buffer.write(PAUSED)
                    sys.stdout.flush()
                    time.sleep(pause[1])
            if not dies:
                self._confirm(records, self.state)
        return WHOLE

    def _confirm(self, records: BinaryIO, state: object) -> None:
        records.flush()
        os.fsync(records.fileno())
        # Written to another file, which is then renamed: half a state is never read.
        part = self._confirmed.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump({"bytes": records.tell(), "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._confirmed)

    def _read(self) -> dict[str, Any]:
        if not self._confirmed.exists():
            return {"bytes": 0, "state": None}
        confirmed: dict[str, Any] = json.loads(self._confirmed.read_bytes())
        return confirmed


def _message(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return message


def main() -> int:
    """Run the target.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.testbed.confirming_target", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pause-after", type=int, metavar="LINES")
    parser.add_argument("--pause-seconds", type=float, default=0.0)
    parser.add_argument("--dies", action="store_true")
    options = parser.parse_args()
    pause = (options.pause_after, options.pause_seconds) if options.pause_after else None
    return Store(options.folder).keep(sys.stdin.buffer, pause, dies=options.dies)


if __name__ == "__main__":
    sys.exit(main())
