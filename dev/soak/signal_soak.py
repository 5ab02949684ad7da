"""Runs of the tap that signals end at any moment, into a target that keeps only what it confirmed."""

from __future__ import annotations

import json
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from dev.soak.interrupted_run import InterruptedRun
from dev.soak.invariants import InvariantError, expected, require
from dev.soak.signal_schedule import SECONDS_TO_UNWIND, Counted, Moment, moments
from dev.soak.soak_tenant import config, tenant
from dev.testbed.confirming_target import LAST_LINE_TORN, WHOLE, Store
from tap_zuora_testenv.emulator.server import EmulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_zuora_testenv.emulator.zuora import Zuora

ENVIRONMENTS, JOBS_OF_EACH = 6, 50
# Some jobs are longer than what the system writes into a pipe in one piece, so that a line can be torn.
LONG_JOBS_OF_EACH, LONG_TEXT = 5, "long " * 4000
# The token, the named jobs of one half, the lists of the other half, and the list of environments.
REQUESTS = 1 + ENVIRONMENTS // 2 * (JOBS_OF_EACH + LONG_JOBS_OF_EACH) + ENVIRONMENTS // 2 + 1
LATENCY_SECONDS = 0.01
SIGNALS_A_ROUND = 5
SECONDS_BETWEEN_RUNS = 6 * 3600.0
SECONDS_FOR_A_RUN = 60.0
SECONDS_BETWEEN_LOOKS = 0.05
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}


@dataclass
class Figures:
    """What was tried, and held.

    Attributes:
        endings: Signals by name and effect.
        places: Signals by where the run was.
        torn: Last lines that SIGKILL left torn.
        rounds: How many times a target was compared with its emulator.
        records: How many records were compared.
        slowest: The most seconds that a run took to end after SIGTERM or SIGINT while the target read on.
        seconds: How long everything took.
    """

    endings: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    torn: int = 0
    rounds: int = 0
    records: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    @override
    def __str__(self) -> str:
        endings = "".join(f"\n  {count:4} {ending}" for ending, count in sorted(self.endings.items()))
        places = ", ".join(f"{place} {count}" for place, count in self.places.most_common())
        return (
            f"{self.endings.total()} signals in {self.rounds} rounds, after which the target had the same rows as the "
            f"emulator, {self.records:,} records in all; {self.seconds:.0f} s{endings}\n"
            f"  The run was: {places}.\n"
            f"  The slowest end after SIGTERM or SIGINT: {self.slowest:.2f} s. Last lines torn by SIGKILL: {self.torn}."
        )


def soak(seed: int, count: int) -> Figures:
    """Send signals to runs of the tap, and compare the rows of its target.

    Args:
        seed: The same seed gives the same moments.
        count: How many signals to send.

    Raises:
        InvariantError: A record was lost, a line was torn, or a run did not end as it should.
    """
    figures, began = Figures(), time.monotonic()
    chance = random.Random(seed)  # noqa: S311 - it must be the same each time
    for start in range(0, count, SIGNALS_A_ROUND):
        _round(seed + start, list(moments(chance, min(SIGNALS_A_ROUND, count - start), REQUESTS)), figures)
    figures.seconds = time.monotonic() - began
    return figures


def _round(seed: int, drawn: Iterable[Moment], figures: Figures) -> None:
    """Run into one target, each run but the last hit by a signal, while Zuora moves on in between."""
    counted = Counted()
    zuora = tenant(seed, environments=ENVIRONMENTS, jobs_of_each=JOBS_OF_EACH, faults=counted)
    zuora.latency_seconds = LATENCY_SECONDS
    for environment in zuora.environments():
        for number in range(LONG_JOBS_OF_EACH):
            _put_long_job(zuora, str(environment["id"]), f"{environment['id']}-{number}")
    with tempfile.TemporaryDirectory() as folder, EmulatorServer(zuora) as server:
        runs = _Runs(Path(folder), zuora, counted, server.url)
        for moment in drawn:
            runs.hit(moment, figures)
            zuora.clock.advance(SECONDS_BETWEEN_RUNS)
        figures.records += runs.complete()
        figures.rounds += 1


def _put_long_job(zuora: Zuora, environment: str, identity: str) -> None:
    like = dict(zuora.jobs(environment)[0])
    zuora.put_job(environment, like | {"id": identity, "createdById": LONG_TEXT})


