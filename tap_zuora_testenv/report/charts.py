"""The pictures of the report: Vega-Altair charts as SVG, whose colours are the page's own, so that they follow it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import altair as alt

from tap_zuora_testenv.report.formatting import instant, job, number

if TYPE_CHECKING:
    from tap_zuora_testenv.report.marts import Readiness, Refresh, Rows

TIMELINE_SHOWS = timedelta(days=122)
DURATIONS_SHOW = timedelta(days=365)
MARGIN = timedelta(days=3)

CROSS = "M-1,-.55L-.55,-1L0,-.45L.55,-1L1,-.55L.45,0L1,.55L.55,1L0,.45L-.55,1L-1,.55L-.45,0Z"
# What is marked, and by which colour of the page and which shape.
MARKS = {
    "completed": ("var(--completed)", "circle"),
    "failed": ("var(--failed)", CROSS),
    "cancelled": ("var(--cancelled)", "square"),
    "running": ("var(--running)", "triangle-right"),
    "scheduled": ("var(--running)", "diamond"),
    "next refresh allowed": ("var(--ink)", "triangle-up"),
}
OVER = ("completed", "failed", "cancelled")
# The edge tells marks apart that lie on one another.
POINTS: dict[str, Any] = {"filled": True, "size": 80, "opacity": 1, "stroke": "var(--paper)", "strokeWidth": 0.8}


@dataclass(frozen=True)
class Format:
    """The room that a picture has.

    Attributes:
        name: Part of the ids within the picture.
        width: The width of its plots, in pixels.
        is_narrow: Whether names stand above what they name, and not beside it.
    """

    name: str
    width: int
    is_narrow: bool


WIDE = Format("wide", 850, is_narrow=False)
NARROW = Format("narrow", 320, is_narrow=True)


def timeline(rows: Rows, room: Format) -> str:
    """Draw the refreshes of each environment over time, as SVG.

    Now, the job under way with its estimate, and the next allowed refresh are marked.
    """
    now = rows.as_of
    shown = [row for row in rows.refreshes if _is_shown(row, now - TIMELINE_SHOWS)]
    names = rows.names
    marks = [_ended(row, names) for row in shown if row.outcome in OVER and row.ended_at]
    marks += [_at_work(row, names, now) for row in shown if row.outcome in ("running", "waiting")]
    marks += [_allowed(row, names) for row in rows.environments if row.next_refresh_allowed_at]
    spans = [_span(row, names, now) for row in shown if row.started_at]
    rest = [_rest(row, names, now) for row in shown if row.outcome == "running" and row.estimated_completion_at]
    last = max([now, *(datetime.fromisoformat(mark["at"]) for mark in marks)])
    scale = alt.Scale(
        type="utc", domain=[(now - TIMELINE_SHOWS - MARGIN).isoformat(), (last + MARGIN).isoformat()], nice=False
    )
    x = alt.X("at:T", scale=scale, title=None, axis=_months())
    y = alt.Y("environment:N", sort=list(names.values()), title=None, axis=_names(room), scale=_every(names))
    to = alt.X2("until:T")
    colour, shape = _colour(room), _shape(room)
    bars: dict[str, Any] = {"height": 15, "aria": False}
    words: dict[str, Any] = {"color": "var(--ink)", "fontSize": 12, "aria": False}
    done = [mark | {"text": f"{mark['progress']} %"} for mark in marks if "progress" in mark]
    dashed = alt.Chart(_data([{"at": now.isoformat(), "text": "now"}]))
    layers = [
        alt.Chart(_data(spans)).mark_bar(opacity=0.6, **bars).encode(x=x, x2=to, y=y, color=colour),
        alt.Chart(_data(rest)).mark_bar(opacity=0.3, **bars).encode(x=x, x2=to, y=y, color=colour),
        dashed.mark_rule(color="var(--ink)", strokeDash=[4, 3], aria=False).encode(x=x),
        dashed.mark_text(baseline="bottom", dy=-3, fontWeight="bold", **words).encode(
            x=x, y=alt.value(0), text="text:N"
        ),
        alt.Chart(_data(done))
        .mark_text(align="left", baseline="middle", dx=9, **words)
        .encode(x=x, y=y, text="text:N"),
        alt.Chart(_data(marks)).mark_point(**POINTS).encode(x=x, y=y, color=colour, shape=shape, description="says:N"),
    ]
    height = (46 if room.is_narrow else 34) * len(names)
    return _svg(alt.layer(*layers).properties(width=room.width, height=height), f"timeline-{room.name}")


def durations(rows: Rows, room: Format) -> str:
    """Draw how long the refreshes of each environment ran, over time, as SVG."""
    now = rows.as_of
    names = rows.names
    marks = [
        _ended(row, names) | {"hours": float(row.run_hours)}
        for row in rows.refreshes
        if row.outcome in OVER and row.run_hours is not None and _is_shown(row, now - DURATIONS_SHOW)
    ]
    scale = alt.Scale(
        type="utc", domain=[(now - DURATIONS_SHOW - MARGIN).isoformat(), (now + MARGIN).isoformat()], nice=False
    )
    x = alt.X("at:T", scale=scale, title=None, axis=_months())
    y = alt.Y("hours:Q", title="hours", axis=alt.Axis(tickCount=3, grid=True), scale=alt.Scale(zero=True))
    line = alt.Chart().transform_filter("datum.what == 'completed'").mark_line(color="var(--completed)", aria=False)
    points = alt.Chart().mark_point(**POINTS)
    layers = alt.layer(
        line.encode(x=x, y=y),
        points.encode(x=x, y=y, color=_colour(room, OVER), shape=_shape(room, OVER), description="says:N"),
    ).properties(width=room.width + (-20 if room.is_narrow else 60), height=62)
    header = alt.Header(title=None, labelAnchor="start", labelOrient="top", labelFontWeight="bold", labelPadding=2)
    order = [name for name in names.values() if any(mark["environment"] == name for mark in marks)]
    chart = layers.facet(
        row=alt.Row("environment:N", sort=order, header=header), data=_data(marks), spacing=16
    ).resolve_scale(y="independent")
    return _svg(chart, f"durations-{room.name}")


def _is_shown(row: Refresh, since: datetime) -> bool:
    return bool(row.job_type == "REFRESH" and row.test_environment_id and row.latest_at and row.latest_at > since)


def _ended(row: Refresh, names: dict[str, str]) -> dict[str, Any]:
    after = f" after {number(row.run_hours)} hours" if row.run_hours is not None else ""
    return _mark(row, names, row.outcome, row.ended_at, f"refresh {row.outcome} {instant(row.ended_at)} UTC{after}")


def _at_work(row: Refresh, names: dict[str, str], now: datetime) -> dict[str, Any]:
    if row.outcome == "waiting":
        return _mark(row, names, "scheduled", row.due_at, f"refresh scheduled for {instant(row.due_at)} UTC")
    until = f", expected to end {instant(row.estimated_completion_at)} UTC" if row.estimated_completion_at else ""
    done = row.progress_percentage or 0
    mark = _mark(row, names, "running", now, f"refresh running, {done} percent done{until}")
    return mark | {"progress": done}


def _allowed(row: Readiness, names: dict[str, str]) -> dict[str, Any]:
    at, name = row.next_refresh_allowed_at, names[row.test_environment_id]
    return {
        "environment": name,
        "what": "next refresh allowed",
        "at": at.isoformat() if at else None,
        "says": f"{name}: next refresh allowed from {instant(at)} UTC",
    }


def _mark(row: Refresh, names: dict[str, str], what: str, at: datetime | None, says: str) -> dict[str, Any]:
    name = names[row.test_environment_id or ""]
    return {"environment": name, "what": what, "at": at.isoformat() if at else None, "says": f"{name}: {says}"}


def _span(row: Refresh, names: dict[str, str], now: datetime) -> dict[str, Any]:
    at, until = row.started_at, row.ended_at or now
    return _mark(row, names, row.outcome, at, job(row.job_type)) | {"until": until.isoformat()}


def _rest(row: Refresh, names: dict[str, str], now: datetime) -> dict[str, Any]:
    until = row.estimated_completion_at or now
    return _mark(row, names, row.outcome, now, job(row.job_type)) | {"until": max(until, now).isoformat()}


def _months() -> alt.Axis:
    labels = "month(datum.value) == 0 ? utcFormat(datum.value, '%b %Y') : utcFormat(datum.value, '%b')"
    return alt.Axis(
        labelExpr=labels, tickCount="month", grid=True, labelOverlap="greedy", labelSeparation=6, labelFlush=False
    )


def _names(room: Format) -> alt.Axis:
    if not room.is_narrow:
        return alt.Axis(ticks=False, domain=False, grid=True, labelPadding=8, labelLimit=220, labelFontSize=13)
    return alt.Axis(
        ticks=False, domain=False, grid=True, labelAlign="left", labelPadding=0, labelOffset=-15, labelFontWeight="bold"
    )


def _every(names: dict[str, str]) -> alt.Scale:
    # Also those without a mark.
    return alt.Scale(domain=list(names.values()))


def _colour(room: Format, what: tuple[str, ...] = tuple(MARKS)) -> alt.Color:
    scale = alt.Scale(domain=list(what), range=[MARKS[name][0] for name in what])
    return alt.Color("what:N", scale=scale, legend=_legend(room, what))


def _shape(room: Format, what: tuple[str, ...] = tuple(MARKS)) -> alt.Shape:
    scale = alt.Scale(domain=list(what), range=[MARKS[name][1] for name in what])
    return alt.Shape("what:N", scale=scale, legend=_legend(room, what))


def _legend(room: Format, what: tuple[str, ...]) -> alt.Legend:
    columns = 3 if room.is_narrow else len(what)
    return alt.Legend(
        title=None, orient="top", columns=columns, columnPadding=18, symbolSize=80, offset=24, symbolStrokeWidth=0,
        symbolOpacity=1, labelLimit=0,
    )  # fmt: skip


def _data(values: list[dict[str, Any]]) -> alt.InlineData:
    # Also without values Vega must know what is a time.
    return alt.InlineData(values=values, format={"type": "json", "parse": {"at": "date", "until": "date"}})


def _svg(chart: alt.LayerChart | alt.FacetChart, name: str) -> str:
    """Make SVG that takes its colours and its width from the page, and whose ids are its own."""
    chart = (
        chart.configure(background="transparent", font="Arial, Helvetica, sans-serif", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--ink)", titleColor="var(--ink)", gridColor="var(--line)", tickColor="var(--line)",
            domainColor="var(--line)", labelFontSize=12, titleFontSize=12, titleFontWeight="normal",
        )
        .configure_legend(labelColor="var(--ink)", labelFontSize=12)
        .configure_header(labelColor="var(--ink)", labelFontSize=13)
    )  # fmt: skip
    text = io.StringIO()
    chart.save(text, format="svg")
    svg = text.getvalue()
    svg = re.sub(r'\b(id=")', rf"\1{name}-", svg)
    svg = re.sub(r"(url\(#)", rf"\1{name}-", svg)
    # As wide as there is room, but no wider than it was drawn: the letters would grow with it.
    return re.sub(r'<svg ([^>]*?)width="(\d+)" height="\d+"', r'<svg \1style="max-width:\2px"', svg, count=1)
