"""Reads rows from the tap's output, so that the emulator can serve them, and replaces the ids and names in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tap_zuora_testenv.emulator.tenant import Tenant

Row = dict[str, object]

ENVIRONMENTS, JOBS = "test_environments", "test_environment_jobs"


@dataclass
class RecordedHistory:
    """The rows of both streams by id, in order of their first appearance; if several rows have the same id, the last.

    The keys are case-folded, since the tap compares ids ignoring case.
    """

    environments: dict[str, Row] = field(default_factory=dict)
    jobs: dict[str, Row] = field(default_factory=dict)

    def load_into(self, tenant: Tenant) -> None:
        """Put all rows into a tenant. An environment of which only jobs are known has only its id."""
        known = {key: str(row["id"]) for key, row in self.environments.items()}
        for row in self.environments.values():
            tenant.put_environment(tenant.write(row))
        for row in self.jobs.values():
            environment_id = str(row["testEnvironmentId"])
            if environment_id.casefold() not in known:
                known[environment_id.casefold()] = environment_id
                tenant.put_environment({"id": environment_id})
            tenant.put_job(known[environment_id.casefold()], tenant.write(row))


def read_history(path: Path) -> RecordedHistory:
    """Read the RECORD messages of a file with Singer messages.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a line is not a Singer message, a record lacks an id, or there are no records; the message never
            quotes the file.
    """
    history = RecordedHistory()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if not isinstance(message, dict) or "type" not in message:
                raise ValueError(f"{where}: this is not a Singer message.")
            if message["type"] == "RECORD":
                _add(history, message.get("stream"), message.get("record"), where)
    if not history.environments and not history.jobs:
        raise ValueError(f"{path} has no RECORD of {ENVIRONMENTS} or {JOBS}.")
    return history


def _add(history: RecordedHistory, stream: object, row: object, where: str) -> None:
    if stream not in {ENVIRONMENTS, JOBS}:
        return
    if not isinstance(row, dict):
        raise ValueError(f"{where}: the record is not an object.")  # noqa: TRY004 - one kind of error for a file
    for name in ["id"] if stream == ENVIRONMENTS else ["id", "testEnvironmentId"]:
        if not isinstance(row.get(name), str):
            raise ValueError(f"{where}: the record has no `{name}`.")  # noqa: TRY004 - as above
    rows = history.environments if stream == ENVIRONMENTS else history.jobs
    rows[row["id"].casefold()] = row


def pseudonymize(history: RecordedHistory) -> RecordedHistory:
    """Replace the ids and names of a history by numbers in order of their first appearance.

    Equal ids get equal replacements, in both streams, so the rows still belong together, and the same file always gives
    the same result. A replacement does not depend on what it replaces, so it reveals nothing about it. Date-times, the
    progress, types and statuses are kept if their form is right. Everything else is left out, including fields that
    Zuora does not document.
    """
    replacements = _Replacements()
    environments = [replacements.row(ENVIRONMENTS, row) for row in history.environments.values()]
    jobs = [replacements.row(JOBS, row) for row in history.jobs.values()]
    return RecordedHistory({str(row["id"]): row for row in environments}, {str(row["id"]): row for row in jobs})


def _uuid(prefix: int) -> Callable[[int], str]:
    return lambda number: str(UUID(fields=(prefix, 0, 0x4000, 0x80, 0, number)))


_ID_OF = {ENVIRONMENTS: "environment", JOBS: "job"}
_KINDS = {
    "testEnvironmentId": "environment",
    "createdById": "user",
    "updatedById": "user",
    "tenantId": "tenant",
    "sourceTenantId": "tenant",
    "revenueTenantId": "tenant",
    "tenantName": "name",
    "revenueTenantName": "name",
}
# A field of a schema is here or among the kinds: a new one is left out until somebody has decided.
_KEPT = frozenset(
    {
        "createTime", "dataCopyType", "deactivationTime", "environmentType", "estimatedCompletionTime", "jobEndTime",
        "jobStartTime", "jobType", "lastRefreshTime", "nextRefreshTime", "progressPercentage", "provisionTime",
        "scheduledRefreshTime", "status", "updateTime",
    }
)  # fmt: skip
_WRITE: Mapping[str, Callable[[int], str]] = {
    "environment": _uuid(0xE),
    "job": _uuid(0xB),
    "user": lambda number: f"{number:032x}",
    "tenant": lambda number: str(10_000 + number),
    "name": lambda number: f"Test environment {number}",
}


def _is_harmless(value: object) -> bool:
    """Return whether a value is a number, a date-time in any form, or a name in capitals as Zuora's types have."""
    if isinstance(value, str):
        return re.fullmatch(r"[A-Z_]{1,40}|[0-9TZ:.+-]{1,40}", value) is not None
    return value is None or isinstance(value, (int, float))


class _Replacements:
    """The replacements made so far."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {kind: {} for kind in _WRITE}

    def row(self, stream: str, row: Row) -> Row:
        kinds = _KINDS | {"id": _ID_OF[stream]}
        return {
            name: self._replace(kinds[name], value) if name in kinds else value
            for name, value in row.items()
            if name in kinds or (name in _KEPT and _is_harmless(value))
        }

    def _replace(self, kind: str, value: object) -> object:
        if value is None:
            return None
        numbers = self._numbers[kind]
        return _WRITE[kind](numbers.setdefault(str(value).casefold(), len(numbers) + 1))
