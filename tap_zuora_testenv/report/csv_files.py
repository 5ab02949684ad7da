"""The marts as files of comma-separated values, one per mart, with all rows and columns."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TYPE_CHECKING

from tap_zuora_testenv.report.marts import MARTS

if TYPE_CHECKING:
    from pathlib import Path

    from tap_zuora_testenv.report.marts import Marts

# A spreadsheet treats a text that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(marts: Marts, folder: Path) -> None:
    """Write each mart into `<name>.csv`, instants as ISO 8601 in UTC.

    A text that a spreadsheet would treat as a formula gets a leading apostrophe. Negative numbers stay numbers.

    Args:
        marts: The marts.
        folder: The folder, which is created.

    Raises:
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in MARTS:
        columns, rows = marts.table(name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
