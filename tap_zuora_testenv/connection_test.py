"""Pure: what `--test` tells a person, from what a dry run met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_zuora_testenv.errors import AuthenticationRefused, PermissionRefused, ZuoraError
from tap_zuora_testenv.outcome import NOUNS, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

YES, NO, UNKNOWN = "yes", "no", "?"


def findings(host: str, error: ZuoraError | None, read: Mapping[str, int], *, is_missing: bool) -> list[str]:
    """Return a line for each thing that has to work, with `yes`, `no`, or `?` for what could not be tried.

    Args:
        host: The host that was asked.
        error: What went wrong first, None when nothing did.
        read: How many rows a run would emit, by stream.
        is_missing: Whether Zuora does not have some of what was named.
    """
    has_read = sum(read.values()) > 0 or error is None
    is_answered = has_read or (error is not None and error.asked.status is not None)
    # Who was refused the permission, or got any row, had a token that is good.
    is_known = has_read or isinstance(error, PermissionRefused)
    rows = " and ".join(counted(read.get(stream, 0), stream) for stream in NOUNS)
    is_refused, is_forbidden = isinstance(error, AuthenticationRefused), isinstance(error, PermissionRefused)
    lines = (
        (YES if is_answered else NO, f"{host} can be reached"),
        (_mark(is_known, is_wrong=is_refused), "the credentials are good for it"),
        (_mark(has_read, is_wrong=is_forbidden), 'the permission "Refresh Central Sandbox" is there'),
        (_mark(error is None and not is_missing, is_wrong=has_read), f"all that is asked for can be read: {rows}"),
    )
    return [f"{mark:>5}  {line}" for mark, line in lines]


def _mark(is_right: bool, *, is_wrong: bool) -> str:  # noqa: FBT001 - what the mark is for
    if is_right:
        return YES
    return NO if is_wrong else UNKNOWN
