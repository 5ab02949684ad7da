"""The rows of the table: what was measured, its values, and its upper bound."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        measure: What was measured.
        values: The value of each round.
        bound: The upper bound of their median; None for a row that is only for comparison.
        unit: How a value is written, as a format.
    """

    measure: str
    values: Sequence[float]
    bound: float | None = None
    unit: str = "{:.2f}"

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.bound is None or self.value <= self.bound

    @property
    def cells(self) -> list[str]:
        """The cells of the table."""
        spread = f"{self._written(min(self.values))} .. {self._written(max(self.values))}"
        bound, verdict = ("", "") if self.bound is None else (self._written(self.bound), "yes" if self.holds else "NO")
        return [self.measure, self._written(self.value), spread if len(set(self.values)) > 1 else "", bound, verdict]

    def _written(self, value: float) -> str:
        return self.unit.format(value)


@dataclass(frozen=True)
class Curve:
    """CPU against the number of jobs.

    Attributes:
        name: The program.
        points: The number of jobs, and the seconds of CPU for them, without start-up.
    """

    name: str
    points: dict[int, float]


@dataclass(frozen=True)
class Results:
    """The results of a benchmark.

    Attributes:
        rows: The table.
        walls: Seconds for the same named jobs, by program.
        wire_walls: The same for fewer jobs, over TLS and a wire.
        curves: CPU against the number of jobs.
    """

    rows: list[Row]
    walls: dict[str, float]
    wire_walls: dict[str, float]
    curves: list[Curve]
