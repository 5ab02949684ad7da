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
    if _identity_if(told, {field: same(value) for field, value in asked_for.items()}) is None:
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
    wanted = {field: same(value) for field, value in asked_for.items()}
    rows: dict[str, Document] = {}
    strangers: list[ZuoraError] = []
    for number, element in enumerate(result, start=1):
        key = _identity_if(element, wanted)
        if key is not None:
            rows[key] = element
        else:
            known = element.get("id") if isinstance(element, dict) else element
            said = REDACTION.show(known)
            reason = f"element {number:,} of the list, {said}, is not what was asked for, and is left out"
            strangers.append(Unusable(told_of(answer(), {}), reason))
    return Told(list(rows.values()), strangers)


def _identity_if(row: object, wanted: Mapping[str, str]) -> str | None:
    """Return the identity of a row whose fields have these values, as ids are compared, or lack them; else None."""
    if not isinstance(row, dict):
        return None
    for field, value in wanted.items():
        if (sent := row.get(field)) is not None and same(sent) != value:
            return None
    return identity(row)


def identity(row: object) -> str | None:
    """Return the id of a job or a test environment in the one form in which ids are compared, None if it has none."""
    value = row.get("id") if isinstance(row, dict) else None
    return same(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def is_plain_segment(value: object) -> bool:
    """Say whether an id can stand in a path without leaving its place."""
    return isinstance(value, str) and _PLAIN_SEGMENT.fullmatch(value) is not None


def same(value: object) -> str:
    """Return an id as it is compared: without regard to case, and a number as its digits."""
    text = value if isinstance(value, str) else str(value)
    return text.lower() if text.isascii() else whole(text).casefold()
