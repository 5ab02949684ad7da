"""The outcome of a run: its counts, warnings, exit code and last sentence, and the lines of `--test`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from tap_zuora_testenv.ids import folded
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.errors import CredentialsRefused, PermissionRefused, Refused, Unauthorized, ZuoraError

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_zuora_testenv.records import Loss

DONE, FAILED, MISCONFIGURED = 0, 1, 2
"""The exit codes: all done; something failed that another run may fix; somebody must act."""

SHOWN = 20
"""Log at most this many messages of each kind, then only a count."""

_JOB_HINT = "; if that is the id of a job, name it in `job_ids` of its test environment"


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
        sentence: The last line: `Done`, `Stopped` or `Misconfigured`, and the reason.
        error: The error that was the reason, if a request was.
    """

    def __init__(self, code: int, sentence: str, error: ZuoraError | None = None) -> None:
        super().__init__(code)
        self.sentence = sentence
        self.error = error

    @classmethod
    def misconfigured(cls, reason: str) -> Self:
        """Return the end of a run that cannot succeed before somebody acts."""
        return cls(MISCONFIGURED, f"Misconfigured: {reason}")

    @classmethod
    def stopped_by(cls, error: ZuoraError, *, untried: int = 0) -> Self:
        """Return the end of a run that an error stopped.

        Args:
            error: The error.
            untried: How many requests were not tried because of it.
        """
        left = f"; {_number(untried, 'request was', 'requests were')} not tried" if untried else ""
        if isinstance(error, Refused) or getattr(error, "misconfigured", False):
            return cls(MISCONFIGURED, f"Misconfigured: {error}{left}.", error)
        return cls(FAILED, f"Stopped: {error}{left}.", error)


