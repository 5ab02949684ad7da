from __future__ import annotations

import pytest

from tap_zuora_testenv.connection_test import findings
from tap_zuora_testenv.errors import Asked, AuthenticationRefused, PermissionRefused, Transient, ZuoraError

READ = {"test_environment_jobs": 2, "test_environments": 1}
SILENCE = Asked("POST", "/oauth/token", "rest.zuora.com")
REFUSAL = Asked("GET", "/test-environments", "rest.zuora.com", 403)


@pytest.mark.parametrize(
    ("error", "read", "is_missing", "marks"),
    [
        (None, READ, False, ["yes", "yes", "yes", "yes"]),
        (None, {}, False, ["yes", "yes", "yes", "yes"]),
        (None, READ, True, ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "no network"), {}, False, ["no", "?", "?", "?"]),
        (AuthenticationRefused(REFUSAL, "no token"), {}, False, ["yes", "no", "?", "?"]),
        (PermissionRefused(REFUSAL, "not allowed"), {}, False, ["yes", "yes", "no", "?"]),
        (Transient(SILENCE, "gone meanwhile"), READ, False, ["yes", "yes", "yes", "no"]),
    ],
    ids=str,
)
def test_each_thing_is_marked_by_what_was_met(
    *, error: ZuoraError | None, read: dict[str, int], is_missing: bool, marks: list[str]
) -> None:
    lines = findings("rest.zuora.com", error, read, is_missing=is_missing)
    assert [line.split()[0] for line in lines] == marks


def test_the_host_and_the_counts_are_named() -> None:
    lines = findings("rest.zuora.com", None, READ, is_missing=False)
    assert "rest.zuora.com" in lines[0]
    assert lines[-1].endswith("2 jobs and 1 test environment")
