"""What came of one run: its counts, its warnings, and the sentence and exit code that it ends with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tap_zuora_testenv.errors import RunEnded
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    import logging
    from collections.abc import Sequence

    from tap_zuora_testenv.errors import EndsTheRun, NotFound, ZuoraError
    from tap_zuora_testenv.values import Loss

SHOWN = 20
"""How many lines of a kind stand in the log; a count stands for the rest."""

NOUNS = {"test_environment_jobs": "jobs", "test_environments": "test environments"}


class Outcome:
    """Collects what happened, from the thread that emits."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told: Counter[str] = Counter()
        self._unknown_fields: set[str] = set()
        self._named: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._missing_things: dict[str, None] = {}
        self.first_failure: ZuoraError | None = None
        self._failed = 0
        self.records: Counter[str] = Counter()
        """How many rows became records, by stream."""
        self.read: Counter[str] = Counter()
        """How many rows there were to emit; in a dry run more than became records."""

    def named(self, stream: str, count: int) -> None:
        """Take note of how many things the configuration names for a stream."""
        self._named[stream] += count

    def missing(self, stream: str, what: str, *, hint: str = "", error: NotFound | None = None) -> None:
        """Warn of a named thing that Zuora does not have.

        Args:
            stream: The stream that asked for it.
            what: The thing, with its id.
            hint: What may be wrong with the configuration.
            error: Zuora's answer, unless the thing was missing in a list.
        """
        self._missing[stream] += 1
        if what in self._missing_things:
            # The other stream has told of it.
            return
        self._missing_things[what] = None
        detail = f" ({error.asked})" if error else ""
        self._tell("that Zuora does not have", f"Zuora does not have the {what}{detail}{hint}")

    @property
    def is_missing(self) -> bool:
        """Whether Zuora does not have some of what was named."""
        return bool(self._missing_things)

    def failed(self, error: ZuoraError) -> None:
        """Tell of a request that could not be satisfied."""
        self._failed += 1
        self.first_failure = self.first_failure or error
        self._tell("that failed", str(error), is_error=True)

    def strangers(self, errors: Sequence[ZuoraError]) -> None:
        """Tell of the elements of a list that are no rows."""
        for error in errors:
            self.failed(error)

    @staticmethod
    def stopped(error: EndsTheRun, untried: int = 0) -> RunEnded:
        """Return the end of the run for a reason.

        Args:
            error: The reason.
            untried: How many requests have not been made.
        """
        left = f"; {untried:,} requests were not tried" if untried else ""
        return RunEnded(1, f"Stopped: {error}{left}.", error)

    def lost(self, what: str, loss: Loss) -> None:
        """Warn of a value that could not be kept."""
        raw = REDACTION.show(loss.raw)
        self._tell(f"whose {loss.field} {loss.kind}", f"{REDACTION.quote(what)}: its {loss.field} {loss.kind}: {raw}")

    def unknown_fields(self, stream: str, fields: set[str]) -> None:
        """Warn of fields that the schema does not have, once each."""
        for field in sorted(fields - self._unknown_fields):
            self._unknown_fields.add(field)
            name = REDACTION.quote(field)
            self._tell("with an unknown field", f"Zuora sent {NOUNS[stream]} with an unknown field, left out: {name}")

    def tell_counts(self) -> None:
        """Tell how many lines of each kind were left out."""
        for kind, count in self._told.items():
            if count > SHOWN:
                self._logger.warning("and %s more %s", f"{count - SHOWN:,}", kind)
        self._told.clear()

    def verdict(self, *, fails_on_missing: bool, is_dry_run: bool = False) -> tuple[int, str]:
        """Return the exit code of a run that came to its end, and the sentence that says why.

        Args:
            fails_on_missing: The setting `on_missing` is `fail`.
            is_dry_run: It looked what could be read, and emitted a row a stream.
        """
        counts = self.read if is_dry_run else self.records
        rows = " and ".join(counted(count, stream) for stream, count in sorted(counts.items()))
        emitted = f"{'a run would emit' if is_dry_run else 'emitted'} {rows}" if rows else "nothing new to emit"
        if self._failed:
            more = f" (and {self._failed - 1:,} more, named above)" if self._failed > 1 else ""
            return 1, f"Incomplete: {self.first_failure}{more}; {emitted}."
        for stream, count in self._named.items():
            if count and self._missing[stream] == count:
                return 1, (
                    f"Failed: Zuora has nothing of what the configuration names for {stream}; "
                    "check base_url, entity_id and test_environments."
                )
        if self._missing_things:
            first, *others = self._missing_things
            more = f" (and {len(others):,} more, named above)" if others else ""
            sentence = f"Zuora does not have the {first}{more}; {emitted}."
            return (1, f"Failed: {sentence}") if fails_on_missing else (0, f"Done, but {sentence}")
        return 0, f"{'It works' if is_dry_run else 'Done'}: {emitted}."

    def _tell(self, kind: str, sentence: str, *, is_error: bool = False) -> None:
        self._told[kind] += 1
        if self._told[kind] <= SHOWN:
            (self._logger.error if is_error else self._logger.warning)("%s", sentence)


def counted(count: int, stream: str) -> str:
    """Return a number of a stream's things in words, for example `1 job`."""
    return f"{count:,} {NOUNS[stream] if count != 1 else NOUNS[stream][:-1]}"
