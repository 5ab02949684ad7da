"""Pure: what one look at test environments found out, and the exit code of `zuora-testenv-status` for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_zuora_testenv.zuora.errors import Fatal, Refused, Transient, ZuoraError

if TYPE_CHECKING:
    from tap_zuora_testenv.readiness import Readiness
    from tap_zuora_testenv.values import Row

READY, UNKNOWN, MISCONFIGURED, WAITING, OVER = 0, 1, 2, 3, 4
"""The exit codes: ready; it could not be found out; somebody must act; busy or unknown; waiting makes no sense."""

# With several test environments, the first of these codes that one of them has counts.
_DECISIVE = (MISCONFIGURED, UNKNOWN, OVER, WAITING, READY)


class Finding(NamedTuple):
    """What one look found out about a test environment.

    Attributes:
        id: Its id.
        environment: Its row as Zuora sent it last, empty if it never did.
        readiness: Whether it can be used; None if that could not be found out.
        error: Why not.
        code: Its exit code, if there is no error.
    """

    id: str
    environment: Row
    readiness: Readiness | None
    error: ZuoraError | None = None
    code: int = UNKNOWN


class Look(NamedTuple):
    """What one look found out.

    Attributes:
        findings: What was found out about each test environment; nothing without the list of them.
        error: Why there is no list.
    """

    findings: list[Finding]
    error: ZuoraError | None = None

    @property
    def code(self) -> int:
        """The exit code."""
        return self._code(passing=UNKNOWN)

    @property
    def code_while_waiting(self) -> int:
        """The exit code if a transient fault is only one more thing to wait for."""
        return self._code(passing=WAITING)

    @property
    def errors(self) -> list[ZuoraError]:
        """All errors."""
        errors = [self.error, *(each.error for each in self.findings)]
        return [error for error in errors if error is not None]

    def _code(self, *, passing: int) -> int:
        codes = {each.code for each in self.findings if each.error is None}
        codes |= {passing if is_passing(error) else error_code(error) for error in self.errors}
        return next(code for code in _DECISIVE if code in codes)


def error_code(error: ZuoraError) -> int:
    """Return the exit code for an error."""
    return MISCONFIGURED if isinstance(error, Refused) or getattr(error, "misconfigured", False) else UNKNOWN


def is_passing(error: ZuoraError) -> bool:
    """Return whether a later look may succeed without anybody acting."""
    return isinstance(error, Transient | Fatal) and error_code(error) == UNKNOWN
