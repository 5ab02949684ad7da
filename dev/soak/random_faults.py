"""Faults by chance: the seed, the path and the number of requests for it decide which request is broken."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from dev.testbed.fault_matrix import FAULTS, PASSING
from dev.testbed.faulty_proxy import Rule
from tap_zuora_testenv.emulator.faults import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN = "/oauth/token"  # noqa: S105 - a path
ENVIRONMENTS = "/test-environments"
_AN_HOUR = Fault(status=429, headers={"Retry-After": "3600"})
_PASSING_FAULTS = [name for name, (meaning, _) in FAULTS.items() if meaning == PASSING]


class RandomFaults(Faults):
    """Breaks a share of all answers, with every kind of fault that the fault matrix has.

    A run ends at once if Zuora asks it to wait for an hour, which happens only now and then: otherwise no run would get
    far. For the same reason, the token and the list of environments meet only transient faults.
    """

    def __init__(self, seed: int, share: float, ends_after: Iterable[int]) -> None:
        """Prepare.

        Args:
            seed: The same seed gives the same faults.
            share: How many of the answers to break, from 0 to 1.
            ends_after: After how many requests to ask for a wait of an hour; one such response for each number.
        """
        super().__init__()
        self._seed, self.share = seed, share
        self._ends_after = sorted(ends_after)
        self._asked: Counter[str] = Counter()
        self.requests = 0
        self.methods: Counter[tuple[str, bool]] = Counter()
        """Requests by method, and by whether they were for the token."""
        self.tried: Counter[str] = Counter()
        """The faults, by their names in the matrix."""
        self.on_the_wire: dict[str, str] = {}
        """The faults that the proxy has yet to apply to answers, by path."""

    @override
    def take(self, method: str, path: str) -> Fault | None:
        self.requests += 1
        self.methods[method, path == TOKEN] += 1
        if self._ends_after and self.requests >= self._ends_after[0]:
            del self._ends_after[0]
            self.tried["429 that asks to wait for an hour"] += 1
            return replace(_AN_HOUR, path=path)
        name = self._draw(path)
        if name is None:
            return None
        self.tried[name] += 1
        how = FAULTS[name][1]
        if "wire" in how:
            self.on_the_wire[path] = how["wire"]
            return None
        return Fault(path, **how)

    def _draw(self, path: str) -> str | None:
        self._asked[path] += 1
        chance = random.Random(f"{self._seed} {path} {self._asked[path]}")  # noqa: S311 - it must be the same each time
        if chance.random() >= self.share:
            return None
        is_needed = path in {TOKEN, ENVIRONMENTS}
        return chance.choice(_PASSING_FAULTS if is_needed else list(FAULTS))


class OnTheWire(Rule):
    """The rule by which the proxy breaks those answers that were drawn for it."""

    def __init__(self, faults: RandomFaults) -> None:
        super().__init__(fault="", path="*")
        self._faults = faults

    @override
    def applies(self, path: str) -> bool:
        self.fault = self._faults.on_the_wire.pop(path, "")
        return bool(self.fault)
