"""Pure: what `zuora-testenv-status` prints about test environments, for people and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.findings import MISCONFIGURED, OVER, READY, UNKNOWN, WAITING, error_code
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.timestamps import from_instant, instant, rfc_3339
from tap_zuora_testenv.values import string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_zuora_testenv.findings import Finding, Look
    from tap_zuora_testenv.readiness import Job, Readiness
    from tap_zuora_testenv.timestamps import Instant
    from tap_zuora_testenv.values import Row

WORDS = {
    READY: "Ready", UNKNOWN: "Unknown", MISCONFIGURED: "Misconfigured", WAITING: "Waiting", OVER: "Over",
}  # fmt: skip
"""The first word of the verdict, by exit code."""

_BAR = 10


def lines(look: Look) -> list[str]:
    """Return one line per test environment, aligned."""
    names = _names(look.findings)
    width = max(map(len, names), default=0)
    return [f"{name:<{width}}  {_line(finding)}" for name, finding in zip(names, look.findings, strict=True)]


def json_lines(look: Look, as_of: str) -> list[str]:
    """Return one JSON object per test environment, as `schemas/status.json` describes it.

    Args:
        look: What was found out.
        as_of: When, as RFC 3339.
    """
    return [REDACTION.redact(json.dumps(_document(finding, as_of))) for finding in look.findings]


def significant(finding: Finding) -> object:
    """Return what must change for a line to be printed again: everything but progress and estimates."""
    found = finding.readiness
    running = found and found.running and (found.running.id, found.running.status)
    last = found and found.last_refresh and (found.last_refresh.id, found.last_refresh.outcome)
    reason = finding.error and finding.error.reason
    return finding.code, found and found.state, finding.environment.get("status"), running, last, reason


def drawn_line(look: Look, columns: int) -> str:
    """Return the line that is redrawn on a terminal: a test environment that is not ready, with a bar.

    Args:
        look: What was found out; not all test environments are ready.
        columns: How long the line is.
    """
    if look.error is not None:
        return _fitted(f"Trying again: {look.error}", columns)
    pairs = list(zip(_names(look.findings), look.findings, strict=True))
    name, finding = next((name, finding) for name, finding in pairs if finding.code != READY)
    running = finding.readiness and finding.readiness.running
    shown = _job(running, with_bar=True) if running else _line(finding)
    ready = sum(finding.code == READY for _, finding in pairs)
    count = f"  ({ready:,} of {len(pairs):,} ready)" if len(pairs) > 1 else ""
    return _fitted(f"{name}  {shown}{count}", columns)


def verdict(look: Look, code: int) -> str:
    """Return the last line: what decided.

    Args:
        look: What was found out.
        code: The exit code.
    """
    reasons = [str(error) for error in look.errors if error_code(error) == code]
    pairs = zip(_names(look.findings), look.findings, strict=True)
    reasons += [
        f"{name} {_verb(each.readiness.state)} {'; '.join(_parts(each.environment, each.readiness))}"
        for name, each in pairs
        if each.readiness is not None and each.code == code
    ]
    if code == READY and len(reasons) > 1:
        return f"{WORDS[code]}: all {len(reasons):,} test environments are ready."
    more = f" (and {len(reasons) - 1:,} more, named above)" if len(reasons) > 1 else ""
    return f"{WORDS[code]}: {reasons[0]}{more}."


def _verb(state: str) -> str:
    return "needs a" if state == "check" else "is"


def _names(findings: Sequence[Finding]) -> list[str]:
    """Return what each test environment is called: its name, with the id if another one has the same name."""
    names = [REDACTION.quote(str(each.environment.get("tenantName") or each.id)) for each in findings]
    count = Counter(names)
    return [name if count[name] == 1 else f"{name} ({each.id})" for name, each in zip(names, findings, strict=True)]


def _line(finding: Finding) -> str:
    if finding.readiness is None:
        return f"{'unknown':<11}  {finding.error}"
    allowed = instant(finding.environment.get("nextRefreshTime"))
    # Zuora gives no time while a job runs.
    following = [] if allowed is None else [f"next allowed {_minute(allowed)}"]
    state, *parts = _parts(finding.environment, finding.readiness)
    return f"{state:<11}  {'; '.join([*parts, *following])}"


def _parts(environment: Row, found: Readiness) -> list[str]:
    """Return the state, what explains it, and the last refresh."""
    status = string(environment.get("status"))
    parts: list[str] = [found.state]
    if found.running is not None:
        parts.append(_job(found.running))
    elif found.state != "ready":
        parts.append(f"status {REDACTION.quote(status)}" if status else "no status")
    last = found.last_refresh
    if last is None:
        parts.append("no refresh yet")
    else:
        parts.append(f"last refresh {last.outcome}{'' if last.ended_at is None else f' {_minute(last.ended_at)}'}")
    return parts


def _job(job: Job, *, with_bar: bool = False) -> str:
    status = REDACTION.quote(f"{job.kind or 'job'} {job.status}")
    progress = min(max(job.progress or 0, 0), 100)
    done = progress * _BAR // 100
    bar = f" [{'#' * done}{'.' * (_BAR - done)}]" if with_bar else ""
    expected = "" if job.expected_at is None else f", expected {_minute(job.expected_at)}"
    return f"{status}{bar} {progress} %{expected}"


def _minute(at: Instant) -> str:
    return f"{from_instant(at)[:16].replace('T', ' ')} UTC"


def _fitted(text: str, columns: int) -> str:
    return text[:columns].ljust(columns)


def _document(finding: Finding, as_of: str) -> dict[str, Any]:
    """Return the fields by the names that the model `zuora_test_environments__readiness` gives them."""
    environment, found = finding.environment, finding.readiness
    running, last = found and found.running, found and found.last_refresh
    return {
        "test_environment_id": finding.id,
        "environment_name": string(environment.get("tenantName")),
        "status": string(environment.get("status")),
        "readiness": found and found.state,
        "running_job_id": running and running.id,
        "running_job_type": running and running.kind,
        "running_job_status": running and running.status,
        "running_job_progress_percentage": running and running.progress,
        "running_job_started_at": running and _written(running.started_at),
        "running_job_estimated_completion_at": running and _written(running.expected_at),
        "last_refresh_outcome": last and last.outcome,
        "last_refresh_ended_at": last and _written(last.ended_at),
        "next_refresh_allowed_at": rfc_3339(environment.get("nextRefreshTime")),
        "error": finding.error and str(finding.error),
        "exit_code": error_code(finding.error) if finding.error else finding.code,
        "as_of": as_of,
    }


def _written(at: Instant | None) -> str | None:
    return None if at is None else from_instant(at)
