"""Faults: rules that answer, delay, drip or cut in place of the real thing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Fault:
    """A rule. Without `status`, `body` and `json` the real answer is given, only later, slower or cut.

    Attributes:
        path: A shell pattern for the path (`*` also matches a slash): `/test-environments/*/jobs`.
        method: The method; None for any.
        after: How many matching requests it lets pass first.
        times: How many it then takes; None for all.
        status: The status of the answer; 200 if only a body is given.
        headers: Headers of the answer.
        body: The body of the answer as text.
        json: The body of the answer as a JSON value, in place of `body`.
        delay_seconds: How long to wait before the answer.
        drip_seconds: How long to wait between its bytes.
        cut_after_bytes: After how many bytes of the body to break the connection.
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
    def from_json(cls, rule: Mapping[str, object]) -> Fault:
        """Read a rule as `POST /emulator/faults` takes it.

        Raises:
            ValueError: When it has a key or a value that no rule has; the sentence names it.
        """
        known = {entry.name for entry in fields(cls)}
        for name, value in rule.items():
            if name not in known:
                raise ValueError(f"A fault has no {name!r}; it has {', '.join(sorted(known))}.")
            allowed = _TYPES.get(name)
            if allowed and (not isinstance(value, allowed) or isinstance(value, bool)):
                raise ValueError(f"{name!r} of a fault cannot be {json.dumps(value)}.")
        fault = cls(**rule)  # type: ignore[arg-type]  # checked one by one above
        # A header's value may be a number in JSON: {"Retry-After": 1}.
        return replace(fault, headers={name: str(value) for name, value in fault.headers.items()})

    @property
    def answers(self) -> bool:
        """Whether it gives an answer of its own."""
        return self.status is not None or self.body is not None or self.json is not None

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Give its own answer: status, headers and body."""
        if self.json is not None:
            kind, body = "application/json", json.dumps(self.json).encode()
        else:
            kind, body = "text/plain; charset=utf-8", (self.body or "").encode(errors="surrogatepass")
        return (
            self.status or 200,
            {"content-type": kind} | {name.lower(): self.headers[name] for name in self.headers},
            body,
        )


_TYPES: dict[str, tuple[type, ...]] = {
    "path": (str,),
    "method": (str, type(None)),
    "after": (int,),
    "times": (int, type(None)),
    "status": (int, type(None)),
    "headers": (dict,),
    "body": (str, type(None)),
    "delay_seconds": (int, float),
    "drip_seconds": (int, float),
    "cut_after_bytes": (int, type(None)),
}


class Faults:
    """The rules, the first one that matches and is not used up having its way."""

    def __init__(self) -> None:
        # Each with the number of requests that have come to it.
        self._rules: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        """Add a rule behind those that are there."""
        self._rules = [*self._rules, (fault, [0])]

    def clear(self) -> None:
        """Take all rules away."""
        self._rules = []

    def take(self, method: str, path: str) -> Fault | None:
        """Find the rule for a request, and count the request with it."""
        for fault, seen in self._rules:
            if (fault.method is None or fault.method.upper() == method) and fnmatchcase(path, fault.path):
                if fault.times is not None and seen[0] >= fault.after + fault.times:
                    continue
                seen[0] += 1
                if seen[0] > fault.after:
                    return fault
        return None

    def as_json(self) -> list[dict[str, object]]:
        """Give the rules, each with `matched`, the number of requests that have come to it."""
        return [asdict(fault) | {"matched": seen[0]} for fault, seen in self._rules]
