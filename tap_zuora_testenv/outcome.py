"""The outcome of a run: its counts, warnings, exit code and last sentence, and the lines of `--test`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.errors import CredentialsRefused, PermissionRefused

if TYPE_CHECKING:
    import logging

    from tap_zuora_testenv.records import Loss
    from tap_zuora_testenv.zuora.errors import Fatal, NotFound, ZuoraError

SHOWN = 20
"""Log at most this many messages of each kind, then only a count."""


class _Noun(NamedTuple):
    singular: str
    plural: str


NOUNS = {
    "test_environment_jobs": _Noun("job", "jobs"),
    "test_environments": _Noun("test environment", "test environments"),
}
"""What the rows of each stream are called."""


class RunEnded(SystemExit):
    """Ends the run with an exit code and a sentence.

    A SystemExit, since singer-sdk logs any Exception that leaves a stream as unhandled.

    Attributes:
        sentence: The reason, for the last line.
        error: The error that was the reason, if a request was.
    """

    def __init__(self, code: int, sentence: str, error: ZuoraError | None = None) -> None:
        super().__init__(code)
        self.sentence = sentence
        self.error = error

    @classmethod
    def stopped_by(cls, error: Fatal, *, untried: int = 0) -> Self:
        """Return the end of a run that an error stopped.

        Args:
            error: The error.
            untried: How many requests were not tried because of it.
        """
        left = f"; {untried:,} requests were not tried" if untried else ""
        return cls(1, f"Stopped: {error}{left}.", error)


class Outcome:
    """Collects what happened in a run; used by the one thread that emits."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._messages: Counter[str] = Counter()
        self._unknown_fields: set[str] = set()
        self._named: Counter[str] = Counter()
        self._missing: Counter[str] = Counter()
        self._missing_things: dict[str, None] = {}
        self.first_failure: ZuoraError | None = None
        self._failed = 0
        self.records: Counter[str] = Counter()
        """How many rows became records, by stream."""
        self.read: Counter[str] = Counter()
        """How many rows there were to emit, by stream; in a dry run more than became records."""

    def named(self, stream: str, count: int) -> None:
        """Note how many things the configuration names for a stream."""
        self._named[stream] += count

    def missing(self, stream: str, what: str, *, hint: str = "", error: NotFound | None = None) -> None:
        """Warn of a named thing that Zuora does not have.

        Args:
            stream: The stream that needs it.
            what: The thing, with its id.
            hint: What may be wrong with the configuration.
            error: The error, unless the thing was missing in a list.
        """
        self._missing[stream] += 1
        if what in self._missing_things:
            # The other stream has logged it.
            return
        self._missing_things[what] = None
        detail = f" ({error.exchange})" if error else ""
        self._log("that Zuora does not have", f"Zuora does not have the {what}{detail}{hint}")

    @property
    def is_missing(self) -> bool:
        """Whether Zuora does not have some of what was named."""
        return bool(self._missing_things)

    def failed(self, *errors: ZuoraError) -> None:
        """Log requests that could not be satisfied, or rows that are not what was requested."""
        for error in errors:
            self._failed += 1
            self.first_failure = self.first_failure or error
            self._log("that failed", str(error), is_error=True)

    def lost(self, stream: str, row_id: str, loss: Loss) -> None:
        """Warn of a value that could not be kept."""
        row = REDACTION.quote(f"{NOUNS[stream].singular} {row_id}")
        self._log(f"whose {loss.field} {loss.kind}", f"{row}: its {loss.field} {loss.kind}: {REDACTION.show(loss.raw)}")

    def unknown_fields(self, stream: str, fields: set[str]) -> None:
        """Warn of fields that the schema does not have, once each."""
        for field in sorted(fields - self._unknown_fields):
            self._unknown_fields.add(field)
            name = REDACTION.quote(field)
            rows = NOUNS[stream].plural
            self._log("with an unknown field", f"Zuora sent {rows} with an unknown field, left out: {name}")

    def log_counts(self) -> None:
        """Log how many messages of each kind were left out."""
        for kind, count in self._messages.items():
            if count > SHOWN:
                self._logger.warning("and %s more %s", f"{count - SHOWN:,}", kind)
        self._messages.clear()

    def verdict(self, *, fails_on_missing: bool, is_dry_run: bool = False) -> tuple[int, str]:
        """Return the exit code of a run that reached its end, and the sentence that says why.

        Args:
            fails_on_missing: Whether the setting `on_missing` is `fail`.
            is_dry_run: Whether `--test` only counted what a run would emit.
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

    def findings(self, host: str, error: ZuoraError | None) -> list[str]:
        """Return the lines of `--test`: one per thing that must work, marked `yes`, `no`, or `?` if it was not tried.

        Args:
            host: The host that was asked.
            error: What went wrong first, None if nothing did.
        """
        has_read = sum(self.read.values()) > 0 or error is None
        has_status = error is not None and error.exchange is not None and error.exchange.status is not None
        is_refused, is_forbidden = isinstance(error, CredentialsRefused), isinstance(error, PermissionRefused)
        is_all_read = error is None and not self.is_missing
        rows = " and ".join(counted(self.read[stream], stream) for stream in NOUNS)
        lines = (
            (_mark(is_right=has_read or has_status, is_wrong=True), f"{host} can be reached"),
            # A 403, or any row, proves that the token was accepted.
            (_mark(is_right=has_read or is_forbidden, is_wrong=is_refused), "the credentials are good for it"),
            (_mark(is_right=has_read, is_wrong=is_forbidden), 'the permission "Refresh Central Sandbox" is there'),
            (_mark(is_right=is_all_read, is_wrong=has_read), f"all that is asked for can be read: {rows}"),
        )
        return [f"{mark:>5}  {line}" for mark, line in lines]

    def _log(self, kind: str, sentence: str, *, is_error: bool = False) -> None:
        self._messages[kind] += 1
        if self._messages[kind] <= SHOWN:
            (self._logger.error if is_error else self._logger.warning)("%s", sentence)


def counted(count: int, stream: str) -> str:
    """Return a number with the noun of a stream's rows, for example `1 job`."""
    return f"{count:,} {NOUNS[stream].singular if count == 1 else NOUNS[stream].plural}"


def _mark(*, is_right: bool, is_wrong: bool) -> str:
    if is_right:
        return "yes"
    return "no" if is_wrong else "?"
