"""Moments at which a signal hits a run of the tap, drawn from a seed."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_zuora_testenv.emulator.faults import Fault, Faults

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
SECONDS_TO_START = 0.6
SECONDS_BETWEEN_REQUESTS = 0.02
SECONDS_TO_END = 0.15
SECONDS_TO_UNWIND = 5.0
"""How long a run may take to end after SIGTERM or SIGINT."""


@dataclass(frozen=True)
class Moment:
    """When to send which signal.

    Attributes:
        signal: The signal.
        requests: How many requests the emulator has seen by then; 0 counts from the start of the process.
        seconds: How long after that.
        pause: After how many lines the target stops reading, and for how long; the seconds count from there.
        unbuffered: Whether PYTHONUNBUFFERED is set, as containers do.
        target_dies: Whether the target dies with the tap, and so loses what came after the last state.
    """

    signal: signal.Signals
    requests: int = 0
    seconds: float = 0.0
    pause: tuple[int, float] | None = None
    unbuffered: bool = False
    target_dies: bool = False

    @property
    def reads_on(self) -> bool:
        """Whether the target reads on before a run has to have ended."""
        return self.pause is None or self.pause[1] < SECONDS_TO_UNWIND


def moments(chance: random.Random, count: int, requests: int) -> Iterator[Moment]:
    """Draw moments for runs into one target, each from the start of a run to its end.

    Args:
        chance: The random generator.
        count: How many.
        requests: How many requests a run makes.
    """
    for number in range(count):
        # The first run has the most to write: a target that pauses hinders it most.
        when, seconds, pause = _place(chance.uniform(0.3, 0.45) if number == 0 else chance.random(), chance, requests)
        unbuffered, target_dies = chance.choice((True, False)), chance.choice((True, False))
        yield Moment(chance.choice(SIGNALS), when, seconds, pause, unbuffered, target_dies)


def _place(kind: float, chance: random.Random, requests: int) -> tuple[int, float, tuple[int, float] | None]:
    """Draw after how many requests, and seconds, and with which pause; the kind is a number from 0 to 1."""
    if kind < 0.2:  # noqa: PLR2004 - a fifth, and so on
        return 0, chance.uniform(0, SECONDS_TO_START), None
    if kind < 0.3:  # noqa: PLR2004
        return requests, chance.uniform(0, SECONDS_TO_END), None
    if kind < 0.4:  # noqa: PLR2004
        pause = chance.uniform(0.3, 1.0)
        return 0, chance.uniform(0, pause), (chance.randint(1, 60), pause)
    if kind < 0.42:  # noqa: PLR2004 - few: each of them takes 4 seconds
        return 0, chance.uniform(0, 0.3), (chance.randint(1, 20), 2 * SECONDS_TO_UNWIND)
    # The first requests, for the token and the list, as often as a fifth of all others.
    last = 2 if chance.random() < 0.2 else requests  # noqa: PLR2004
    return chance.randint(1, last), chance.uniform(0, SECONDS_BETWEEN_REQUESTS), None


class Counted(Faults):
    """No faults; reports when a number of requests has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.await_requests(0)

    def await_requests(self, number: int) -> None:
        """Start to count, and return when there are this many."""
        self.requests, self._number = 0, number
        self.reached.clear()

    @override
    def take(self, method: str, path: str) -> Fault | None:
        self.requests += 1
        if self.requests == self._number:
            self.reached.set()
        return None
