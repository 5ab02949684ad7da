"""Pure: where each mark and bar of the charts is. The template draws them as SVG, in the colours of the page.

Across, everything is in percent of a chart's width, so that one drawing fits a desktop screen, a phone and paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tap_zuora_testenv.report.formatting import instant, number
from tap_zuora_testenv.report.marts import DRAWN_ENVIRONMENTS, ENDED

if TYPE_CHECKING:
    from tap_zuora_testenv.report.marts import Readiness, Refresh, Rows

TIMELINE_SHOWS = timedelta(days=122)
DURATIONS_SHOW = timedelta(days=365)
# A refresh may be allowed or scheduled years ahead; the chart reaches no further than that.
AHEAD = timedelta(days=45)
MARGIN = timedelta(days=3)
DURATIONS_HEIGHT = 62

# What is marked, and the shape around the origin that marks it, in pixels.
SHAPES = {
    "completed": "M-5,0a5,5 0 1 0 10,0a5,5 0 1 0 -10,0Z",
    "failed": "M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z",
    "cancelled": "M-4,-4H4V4H-4Z",
    "running": "M-4,-5L5,0L-4,5Z",
    "scheduled": "M0,-6L5,0L0,6L-5,0Z",
    "next refresh allowed": "M-5,4L0,-5L5,4Z",
}


@dataclass(frozen=True)
class Mark:
    """A mark with its words.

    Attributes:
        what: A key of `SHAPES`.
        x: Its distance from the left edge, in percent.
        y: Its distance from the top edge, in pixels.
        says: What it means, as a sentence.
        text: The text to its right.
    """

    what: str
    x: float
    says: str
    y: float = 12
    text: str = ""


@dataclass(frozen=True)
class Bar:
    """A span of time: a refresh that ran, or the rest of one by Zuora's estimate; in percent."""

    what: str
    x: float
    width: float
    is_estimate: bool = False


@dataclass(frozen=True)
class Track:
    """What is drawn for one environment.

    Attributes:
        name: The environment's name.
        marks: The marks, the oldest first.
        bars: The bars behind the marks.
        hours: What the top of the track means, in hours; 0 in the timeline.
    """

    name: str
    marks: list[Mark]
    bars: list[Bar] = field(default_factory=list)
    hours: int = 0

    @property
    def completed(self) -> list[Mark]:
        """The marks that a line joins."""
        return [mark for mark in self.marks if mark.what == "completed"]


@dataclass(frozen=True)
class Chart:
    """A chart: its tracks over one axis of time.

    Attributes:
        tracks: One per environment.
        months: The first of each month, in percent, with its name.
        now: Where the present is, in percent.
        ends: The end of the axis.
        left_out: How many environments are not drawn.
    """

    tracks: list[Track]
    months: list[tuple[float, str]]
    now: float
    ends: datetime
    left_out: int


@dataclass(frozen=True)
class Axis:
    """An axis of time, from `begins` to `ends`."""

    begins: datetime
    ends: datetime

    def at(self, instant: datetime) -> float:
        """Return where an instant is, in percent of the width; one outside is at the edge."""
        share = (instant - self.begins) / (self.ends - self.begins)
        return round(100 * min(max(share, 0), 1), 2)

    def shows(self, instant: datetime | None) -> bool:
        """Return whether an instant is on the axis."""
        return instant is not None and self.begins <= instant <= self.ends

    def months(self) -> list[tuple[float, str]]:
        """Return where each month begins, with its name; January with its year."""
        found = []
        first = self.begins.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while first <= self.ends:
            if first >= self.begins:
                found.append((self.at(first), f"{first:%b %Y}" if first.month == 1 else f"{first:%b}"))
            first = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
        return found


def timeline(rows: Rows, now: datetime) -> Chart:
    """Draw the refreshes of each environment over time.

    The job that is running with its estimate, scheduled refreshes and the next allowed refresh are marked.
    """
    jobs = _by_environment(rows)
    drawn = rows.environments[:DRAWN_ENVIRONMENTS]
    ahead = [row.next_refresh_allowed_at for row in drawn]
    ahead += [
        at for each in jobs.values() for job in each for at in (job.due_at, job.estimated_completion_at)
        if job.outcome in ("running", "waiting")
    ]  # fmt: skip
    last = max([now, *(at for at in ahead if at and at <= now + AHEAD)])
    axis = Axis(now - TIMELINE_SHOWS - MARGIN, last + MARGIN)
    tracks = [_track(row, jobs.get(row.test_environment_id, []), rows.names, axis, now) for row in drawn]
    return Chart(tracks, axis.months(), axis.at(now), axis.ends, len(rows.environments) - len(drawn))


