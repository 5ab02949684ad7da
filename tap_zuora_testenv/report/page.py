"""Pure: the page of the report, one HTML file that needs nothing but itself and runs no script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from tap_zuora_testenv.report import formatting
from tap_zuora_testenv.report.charts import NARROW, WIDE, durations, timeline

if TYPE_CHECKING:
    from datetime import datetime

    from tap_zuora_testenv.report.marts import Readiness, Rows

TEMPLATES = Path(__file__).resolve().parent
# Rows that were read longer ago than that may tell of what is over.
FRESH = timedelta(hours=6)


@dataclass(frozen=True)
class Notice:
    """Something that a person should look at.

    Attributes:
        environment: Where.
        text: What.
    """

    environment: str
    text: str


def render(rows: Rows, now: datetime) -> str:
    """Write the page.

    Args:
        rows: The rows of the models, with at least one environment.
        now: The present, with a zone, by which the rows may be old.
    """
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    oldest = min((row.extracted_at for row in rows.environments if row.extracted_at), default=None)
    return environment.get_template("report.html.jinja").render(
        rows=rows,
        names=rows.names,
        now=rows.as_of,
        present=now,
        read=oldest,
        is_old=oldest is not None and now - oldest > FRESH,
        headline=headline(rows),
        notices=notices(rows),
        formatting=formatting,
        timelines=[(room.name, timeline(rows, room)) for room in (WIDE, NARROW)],
        durations=[(room.name, durations(rows, room)) for room in (WIDE, NARROW)],
    )


def headline(rows: Rows) -> str:
    """Say in a sentence how many can be used, which are busy, and which are to be checked."""
    usable = [row for row in rows.environments if row.readiness != "unavailable"]
    ready = [row for row in usable if row.readiness == "ready"]
    busy = [rows.names[row.test_environment_id] for row in usable if row.readiness == "busy"]
    check = [rows.names[row.test_environment_id] for row in usable if row.readiness == "check"]
    of_all = formatting.count(len(usable), "environment", "environments")
    said = f"{len(ready)} of {of_all} {'is' if len(ready) == 1 else 'are'} ready."
    if busy:
        said += f" Busy: {formatting.listed(busy)}."
    if check:
        said += f" To be checked: {formatting.listed(check)}."
    return said


def notices(rows: Rows) -> list[Notice]:
    """List what is not as it should be: refreshes that failed, jobs that are late, rows that are old."""
    return [
        Notice(rows.names[row.test_environment_id], text)
        for row in rows.environments
        if row.readiness != "unavailable"
        for text in _wrong(row)
    ]


def _wrong(row: Readiness) -> list[str]:
    found = []
    if row.failure_streak:
        times = "the last refresh" if row.failure_streak == 1 else f"the last {row.failure_streak} refreshes"
        found.append(f"{times} failed. Zuora sends no mail about that.")
    if row.running_job_is_late and row.running_job_estimated_completion_at:
        late = formatting.span(row.as_of - row.running_job_estimated_completion_at)
        found.append(f"the job that runs is {late} later than estimated.")
    return found
