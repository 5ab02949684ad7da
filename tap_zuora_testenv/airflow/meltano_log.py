"""Pure: what the lines of Meltano's log mean."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_zuora_testenv.airflow.meltano_command import EXTRACTOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What Meltano logs if the tap failed, and how the target's errors end Python's tracebacks.
EXTRACTOR_FAILED = "Extractor failed"
ERROR = re.compile(r"[\w.]+(Error|Exception)\b")
# The first word of the tap's last line when somebody must act: another attempt cannot help.
MISCONFIGURED = "Misconfigured"
LEVELS = logging.getLevelNamesMapping()


@dataclass(frozen=True)
class Entry:
    """A line of Meltano's log.

    Attributes:
        level: A level of Python's logging.
        source: The plugin that logged it; empty for Meltano itself.
        text: What it logged.
        metric: A metric of Singer, if it is one.
    """

    level: int
    source: str
    text: str
    metric: Mapping[str, Any] = field(default_factory=dict)

    @override
    def __str__(self) -> str:
        """Write it as one line."""
        return f"{self.source}: {self.text}" if self.source else self.text


def entry(line: str) -> Entry:
    """Read a line of the log; one that is not a JSON object comes from something that failed before it could log."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Entry(logging.WARNING, "", line)
    level = LEVELS.get(str(fields.get("level", "")).upper(), logging.INFO)
    text = str(fields.get("event") or _exceptions(fields.get("exception")))
    metric = fields.get("metric_info")
    if metric is not None:
        text += f" {json.dumps(metric)}"
    return Entry(level, str(fields.get("name") or ""), text, metric if isinstance(metric, dict) else {})


def _exceptions(logged: object) -> str:
    """Name the exceptions of an entry without a text."""
    chain = logged if isinstance(logged, list) else []
    return ", ".join(str(each.get("exc_type")) for each in chain if isinstance(each, dict))


def rows(log: Sequence[Entry]) -> dict[str, int]:
    """Count the rows that the tap emitted, per stream."""
    counts: Counter[str] = Counter()
    for line in log:
        if line.source == EXTRACTOR and line.metric.get("metric") == "record_count":
            counts[str(line.metric["tags"]["stream"])] += int(line.metric["value"])
    return dict(counts)


def verdict(log: Sequence[Entry]) -> str:
    """Return the tap's last line; it is empty if the tap did not start."""
    return next(_last(log, EXTRACTOR), "")


def failure(log: Sequence[Entry], loader: str) -> str:
    """Describe why a run failed: the tap's last line, the target's error if it was that, and Meltano's complaint."""
    text = verdict(log) or "The tap did not start."
    complaint = next(
        (line.text for line in log if not line.source and line.level >= logging.ERROR), "see the log above"
    )
    if complaint != EXTRACTOR_FAILED:
        errors = [text for text in _last(log, loader) if ERROR.match(text)]
        text = " ".join([text, *(f"{loader}: {error}." for error in errors[:1])])
    return f"{text} (Meltano: {complaint})"


def _last(log: Sequence[Entry], source: str) -> Iterator[str]:
    """Return what one of them logged, the last first."""
    return (line.text for line in reversed(log) if line.source == source)
