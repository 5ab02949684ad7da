"""Pure: what the state of a test environment says, which jobs to emit, and what to write back.

One rule for listed and for named jobs: a settled job is emitted when its `updateTime` is at or after the bookmark, or
absent; every other job is always emitted, and so is every job that is unfinished now. A job is settled when the run
that wrote the bookmark saw it finished. So nothing is lost when a job is named anew, when its request failed last time,
or when its last step came without a new `updateTime`, which Zuora's reference calls the time of the last sync.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.rows import identity, same
from tap_zuora_testenv.timestamps import Instant, from_instant, instant
from tap_zuora_testenv.values import whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_zuora_testenv.values import Row

REPLICATION_KEY = "updateTime"
FINISHED_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
"""The statuses in which a job ends, by their names (Zuora's reference, Retrieve a job of a test environment)."""


@dataclass(frozen=True)
class Bookmark:
    """How far the runs before have come with one test environment.

    Attributes:
        at: The latest `updateTime` they saw, None when they saw none.
        unfinished: The ids of the jobs that the last run saw unfinished, when it listed the environment.
        finished: The ids of the jobs that the last run saw finished, when it named jobs.
    """

    at: Instant | None = None
    unfinished: tuple[str, ...] | None = None
    finished: tuple[str, ...] | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a test environment.

        Args:
            state: The partition's entry in singer-sdk's state, empty at the first run.

        Raises:
            ValueError: It is not what this tap writes; the text says in what.
        """
        value = state.get("replication_key_value")
        at = instant(value)
        if value is not None and (at is None or not isinstance(value, str)):
            raise ValueError("its replication_key_value is not a date-time")
        for name in ("unfinished", "finished"):
            ids = state.get(name)
            if ids is not None and not (isinstance(ids, list) and all(isinstance(each, str) for each in ids)):
                raise ValueError(f"its {name} is not a list of ids")
        unfinished, finished = state.get("unfinished"), state.get("finished")
        return cls(at, None if unfinished is None else tuple(unfinished), None if finished is None else tuple(finished))

    def wants(self, job: Row, start: Instant | None) -> bool:
        """Say whether a job is to be emitted.

        Args:
            job: A job as Zuora sent it.
            start: The setting `start_date`; it counts only while there is no bookmark.
        """
        if not is_finished(job) or (self.at is not None and not self._is_settled(job)):
            return True
        since = start if self.at is None else self.at
        updated = instant(job.get(REPLICATION_KEY))
        return since is None or updated is None or updated >= since

    def after(self, seen: Seen, *, now: Instant) -> Bookmark:
        """Return the bookmark after a run that emitted all that it wanted of the jobs it saw.

        Args:
            seen: All jobs that the run saw, emitted or not.
            now: The start of the run. The bookmark never lies after it, so a stamp in the future hides nothing.
        """
        if not seen.listed and self.unfinished is not None:
            # What listing knows is more than what naming some jobs could tell.
            return self
        latest = max((at for at in (seen.latest, self.at) if at is not None), default=None)
        at = None if latest is None else min(latest, now)
        # Sorted, so that the same bookmark is the same text.
        ids = tuple(sorted(seen.ids))
        return Bookmark(at, unfinished=ids) if seen.listed else Bookmark(at, finished=ids)

    def to_state(self) -> dict[str, Any]:
        """Write the entry of the state, in singer-sdk's own names where it has one."""
        state: dict[str, Any] = {}
        if self.at is not None:
            state |= {"replication_key": REPLICATION_KEY, "replication_key_value": from_instant(self.at)}
        if self.unfinished is not None:
            state["unfinished"] = list(self.unfinished)
        if self.finished is not None:
            state["finished"] = list(self.finished)
        return state

    def _is_settled(self, job: Row) -> bool:
        if self.unfinished is not None:
            return identity(job) not in self._compared
        return identity(job) in self._compared

    @cached_property
    def _compared(self) -> frozenset[str]:
        """The ids in the form in which ids are compared."""
        ids = self.finished if self.unfinished is None else self.unfinished
        return frozenset(map(same, ids or ()))


class Seen:
    """What a bookmark needs of the jobs that a run sees; a run may see many thousands."""

    def __init__(self, *, listed: bool) -> None:
        """Begin with none.

        Args:
            listed: Whether the test environment was listed; else its jobs were named.
        """
        self.listed = listed
        self.latest: Instant | None = None
        self.ids: list[str] = []
        """Those of the unfinished jobs when the environment was listed, else those of the finished ones."""

    def add(self, job: Row) -> None:
        """Take note of a job as Zuora sent it."""
        updated = instant(job.get(REPLICATION_KEY))
        if updated is not None and (self.latest is None or updated > self.latest):
            self.latest = updated
        if is_finished(job) is not self.listed:
            self.ids.append(whole(str(job["id"])))


def is_finished(job: Row) -> bool:
    """Say whether a job has come to its end."""
    status = job.get("status")
    return isinstance(status, str) and status in FINISHED_STATUSES
