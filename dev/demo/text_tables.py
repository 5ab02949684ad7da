"""Pure: rows as a table of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDENT = "  "
GAP = "  "
NOTHING = "-"
BAR_WIDTH = 10


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a table whose heading is their keys; None is shown as a dash.

    Args:
        rows: At least one row; all have the same keys.
    """
    cells = [[NOTHING if value is None else str(value) for value in row.values()] for row in rows]
    heading = list(rows[0])
    widths = [max(map(len, column)) for column in zip(heading, *cells, strict=True)]
    lines = [heading, ["-" * width for width in widths], *cells]
    return "\n".join(
        (INDENT + GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()
        for line in lines
    )


def bar(percent: int | None) -> str | None:
    """Draw how much of a job is done."""
    if percent is None:
        return None
    done = min(max(percent, 0), 100) * BAR_WIDTH // 100
    return f"[{'#' * done:.<{BAR_WIDTH}}] {percent:3} %"


def count(number: int, one: str, many: str) -> str:
    """Write a number with what it counts."""
    return f"{number:,} {one if number == 1 else many}"
