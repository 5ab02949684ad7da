"""The tap's threads in many orders: nothing lost or duplicated, no endless wait, one renewal per refused token."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from dev.soak.invariants import InvariantError
from dev.soak.thread_scenarios import SCENARIOS, unchanged
from dev.testbed.interleaving import scheduled

if TYPE_CHECKING:
    from dev.soak.thread_scenarios import Modules


@dataclass
class Figures:
    """What was tried, and held.

    Attributes:
        interleavings: How many orders were tried, by scenario.
        switch_points: How many switch points they passed.
        seconds: How long it took.
    """

    interleavings: Counter[str] = field(default_factory=Counter)
    switch_points: int = 0
    seconds: float = 0.0

    @override
    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} of {name}" for name, count in self.interleavings.items())
        total = self.interleavings.total()
        return (
            f"{total:,} interleavings ({counts}), {self.switch_points:,} switch points; nothing lost or duplicated, no "
            f"endless wait; {self.seconds:.0f} s, {total / self.seconds:,.0f} interleavings per second"
        )


def soak(
    first_seed: int, interleavings: int, *, scenarios: tuple[str, ...] = (), modules: Modules | None = None
) -> Figures:
    """Run each scenario in many orders, one per seed.

    Args:
        first_seed: The first of the seeds.
        interleavings: How many orders of each scenario.
        scenarios: The names of the scenarios; all if there is none.
        modules: The modules; by default those of the tap as they are.

    Raises:
        InvariantError: An invariant did not hold; the sentence names the seed, which repeats the run.
    """
    began, figures = time.monotonic(), Figures()
    modules = modules or unchanged()
    for name in scenarios or SCENARIOS:
        for seed in range(first_seed, first_seed + interleavings):
            with scheduled(seed) as scheduler:
                try:
                    scheduler.run(partial(SCENARIOS[name], modules, scheduler))
                except Exception as error:
                    raise InvariantError(f"{name}, seed {seed}: {error}") from error
            figures.interleavings[name] += 1
            figures.switch_points += scheduler.switch_points
    figures.seconds = time.monotonic() - began
    return figures
