"""`python -m dev.soak`: 10,000 jobs with faults in three seeds, 200 signals and 125,000 orders of the tap's threads.

The figures in docs/reliability.md come from it.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from dev.soak import fault_soak, interleaving_soak, signal_soak
from dev.soak.invariants import InvariantError

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS, ENVIRONMENTS, SEEDS = 10_000, 40, 3
SIGNALS = 200
INTERLEAVINGS_OF_EACH = 25_000


def main() -> int:
    """Run the soak.

    Returns:
        The exit status: 0 when every invariant held.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.soak", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="only one part")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (%(default)s)")
    options = parser.parse_args()
    try:
        for name, part in PARTS.items():
            if options.part in (None, name):
                part(options.seed)
    except InvariantError as broken:
        sys.stderr.write(f"{broken}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _faults(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + SEEDS):
        _say(f"faults, seed {seed}: {fault_soak.soak(seed, environments=ENVIRONMENTS, jobs=JOBS)}")


def _signals(seed: int) -> None:
    _say(f"signals, seed {seed}: {signal_soak.soak(seed, SIGNALS)}")


def _interleavings(seed: int) -> None:
    _say(f"threads, seeds from {seed}: {interleaving_soak.soak(seed, INTERLEAVINGS_OF_EACH)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


PARTS: dict[str, Callable[[int], None]] = {"faults": _faults, "signals": _signals, "interleavings": _interleavings}

if __name__ == "__main__":
    sys.exit(main())