class Outcome:
    """Collects what happened in a run; used by the one thread that emits."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._messages: Counter[str] = Counter()
        self._warned: set[tuple[str, str]] = set()
        self._found: set[str] = set()
        # By environment and job, as ids are compared; for an environment, the job is empty.
        self._not_found: dict[tuple[str, str], tuple[str, ZuoraError | None]] = {}
        self._missing: list[str] = []
        self.first_failure: ZuoraError | None = None
        self._failed = 0
        self._first_refusal: ZuoraError | None = None
        self._has_jobs = False
        self.read: Counter[str] = Counter()
        """How many rows there were to emit, by stream; in a dry run, those that a run would emit."""

    def found(self, environment: str) -> None:
        """Note that a named test environment exists: a list contains it, or a request for it succeeded."""
        self._found.add(folded(environment))

    def obtained_jobs(self, environment: str) -> None:
        """Note that a request for jobs of a test environment succeeded."""
        self._has_jobs = True
        self.found(environment)

    def environment_not_found(self, environment: str, error: ZuoraError | None = None) -> None:
        """Note that Zuora does not seem to have a test environment.

        Whether the environment is missing is only known at the end: the other stream may yet find it.

        Args:
            environment: The id of the test environment.
            error: The error, unless the environment was missing in a list.
        """
        key = (folded(environment), "")
        if error is not None or key not in self._not_found:
            self._not_found[key] = (f"test environment {environment}", error)

    def job_not_found(self, environment: str, job: str, error: ZuoraError) -> None:
        """Note that Zuora does not have a named job.

        Args:
            environment: The id of the test environment.
            job: The id of the job.
            error: The error.
        """
        self._not_found[folded(environment), folded(job)] = (f"job {job} of the test environment {environment}", error)

    def job_gone(self, environment: str, job: str, error: ZuoraError) -> None:
        """Warn of a job that an earlier run saw unfinished, and that Zuora no longer has."""
        what = REDACTION.quote(f"job {job} of the test environment {environment}, which was unfinished")
        self._log("that Zuora no longer has", f"Zuora no longer has the {what} ({error.exchange})")

    def failed(self, *errors: ZuoraError, more: int = 0) -> None:
        """Log requests that could not be satisfied, or rows that are not what was requested.

        Args:
            errors: The errors.
            more: How many more there were, which are only counted.
        """
        for error in errors:
            self._failed += 1
            self.first_failure = self.first_failure or error
            if isinstance(error, Refused):
                self._first_refusal = self._first_refusal or error
            self._log("that failed", str(error), is_error=True)
        self._failed += more
        self._messages["that failed"] += more

    def lost(self, stream: str, row_id: str, loss: Loss) -> None:
        """Warn of a value that could not be kept."""
        row = REDACTION.quote(f"{NOUNS[stream].singular} {row_id}")
        self._log(f"whose {loss.field} {loss.kind}", f"{row}: its {loss.field} {loss.kind}: {REDACTION.show(loss.raw)}")

    def unknown_fields(self, stream: str, fields: set[str]) -> None:
        """Warn of fields that the schema does not have, once each."""
        for field in sorted(fields):
            name, rows = REDACTION.quote(field), NOUNS[stream].plural
            self._warn_once(
                "with an unknown field", f"Zuora sent {rows} with an unknown field, left out: {name}", field
            )

    def other_environment(self, environment: str, job: str, sent: object) -> None:
        """Warn, once per run, of a job whose `testEnvironmentId` is not the one that was requested."""
        sentence = (
            f"Zuora sent the job {REDACTION.quote(job)} for the test environment {environment} with the "
            f"testEnvironmentId {REDACTION.show(sent)}; such jobs are emitted as they are"
        )
        self._warn_once("of another test environment", sentence, "testEnvironmentId")

    def conclude(self) -> None:
        """Decide at the end of a run what is missing; log it, and how many messages of each kind were left out."""
        for (environment, job), (what, error) in self._not_found.items():
            if not job and environment in self._found:
                # The environment exists, so the response that its jobs do not is a failure.
                self.failed(*([error] if error else []))
                continue
            self._missing.append(what)
            detail = f" ({error.exchange})" if error else ""
            hint = "" if job else _JOB_HINT
            self._log("that Zuora does not have", f"Zuora does not have the {what}{detail}{hint}")
        self._not_found.clear()
        self.log_counts()

    def log_counts(self) -> None:
        """Log how many messages of each kind were left out."""
        for kind, count in self._messages.items():
            if count > SHOWN:
                self._logger.warning("and %s more %s", f"{count - SHOWN:,}", kind)
        self._messages.clear()

    def verdict(
        self, emitted: Mapping[str, int], *, fails_on_missing: bool, is_dry_run: bool = False
    ) -> tuple[int, str]:
        """Return the exit code of a run that reached its end, and the sentence that says why; `conclude` comes first.

        Args:
            emitted: How many records were written, by stream.
            fails_on_missing: Whether the setting `on_missing` is `fail`.
            is_dry_run: Whether `--test` only counted what a run would emit.
        """
        count = self._emitted(emitted, is_dry_run=is_dry_run)
        missing = [f"Zuora does not have the {self._missing[0]}{_more(len(self._missing))}"] if self._missing else []
        first = self.first_failure if self._has_jobs else self._first_refusal or self.first_failure
        failed = [f"{first}{_more(self._failed)}"] if self._failed else []
        reasons = "; ".join([*failed, *missing, count])
        if self._first_refusal and not self._has_jobs:
            return MISCONFIGURED, f"Misconfigured: {reasons}."
        if self._missing and not self._found and not self._failed:
            return MISCONFIGURED, (
                "Misconfigured: Zuora has none of what the configuration names; "
                "check base_url, entity_id and test_environments."
            )
        if self._missing and fails_on_missing:
            return MISCONFIGURED, f"Misconfigured: {'; '.join([*missing, *failed, count])}."
        if self._failed:
            return FAILED, f"Incomplete: {reasons}."
        return DONE, f"Done: {'; '.join([count, *missing])}."

    def checks(self, host: str, error: ZuoraError | None) -> list[str]:
        """Return the lines of `--test`: one per thing that must work, marked `yes`, `no`, or `?` if it was not tried.

        Args:
            host: The host that was asked.
            error: What went wrong first, None if nothing did.
        """
        has_read = bool(self._found or self._has_jobs or sum(self.read.values())) or error is None
        has_status = error is not None and error.exchange is not None and error.exchange.status is not None
        is_forbidden = isinstance(error, PermissionRefused)
        is_refused = isinstance(error, CredentialsRefused | Unauthorized)
        rows = ": " + ", ".join(counted(self.read[stream], stream) for stream in NOUNS) if has_read else ""
        lines = (
            (_mark(is_right=has_read or has_status, is_wrong=True), f"{host} can be reached"),
            # A 403, or any row, proves that the token was accepted.
            (_mark(is_right=has_read or is_forbidden, is_wrong=is_refused), "the credentials are accepted"),
            (_mark(is_right=has_read, is_wrong=is_forbidden), 'the permission "Refresh Central Sandbox" is granted'),
            (
                _mark(is_right=error is None and not self._missing, is_wrong=has_read),
                f"everything requested can be read{rows}",
            ),
        )
        return [f"{mark:>5}  {line}" for mark, line in lines]

    def _emitted(self, emitted: Mapping[str, int], *, is_dry_run: bool) -> str:
        counts = self.read if is_dry_run else emitted
        rows = " and ".join(counted(count, stream) for stream, count in sorted(counts.items()) if count)
        if rows:
            return f"{'a run would emit' if is_dry_run else 'emitted'} {rows}"
        filtered = " and ".join(counted(count, stream) for stream, count in sorted(self.read.items()) if count)
        return f"the stream maps removed all of {filtered}" if filtered else "nothing new to emit"

    def _warn_once(self, kind: str, sentence: str, key: str) -> None:
        if (kind, key) not in self._warned:
            self._warned.add((kind, key))
            self._log(kind, sentence)

    def _log(self, kind: str, sentence: str, *, is_error: bool = False) -> None:
        self._messages[kind] += 1
        if self._messages[kind] <= SHOWN:
            (self._logger.error if is_error else self._logger.warning)("%s", sentence)


def counted(count: int, stream: str) -> str:
    """Return a number with the noun of a stream's rows, for example `1 job`."""
    return _number(count, *NOUNS[stream])


def _number(count: int, singular: str, plural: str) -> str:
    return f"{count:,} {singular if count == 1 else plural}"


def _more(count: int) -> str:
    return f" (and {count - 1:,} more, named above)" if count > 1 else ""


def _mark(*, is_right: bool, is_wrong: bool) -> str:
    if is_right:
        return "yes"
    return "no" if is_wrong else "?"
