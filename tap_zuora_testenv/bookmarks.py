"""Pure: which jobs of a test environment to emit, and the bookmark to write.

One rule for listed and for named jobs: a settled job is emitted if its `updateTime` is at or after the bookmark, or
absent; every other job is always emitted, and so is every job that is unfinished now. A job is settled if the run that
wrote the bookmark saw it finished. So nothing is lost if a job is newly named, if its request failed last time, or if
its last step left `updateTime` unchanged, which Zuora's reference calls the time of the last sync.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.ids import folded, row_id
from tap_zuora_testenv.timestamps import Instant, from_instant, instant
from tap_zuora_testenv.values import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_zuora_testenv.values import Row

REPLICATION_KEY = "updateTime"
FINISHED_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
"""The statuses in which a job ends, judging by their names (Zuora's reference, Retrieve a job of an environment)."""


@dataclass(frozen=True)
class Bookmark:
    """How far earlier runs got with one test environment.

    Attributes:
        at: The latest `updateTime` that they saw, None if they saw none.
        unfinished: The ids of the jobs that the last run saw unfinished, if it listed the environment.
        finished: The ids of the jobs that the last run saw finished, if it named jobs.
    """

    at: Instant | None = None
    unfinished: tuple[str, ...] | None = None
    finished: tuple[str, ...] | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the state of a test environment.

        Args:
            state: The partition's entry in singer-sdk's state, empty on the first run.

        Raises:
            ValueError: This tap does not write such an entry; the text says what is wrong.
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
        """Return whether a job is to be emitted.

        Args:
            job: A job as Zuora sent it.
            start: The setting `start_date`, which counts only while there is no bookmark.
        """
        if not is_finished(job) or (self.at is not None and not self._is_settled(job)):
            return True
        since = start if self.at is None else self.at
        updated = instant(job.get(REPLICATION_KEY))
        return since is None or updated is None or updated >= since

    def after(self, seen: Seen, *, now: Instant) -> Bookmark:
        """Return the bookmark after a run that emitted every wanted job that it saw.

        Args:
            seen: All jobs that the run saw, emitted or not.
            now: The start of the run. The bookmark is never after it, so a timestamp in the future hides nothing.
        """
        if not seen.listed and self.unfinished is not None:
            # A list shows more than a few named jobs do.
            return self
        latest = max((at for at in (seen.latest, self.at) if at is not None), default=None)
        at = None if latest is None else min(latest, now)
        # Sorted, so that equal bookmarks are equal texts.
        ids = tuple(sorted(seen.ids))
        return Bookmark(at, unfinished=ids) if seen.listed else Bookmark(at, finished=ids)

    def to_state(self) -> dict[str, Any]:
        """Return the entry of the state, under singer-sdk's own names where it has them."""
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
            return row_id(job) not in self._compared
        return row_id(job) in self._compared

    @cached_property
    def _compared(self) -> frozenset[str]:
        """The ids in the form in which ids are compared."""
        ids = self.finished if self.unfinished is None else self.unfinished
        return frozenset(map(folded, ids or ()))


class Seen:
    """What a bookmark needs to know of the jobs that a run sees, which may be many thousands.

    Attributes:
        listed: Whether the test environment was listed; else its jobs were named.
        latest: The latest `updateTime`, None if there is none.
        ids: If the environment was listed, the ids of the unfinished jobs; else those of the finished ones.
    """

    def __init__(self, *, listed: bool = True) -> None:
        self.listed = listed
        self.latest: Instant | None = None
        self.ids: list[str] = []

    def add(self, job: Row) -> None:
        """Note a job, as Zuora sent it."""
        updated = instant(job.get(REPLICATION_KEY))
        if updated is not None and (self.latest is None or updated > self.latest):
            self.latest = updated
        if is_finished(job) is not self.listed:
            self.ids.append(storable(str(job["id"])))


def is_finished(job: Row) -> bool:
    """Return whether a job has ended."""
    status = job.get("status")
    return isinstance(status, str) and status in FINISHED_STATUSES
