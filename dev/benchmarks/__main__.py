"""`python -m dev.benchmarks`: measure, write the table and the picture, and fail if a bound is exceeded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dev.benchmarks.measured_runs import programs
from dev.benchmarks.measures import FULL, QUICK, measure
from dev.benchmarks.results_page import table, write


def main() -> int:
    """Run the benchmark.

    Returns:
        The exit status: 0 when every bound holds.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute, one round each; writes no files")
    plan = QUICK if parser.parse_args().quick else FULL
    with programs() as measured:
        results = measure(measured, plan)
    print(table(results))
    if plan is FULL:
        write(results, Path(__file__).parent, rounds=plan.rounds)
    return 0 if all(row.holds for row in results.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