class _Runs:
    """Runs of the tap into one target."""

    def __init__(self, folder: Path, zuora: Zuora, counted: Counted, url: str) -> None:
        self._folder, self._zuora, self._counted = folder, zuora, counted
        self._store = Store(folder)
        self._config = config(zuora, url)

    def hit(self, moment: Moment, figures: Figures) -> None:
        """Run until a moment, send its signal, and look at how the run ends."""
        self._counted.await_requests(moment.requests)
        with InterruptedRun(self._folder, self._options(), moment) as run:
            self._await(moment, run)
            place = self._place(moment, run)
            run.tap.send_signal(moment.signal)
            sent = time.monotonic()
            try:
                code = run.end_of_tap(SECONDS_TO_UNWIND)
                took = time.monotonic() - sent
                kept = run.end_of_target(reads_on=moment.reads_on)
                figures.endings[self._ending(moment, code, run.log)] += 1
                _look_at_lines(moment, kept)
            except InvariantError as broken:
                raise InvariantError("\n".join([str(broken), str(moment), *run.log])) from None
        figures.places[place] += 1
        if moment.reads_on:
            figures.torn += kept == LAST_LINE_TORN
            figures.slowest = max(figures.slowest, took)

    def complete(self) -> int:
        """Run to the end, compare, and return how many records there are."""
        self._counted.await_requests(0)
        with InterruptedRun(self._folder, self._options()) as run:
            ended = run.end_of_tap(SECONDS_FOR_A_RUN), run.end_of_target(reads_on=True)
            require(holds=ended == (0, WHOLE), otherwise="\n".join([f"tap and target ended with {ended}", *run.log]))
        held, wanted = self._store.warehouse(), expected(self._zuora.documents())
        differ = sum(held.get(key) != record for key, record in wanted.items())
        require(
            holds=held == wanted,
            otherwise=f"the target does not have the rows of the emulator: {differ} are missing or of another time, "
            f"{len(held.keys() - wanted.keys())} are made up",
        )
        return len(held)

    def _options(self) -> list[str]:
        state = self._store.state
        files = {"config": self._config} | ({} if state is None else {"state": state})
        options = []
        for name, content in files.items():
            path = self._folder / f"{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            options += [f"--{name}", str(path)]
        return options

    def _await(self, moment: Moment, run: InterruptedRun) -> None:
        """Wait for the moment, or for the end of a run that ends before it."""
        if moment.pause:
            run.await_pause()
        while moment.requests and run.tap.poll() is None:
            if self._counted.reached.wait(SECONDS_BETWEEN_LOOKS):
                break
        time.sleep(moment.seconds)

    def _place(self, moment: Moment, run: InterruptedRun) -> str:
        """Return where the run is."""
        if run.tap.poll() is not None:
            return "over"
        if moment.pause:
            return "writing to a target that paused"
        places = {0: "starting", 1: "requesting a token", REQUESTS: "finishing"}
        return places.get(self._counted.requests, "fetching and writing jobs")

    def _ending(self, moment: Moment, code: int, log: list[str]) -> str:
        """Return how a run ended, if it ended as it may."""
        name, last = moment.signal.name, log[-1] if log else ""
        if code == 0 and last.startswith("Done: "):
            return f"{name}: 0, done before it came"
        if moment.signal != signal.SIGKILL and code == -moment.signal:
            # Python's own reaction to a signal, until the tap handles it.
            require(holds=not self._counted.requests, otherwise=f"{name} ended a run at work with {code}")
            return f"{name}: {code}, before the tap was up"
        require(holds=code == CODES[moment.signal], otherwise=f"{name} ended the run with {code}")
        if moment.signal != signal.SIGKILL:
            require(holds=last == f"Stopped by {name}.", otherwise=f"the last line after {name} is another one")
            require(holds="Traceback" not in "".join(log), otherwise=f"there is a traceback after {name}")
        return f"{name}: {code}"


def _look_at_lines(moment: Moment, kept: int) -> None:
    # Half a line stays in the pipe of a reader that never reads the rest.
    may_be_torn = moment.signal == signal.SIGKILL or not moment.reads_on
    require(
        holds=kept == WHOLE or (kept == LAST_LINE_TORN and may_be_torn),
        otherwise=f"after {moment.signal.name} the target ended with {kept}: a line was torn",
    )
