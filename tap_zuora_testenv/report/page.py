"""Pure: the page of the report, one self-contained HTML file; it can be read without its script."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from tap_zuora_testenv.report import charts, formatting

if TYPE_CHECKING:
    from datetime import datetime

    from tap_zuora_testenv.report.marts import Notice, Rows

TEMPLATES = Path(__file__).resolve().parent
SCRIPT = "report.js"
# Data that were read longer ago than that may be out of date. The script has the same limit.
FRESH = timedelta(hours=6)
# With at least this many environments, the page has a filter.
FILTERED_FROM = 20
# Up to this many notices of a kind are listed one by one, and up to this many environments of a state are named.
SINGLY = 3
NAMED = 5

# What many notices of a kind have in common.
KINDS = {
    "refresh_failed": "a refresh failed, and none has succeeded since",
    "environment_vanished": "Zuora no longer lists them, or the tap no longer reads them",
    "nothing_read": "the tap has not read them lately",
    "running_late": "a job is running later than estimated",
    "scheduled_refresh_overdue": "a scheduled refresh has not started",
    "deactivation_near": "Zuora will deactivate them soon",
    "data_old": "the data are old",
    "refresh_allowed": "Zuora allows the next refresh",
}


@dataclass(frozen=True)
class Line:
    """A sentence, and the names of all environments that it is about."""

    names: list[str]
    sentence: str


@dataclass(frozen=True)
class Group:
    """The notices of one kind.

    Attributes:
        severity: Their severity.
        count: How many environments they are about.
        text: What they have in common.
        lines: The notices; those with the same sentence share one line.
    """

    severity: str
    count: int
    text: str
    lines: list[Line]

    @property
    def is_long(self) -> bool:
        """Whether the lines are hidden behind a summary."""
        return self.count > SINGLY


def render(rows: Rows, now: datetime) -> str:
    """Write the page.

    Args:
        rows: The rows of the models.
        now: The present, with a zone, by which the rows may be old.
    """
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = (TEMPLATES / SCRIPT).read_text(encoding="utf-8")
    as_of = rows.as_of or now
    return environment.get_template("report.html.jinja").render(
        rows=rows,
        names=rows.names,
        now=as_of,
        present=now,
        is_old=rows.read_at is not None and now - rows.read_at > FRESH,
        is_filtered=len(rows.environments) >= FILTERED_FROM,
        headline=headline(rows),
        groups=groups(rows),
        formatting=formatting,
        timeline=charts.timeline(rows, as_of),
        durations=charts.durations(rows, as_of),
        shapes=charts.SHAPES,
        durations_height=charts.DURATIONS_HEIGHT,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def headline(rows: Rows) -> str:
    """Describe in a sentence how many environments are ready, and which ones are in which other state."""
    if not rows.environments:
        return "There is no test environment in the tables: run the tap and dbt first."
    by_state: dict[str, list[str]] = {"ready": [], "check": [], "busy": [], "unknown": [], "unavailable": []}
    for row in rows.environments:
        by_state[row.readiness].append(rows.names[row.test_environment_id])
    ready = len(by_state.pop("ready"))
    of_all = formatting.count(len(rows.environments), "environment", "environments")
    said = [f"{ready:,} of {of_all} {'is' if 1 in (ready, len(rows.environments)) else 'are'} ready."]
    for state, names in by_state.items():
        if names:
            which = formatting.listed(names) if len(names) <= NAMED else f"{len(names):,}"
            said.append(f"{formatting.READINESS[state][1]}: {which}.")
    return " ".join(said)


def groups(rows: Rows) -> list[Group]:
    """Group the notices by their kind, and those of a kind by their sentence."""
    found = []
    for (severity, kind), notices in groupby(rows.notices, key=lambda row: (row.severity, row.kind)):
        listed = list(notices)
        found.append(Group(severity, len(listed), KINDS.get(kind, kind.replace("_", " ")), _lines(listed, rows)))
    return found


def _lines(notices: list[Notice], rows: Rows) -> list[Line]:
    alike: dict[str, list[str]] = {}
    for notice in notices:
        name = rows.names.get(notice.test_environment_id, notice.test_environment_id)
        alike.setdefault(notice.sentence, []).append(name)
    return [Line(names, sentence) for sentence, names in alike.items()]
