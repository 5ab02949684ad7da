"""`python -m dev.benchmarks.scale`: one run of the tap with 10, 1,000 and 5,000 listed environments of the emulator."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dev.benchmarks.measured_runs import CLIENT_ID, CLIENT_SECRET, Server, programs
from dev.benchmarks.results_page import described
from dev.testbed.emulator_process import emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.benchmarks.measured_runs import Programs, Run

MEGABYTE = 1_000_000
# The emulator's clock is stopped here, so that there are the same jobs each time.
NOW = datetime(2026, 10, 1, tzinfo=UTC)
LATENCY_MS = 100
# Environments, and requests in flight.
SIZES = ((10, 8), (1000, 8), (5000, 8), (5000, 40))
HEAD = ("environments", "in flight", "run", "requests", "records", "wall", "floor", "CPU", "memory", "written", "state")


def measure(measured: Programs, environments: int, width: int) -> Iterator[list[str]]:
    """Run the tap twice, without a state and with that of the first run, and return a row of the table for each."""
    options = (
        f"--environments={environments}",
        f"--latency-ms={LATENCY_MS}",
        f"--client-id={CLIENT_ID}",
        f"--client-secret={CLIENT_SECRET}",
    )
    with TemporaryDirectory() as folder, emulator(NOW, 1, Path(folder), *options) as zuora:
        server = Server(int(zuora.url.rpartition(":")[2]), zuora.url)
        state: bytes | None = None
        for name in ("first", "next"):
            before = zuora.requests()
            run = measured.tap(server, width=width, state=state)
            state = run.output.state
            yield [
                f"{environments:,}",
                f"{width}",
                name,
                f"{zuora.requests() - before:,}",
                *_cells(run, environments, width),
            ]


def _cells(run: Run, environments: int, width: int) -> list[str]:
    # A token and the list of environments, then the lists of jobs, as many at a time as are allowed.
    floor = (2 + math.ceil(environments / width)) * LATENCY_MS / 1000
    return [
        f"{run.output.records:,}",
        f"{run.wall:.1f} s",
        f"{floor:.1f} s",
        f"{run.cpu:.1f} s",
        f"{run.memory / MEGABYTE:.0f} MB",
        f"{run.output.size / MEGABYTE:.1f} MB",
        f"{len(run.output.state):,} B",
    ]


def main() -> None:
    """Measure, and write `SCALE_RESULTS.md`."""
    rows = [list(HEAD), ["---:"] * len(HEAD)]
    with programs() as measured:
        for environments, width in SIZES:
            for row in measure(measured, environments, width):
                sys.stderr.write(f"{', '.join(row)}\n")
                rows.append(row)
    text = (
        "# Results of `make scale`\n\n"
        f"One process lists all environments of the emulator; {LATENCY_MS} ms per answer, one round. The floor is the\n"
        f"time of the answers. The emulator had the same cores. {described()}.\n\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    )
    (Path(__file__).parent / "SCALE_RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
