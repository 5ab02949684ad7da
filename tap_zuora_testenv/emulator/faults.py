"""Faults: rules that replace, delay, slow down or break responses."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Fault:
    """A rule. Without `status`, `body` and `json`, the real response is sent, only later, slower or in part.

    Attributes:
        path: A shell pattern for the path (`*` also matches a slash): `/test-environments/*/jobs`.
        method: The method; None for any.
        after: The number of matching requests to skip first.
        times: The number of requests to affect after those; None for all.
        status: The status of the response; None for 200 if there is a body.
        headers: Headers of the response.
        body: The body of the response as text.
        json: The body of the response as a JSON value, instead of `body`.
        delay_seconds: The delay before the response.
        drip_seconds: The delay between the bytes of its body.
        cut_after_bytes: The number of bytes of the body after which the connection breaks.
    """

    path: str = "*"
    method: str | None = None
    after: int = 0
    times: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    json: object = None
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    cut_after_bytes: int | None = None

    @classmethod
    def from_json(cls, rule: object) -> Fault:
        """Read a rule in the form that `POST /emulator/faults` accepts.

        Raises:
            ValueError: If it is not an object, or has a key or a value that no rule has; the message names the key.
        """
        if not isinstance(rule, dict):
            raise ValueError("A fault is an object.")  # noqa: TRY004 - one kind of error for all that is sent
        known = {entry.name for entry in fields(cls)}
        for name, value in rule.items():
            if name not in known:
                raise ValueError(f"A fault has no {name!r}; it has {', '.join(sorted(known))}.")
            if name in _ACCEPTS and not _ACCEPTS[name](value):
                raise ValueError(f"{name!r} of a fault cannot be {json.dumps(value)[:200]}.")
        fault = cls(**rule)
        # The value of a header may be a number in JSON: {"Retry-After": 1}.
        return replace(fault, headers={name: str(value) for name, value in fault.headers.items()})

    @property
    def responds(self) -> bool:
        """Whether it replaces the response."""
        return self.status is not None or self.body is not None or self.json is not None

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """Return its own response: status, headers and body."""
        if self.json is not None:
            kind, body = "application/json", json.dumps(self.json).encode()
        else:
            kind, body = "text/plain; charset=utf-8", (self.body or "").encode(errors="surrogatepass")
        return (
            self.status or 200,
            {"content-type": kind} | {name.lower(): self.headers[name] for name in self.headers},
            body,
        )


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_count_or_null(value: object) -> bool:
    return value is None or _is_count(value)


def _is_duration(value: object) -> bool:
    # More than a day would be too long for the event loop's timers, or a mistake.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 86_400  # noqa: PLR2004


def _is_status_or_null(value: object) -> bool:
    # An interim response (1xx) would not end the request.
    return value is None or (_is_count(value) and 200 <= int(str(value)) <= 599)  # noqa: PLR2004


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]*", str(text))
        for name, text in value.items()
    )


_ACCEPTS: dict[str, Callable[[object], bool]] = {
    "path": lambda value: isinstance(value, str),
    "method": _is_text_or_null,
    "after": _is_count,
    "times": _is_count_or_null,
    "status": _is_status_or_null,
    "headers": _are_headers,
    "body": _is_text_or_null,
    "delay_seconds": _is_duration,
    "drip_seconds": _is_duration,
    "cut_after_bytes": _is_count_or_null,
}


class Faults:
    """The rules in order: the first one that matches and has uses left applies."""

    def __init__(self) -> None:
        # Each with the number of requests that it matched.
        self._rules: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        """Add a rule after the existing ones."""
        self._rules = [*self._rules, (fault, [0])]

    def clear(self) -> None:
        """Remove all rules."""
        self._rules = []

    def take(self, method: str, path: str) -> Fault | None:
        """Return the rule that applies to a request, and count the request."""
        for fault, seen in self._rules:
            if (fault.method is None or fault.method.upper() == method) and fnmatchcase(path, fault.path):
                if fault.times is not None and seen[0] >= fault.after + fault.times:
                    continue
                seen[0] += 1
                if seen[0] > fault.after:
                    return fault
        return None

    def as_json(self) -> list[dict[str, object]]:
        """Return the rules, each with `matched`, the number of requests that it matched."""
        return [asdict(fault) | {"matched": seen[0]} for fault, seen in self._rules]
