"""Which exit code of `zuora-testenv-status` decides, and which errors pass."""

from __future__ import annotations

import pytest

from tap_zuora_testenv.findings import Finding, Look, error_code, is_passing
from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    Fatal,
    NotFound,
    PermissionRefused,
    Transient,
    ZuoraError,
)

EXCHANGE = Exchange("GET", "/test-environments", "localhost")
DOWN = Transient(EXCHANGE, "down")


def finding(code: int = 1, error: ZuoraError | None = None) -> Finding:
    return Finding("e", {}, None, error, code)


@pytest.mark.parametrize(
    ("error", "code", "passes"),
    [
        (DOWN, 1, True),
        (Fatal(EXCHANGE, "no token"), 1, True),
        (Fatal(EXCHANGE, "refused again and again", misconfigured=True), 2, False),
        (CredentialsRefused(EXCHANGE, "no"), 2, False),
        (PermissionRefused(EXCHANGE, "no"), 2, False),
        (NotFound(EXCHANGE, "no"), 1, False),
        (ZuoraError(EXCHANGE, "a redirect"), 1, False),
    ],
)
def test_an_error_has_an_exit_code_and_is_transient_or_not(error: ZuoraError, code: int, passes: bool) -> None:  # noqa: FBT001
    assert (error_code(error), is_passing(error)) == (code, passes)
    for look in (Look([], error), Look([finding(0, error)])):
        assert (look.code, look.code_while_waiting) == (code, 3 if passes else code)
        assert look.errors == [error]


def test_of_several_environments_the_first_in_a_fixed_order_decides() -> None:
    refused, torn = PermissionRefused(EXCHANGE, "no"), ZuoraError(EXCHANGE, "torn")
    findings = [finding(error=refused), finding(error=torn), finding(4), finding(3), finding(0)]
    assert [Look(findings[first:]).code for first in range(5)] == [2, 1, 4, 3, 0]
    assert [Look([*reversed(findings[first:])]).code for first in range(5)] == [2, 1, 4, 3, 0]


def test_a_transient_fault_outweighs_only_ready_environments_while_waiting() -> None:
    assert Look([finding(0), finding(error=DOWN)]).code_while_waiting == 3
    assert Look([finding(4), finding(error=DOWN)]).code_while_waiting == 4
    assert Look([finding(4), finding(error=DOWN)]).code == 1
