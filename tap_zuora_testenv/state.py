"""singer-sdk's state of the streams, kept by the rule of `bookmarks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The class has no public address, but the public `Stream.state_manager` returns it, and the stock rules are nowhere
# else: they compare bookmarks as text, need a replication key in each record, and search a list for each partition.
# A test fails if singer-sdk moves or changes what is overridden here.
from singer_sdk.streams._state import StreamStateManager
from typing_extensions import override

from tap_zuora_testenv.bookmarks import Bookmark
from tap_zuora_testenv.ids import folded
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Context

PARTITION_KEY = "testEnvironmentId"
"""The field of a job, and the one key of a partition's context."""


class BookmarkStateManager(StreamStateManager):
    """Keeps one bookmark per test environment, written when the environment is done."""

    def bookmark(self, context: Context) -> Bookmark:
        """Return how far earlier runs got with a test environment."""
        return Bookmark.from_state(self.get_context_state(context))

    def write(self, context: Context, bookmark: Bookmark) -> None:
        """Replace the bookmark of a test environment in one step, so that a signal never leaves half of it."""
        key = folded(context[PARTITION_KEY])
        entry = {"context": dict(context), **bookmark.to_state()}
        index = self._index()
        partitions = self.stream_state.setdefault("partitions", [])
        if key in index:
            partitions[index[key]] = entry
        else:
            index[key] = len(partitions)
            partitions.append(entry)

    @override
    def get_context_state(self, context: Context | None) -> dict[str, Any]:
        """Return the state of a partition, or an empty one that does not become part of the state."""
        if context is None:
            return self.stream_state
        position = self._index().get(folded(context[PARTITION_KEY]))
        state: dict[str, Any] = {} if position is None else self.stream_state["partitions"][position]
        return state

    @override
    def increment_state(self, latest_record: Mapping[str, Any], **_: Any) -> None:
        """Do nothing: a bookmark moves when its test environment is done, not with each record."""

    @override
    def write_starting_replication_value(self, *_: Any, **__: Any) -> None:
        """Do nothing: the bookmark is read where it is used, and a log line per partition would help nobody."""

    def _index(self) -> dict[str, int]:
        """The position of each test environment in the list of partitions."""
        if not hasattr(self, "_positions"):
            self._positions = {
                folded(partition["context"][PARTITION_KEY]): position
                for position, partition in enumerate(self.stream_state.get("partitions", []))
            }
        return self._positions


class NoState(StreamStateManager):
    """Keeps nothing: a full table needs no bookmark, and a change would send the whole state again."""

    @property
    @override
    def stream_state(self) -> dict[str, Any]:
        return {}


def unwrapped(state: Any) -> Any:  # noqa: ANN401 - whatever the file contains
    """Return the state inside a wrapper: in a whole STATE message, or in what `meltano state get` prints.

    Args:
        state: The content of the file that `--state` names.
    """
    while isinstance(state, dict) and "bookmarks" not in state:
        inner = [state[key] for key in ("value", "singer_state") if key in state]
        if not inner:
            break
        state = inner[0]
    return state


def state_problem(state: object, stream: str) -> str | None:
    """Return what is wrong with a given state, None if nothing is.

    Args:
        state: The content of the file that `--state` names.
        stream: The stream whose bookmarks it may contain.
    """
    if not isinstance(state, dict) or (state and "bookmarks" not in state):
        return "it must be an object with `bookmarks`, such as the `value` of a STATE message"
    bookmarks = state.get("bookmarks", {})
    streams = bookmarks.values() if isinstance(bookmarks, dict) else [None]
    if not all(isinstance(stream_state, dict) for stream_state in streams):
        return "its `bookmarks` are not of the form that this tap writes"
    if "replication_key_value" in bookmarks.get(stream, {}):
        return f"its bookmark of {stream} is not per test environment, unlike those that this tap writes"
    partitions = bookmarks.get(stream, {}).get("partitions", [])
    entries: list[Any] = partitions if isinstance(partitions, list) else [None]
    for partition in entries:
        match partition:
            case {"context": {"testEnvironmentId": str(environment)}}:
                try:
                    Bookmark.from_state(partition)
                except ValueError as error:
                    return f"in the bookmark of the test environment {REDACTION.quote(environment)}, {error}"
            case _:
                return f"it holds a bookmark without a {PARTITION_KEY}"
    return None
