"""Pure: which rows of an answer are what was asked for, and how ids are compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from tap_zuora_testenv.answers import told_of
from tap_zuora_testenv.errors import Unusable, ZuoraError
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.values import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_zuora_testenv.answers import Answer, Document

PLAIN_SEGMENT = r"^[A-Za-z0-9_-]{1,128}\Z"
"""The ids that can stand in a path without leaving their place, as a pattern."""
_PLAIN_SEGMENT = re.compile(PLAIN_SEGMENT)


Answered: TypeAlias = "Callable[[], Answer]"


class Told(NamedTuple):
    """What an answer told: the rows that were asked for, and an error for each element that is none."""

    rows: list[Document]
    strangers: list[ZuoraError]


def one_row(told: Document, answer: Answered, **asked_for: str) -> Told:
    """Return the one row of an answer.

    Args:
        told: The document of the answer.
        answer: Gives the answer, for what is told of it when it disappoints.
        asked_for: The values that its fields must have, compared as ids; a field that it lacks may have any.

    Raises:
        Unusable: It is another one.
    """
    if not _is(told, asked_for):
        raise Unusable(told_of(answer(), {}), "the answer is about something else than what was asked for")
    return Told([told], [])


def listed_rows(told: Document, answer: Answered, **asked_for: str) -> Told:
    """Return the rows of a list's answer; of an id that stands twice the later one.

    `size` beside the list asserts nothing: Zuora's sample shows 0 beside one element.

    Args:
        told: The document of the answer.
        answer: Gives the answer, for what is told of it when it disappoints.
        asked_for: As for `one_row`, for each row.

    Raises:
        Unusable: There is no list in it.
    """
    result = told.get("result")
    if not isinstance(result, list):
        raise Unusable(told_of(answer(), {}), "the answer holds no list; check that base_url is a Zuora REST host")
    rows: dict[str, Document] = {}
    strangers: list[ZuoraError] = []
    for number, element in enumerate(result, start=1):
        if isinstance(element, dict) and _is(element, asked_for):
            rows[same(element["id"])] = element
        else:
            known = element.get("id") if isinstance(element, dict) else element
            said = REDACTION.show(known)
            reason = f"element {number:,} of the list, {said}, is not what was asked for, and is left out"
            strangers.append(Unusable(told_of(answer(), {}), reason))
    return Told(list(rows.values()), strangers)


def _is(row: Document, asked_for: Mapping[str, str]) -> bool:
    fits = (row.get(field) is None or same(row[field]) == same(value) for field, value in asked_for.items())
    return identity(row) is not None and all(fits)


def identity(row: object) -> str | None:
    """Return the id of a job or a test environment in the one form in which ids are compared, None if it has none."""
    value = row.get("id") if isinstance(row, dict) else None
    return same(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def is_plain_segment(value: object) -> bool:
    """Say whether an id can stand in a path without leaving its place."""
    return isinstance(value, str) and _PLAIN_SEGMENT.fullmatch(value) is not None


def same(value: object) -> str:
    """Return an id as it is compared: without regard to case, and a number as its digits."""
    return whole(str(value)).casefold()
