"""Pure: how the ids of jobs and test environments are compared, and which of them may be part of a path."""

from __future__ import annotations

import re

from tap_zuora_testenv.values import storable

PATH_SEGMENT = r"^[A-Za-z0-9_-]{1,128}\Z"
"""The pattern of the ids that may be a segment of a path: none of them can lead to another path."""
_PATH_SEGMENT = re.compile(PATH_SEGMENT)


def is_path_segment(value: object) -> bool:
    """Return whether an id may be a segment of a path."""
    return isinstance(value, str) and _PATH_SEGMENT.fullmatch(value) is not None


def folded(value: object) -> str:
    """Return an id in the form in which ids are compared: without regard to case, a number as its digits."""
    text = value if isinstance(value, str) else str(value)
    return storable(text).casefold()


def row_id(row: object) -> str | None:
    """Return the id of a job or a test environment in the form in which ids are compared, None if it has none."""
    value = row.get("id") if isinstance(row, dict) else None
    return folded(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