def durations(rows: Rows, now: datetime) -> Chart:
    """Draw how long the refreshes of each environment ran, over time; each has its own scale of hours."""
    axis = Axis(now - DURATIONS_SHOW - MARGIN, now + MARGIN)
    tracks = []
    for key, jobs in _by_environment(rows).items():
        shown = [job for job in jobs if job.outcome in ENDED and job.run_hours is not None and axis.shows(job.ended_at)]
        if shown:
            hours = _round(max(float(job.run_hours or 0) for job in shown))
            name = rows.names[key]
            marks = [_ended(name, job, axis, float(job.run_hours or 0) / hours) for job in reversed(shown)]
            tracks.append(Track(name, marks, hours=hours))
    left_out = max(len(rows.environments) - DRAWN_ENVIRONMENTS, 0)
    return Chart(tracks, axis.months(), axis.at(now), axis.ends, left_out)


def _by_environment(rows: Rows) -> dict[str, list[Refresh]]:
    # In the order of the environments, each with its refreshes, the newest first.
    found: dict[str, list[Refresh]] = {row.test_environment_id: [] for row in rows.environments[:DRAWN_ENVIRONMENTS]}
    for job in rows.drawn:
        if job.job_type == "REFRESH" and job.test_environment_id in found:
            found[job.test_environment_id].append(job)
    return found


def _track(row: Readiness, jobs: list[Refresh], names: dict[str, str], axis: Axis, now: datetime) -> Track:
    name = names[row.test_environment_id]
    marks, bars = [], []
    for job in reversed(jobs):
        until = job.ended_at or now
        if job.started_at and job.started_at <= axis.ends and until >= axis.begins:
            bars.append(_bar(job.outcome, job.started_at, until, axis))
        if job.outcome in ENDED and axis.shows(job.ended_at):
            marks.append(_ended(name, job, axis))
        elif job.outcome == "running":
            marks.append(_running(name, job, axis, now))
            if job.estimated_completion_at and job.estimated_completion_at > now:
                bars.append(_bar("running", now, job.estimated_completion_at, axis, is_estimate=True))
        elif job.outcome == "waiting" and job.due_at and axis.shows(job.due_at):
            says = f"{name}: refresh scheduled for {instant(job.due_at)} UTC"
            marks.append(Mark("scheduled", axis.at(job.due_at), says))
    if row.next_refresh_allowed_at and axis.shows(row.next_refresh_allowed_at):
        says = f"{name}: next refresh allowed from {instant(row.next_refresh_allowed_at)} UTC"
        marks.append(Mark("next refresh allowed", axis.at(row.next_refresh_allowed_at), says))
    return Track(name, marks, bars)


def _ended(name: str, job: Refresh, axis: Axis, share: float | None = None) -> Mark:
    after = f" after {number(job.run_hours)} hours" if job.run_hours is not None else ""
    says = f"{name}: refresh {job.outcome} {instant(job.ended_at)} UTC{after}"
    y = 12 if share is None else round(DURATIONS_HEIGHT - 6 - share * (DURATIONS_HEIGHT - 12), 1)
    return Mark(job.outcome, axis.at(job.ended_at or axis.ends), says, y)


def _running(name: str, job: Refresh, axis: Axis, now: datetime) -> Mark:
    until = f", expected to end {instant(job.estimated_completion_at)} UTC" if job.estimated_completion_at else ""
    done = job.progress_percentage or 0
    return Mark("running", axis.at(now), f"{name}: refresh running, {done} percent done{until}", text=f"{done} %")


def _bar(what: str, begins: datetime, ends: datetime, axis: Axis, *, is_estimate: bool = False) -> Bar:
    return Bar(what, axis.at(begins), round(max(axis.at(ends) - axis.at(begins), 0.1), 2), is_estimate)


def _round(hours: float) -> int:
    # The least of 1, 2, 5, 10, 20, 50, ... that is enough.
    power = 1
    while True:
        for step in (1, 2, 5):
            if hours <= step * power:
                return step * power
        power *= 10
