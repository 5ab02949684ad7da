"""Runs against a Zuora that breaks a fifth of its answers: each job arrives once, or is named as not fetched."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from dev.soak.invariants import InvariantError, expected, require
from dev.soak.random_faults import OnTheWire, RandomFaults
from dev.soak.soak_tenant import ENVIRONMENTS, JOBS, config, requests, tenant
from dev.soak.tap_in_process import run
from dev.testbed.faulty_proxy import FaultyProxy
from tap_zuora_testenv.emulator.server import EmulatorServer

if TYPE_CHECKING:
    from dev.soak.tap_in_process import Ran
    from dev.testbed.confirming_target import Warehouse
    from tap_zuora_testenv.emulator.zuora import Zuora

SHARE_OF_FAULTS = 0.2
MOST_RUNS = 20
SECONDS_BETWEEN_RUNS = 3600.0

_FAILED = re.compile(r"GET (/test-environments\S*) at ")
_MISSING_JOB = re.compile(r"Zuora does not have the job (\S+) of the test environment (\S+)")
_MISSING_ENVIRONMENT = re.compile(r"Zuora does not have the test environment (\S+)")


@dataclass
class Figures:
    """What was tried, and held.

    Attributes:
        jobs: How many jobs there are.
        requests: How many requests were made.
        faults: How many answers were broken, by the names that the fault matrix gives.
        runs: How many runs there were, until every job had arrived.
        stopped: How many of those runs were ended by a fault.
        records: How many records were emitted.
        named: How many requests were named as not satisfied.
        seconds: How long it took.
    """

    jobs: int = 0
    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    stopped: int = 0
    records: int = 0
    named: int = 0
    seconds: float = 0.0

    @override
    def __str__(self) -> str:
        return (
            f"{self.jobs:,} jobs, {self.requests:,} requests, {self.faults.total():,} faults of {len(self.faults)} "
            f"kinds: {self.runs} runs ({self.stopped} of them stopped), {self.records:,} records held, {self.named:,} "
            f"requests named as not satisfied; nothing lost, duplicated or made up; {self.seconds:.0f} s"
        )


def soak(seed: int, *, environments: int, jobs: int) -> Figures:
    """Run until every job has arrived.

    Args:
        seed: The same seed gives the same jobs and the same faults.
        environments: How many test environments there are; the jobs of one half are named, the others listed.
        jobs: How many jobs there are in all.

    Raises:
        InvariantError: A job was lost, came twice, or differed from that of the emulator.
    """
    began = time.monotonic()
    # Two faults that end a run: during the first run, and during the second.
    faults = RandomFaults(seed, SHARE_OF_FAULTS, (jobs // 6, jobs // 2))
    zuora = tenant(seed, environments=environments, jobs_of_each=jobs // environments, faults=faults)
    with tempfile.TemporaryDirectory() as folder, EmulatorServer(zuora) as server, FaultyProxy(server.port) as proxy:
        proxy.rules.append(OnTheWire(faults))
        figures = _Soak(Path(folder), zuora, faults, proxy.url).until_all_arrived()
    require(
        holds=faults.methods.keys() == {("GET", False), ("POST", True)},
        otherwise=f"something other than GET, or POST for a token, was sent: {dict(faults.methods)}",
    )
    figures.seconds = time.monotonic() - began
    return figures


class _Soak:
    def __init__(self, folder: Path, zuora: Zuora, faults: RandomFaults, url: str) -> None:
        self._folder, self._zuora, self._faults = folder, zuora, faults
        self._requests, self._config = requests(zuora), config(zuora, url)
        self._warehouse: Warehouse = {}
        self._state: Any = None
        self._figures = Figures(jobs=len(zuora.documents()[JOBS]))

    def until_all_arrived(self) -> Figures:
        """Run with faults until every row has arrived, then once without them."""
        figures, faults = self._figures, self._faults
        while self._warehouse.keys() != expected(self._zuora.documents()).keys():
            require(holds=figures.runs < MOST_RUNS, otherwise=f"after {MOST_RUNS} runs something has not arrived")
            self._run()
            self._zuora.clock.advance(SECONDS_BETWEEN_RUNS)
        figures.requests, figures.faults = faults.requests, +faults.tried
        faults.share = 0.0
        ran = self._run()
        require(holds=ran.code == 0, otherwise=f"a run without faults ended with {ran.code}: {ran.verdict}")
        require(
            holds=self._warehouse == expected(self._zuora.documents()),
            otherwise="after a run without faults the warehouse differs from the emulator",
        )
        return figures

    def _run(self) -> Ran:
        holds = expected(self._zuora.documents())
        ran = run(self._folder, self._config, self._state)
        emitted = _emitted(ran, holds)
        named = _named(ran)
        try:
            self._check(ran, holds, emitted, named)
        except InvariantError as broken:
            raise InvariantError(f"{broken}\nThe run ended with {ran.code}: {ran.verdict}\n{ran.log}") from None
        self._warehouse |= emitted
        states = [message["value"] for message in ran.messages if message["type"] == "STATE"]
        self._state = states[-1] if states else self._state
        self._figures.runs += 1
        self._figures.stopped += ran.verdict.startswith("Stopped: ")
        self._figures.records += len(emitted)
        self._figures.named += len(named)
        return ran

    def _check(self, ran: Ran, holds: Warehouse, emitted: Warehouse, named: dict[str, bool]) -> None:
        is_stopped = ran.verdict.startswith("Stopped: ")
        for path, keys in self._requests.items():
            arrived = {key for key in keys if key in emitted}
            require(
                holds=not (arrived and path in named), otherwise=f"{path} was named as not fetched, and yet emitted"
            )
            # Rows that did not change since they arrived need not come again, except those of the test environments.
            wanted = {key for key in keys if self._warehouse.get(key) != holds[key] or key[0] == ENVIRONMENTS}
            require(
                holds=wanted <= arrived or path in named or is_stopped,
                otherwise=f"{path} was neither emitted nor named as not fetched",
            )
        has_failed = is_stopped or any(is_failure for is_failure in named.values())
        require(holds=ran.code == int(has_failed), otherwise="the exit code is wrong")
        beginnings = {0: "Done", 1: "Stopped: " if is_stopped else "Incomplete: "}
        require(holds=ran.verdict.startswith(beginnings[ran.code]), otherwise="the last line is wrong")


def _emitted(ran: Ran, holds: Warehouse) -> Warehouse:
    """Return the records, each of which must be there once, and equal that of the emulator."""
    emitted: Warehouse = {}
    for message in ran.messages:
        if message["type"] != "RECORD":
            continue
        key = (message["stream"], message["record"]["id"])
        require(holds=key not in emitted, otherwise=f"{key} was emitted twice")
        require(holds=message["record"] == holds.get(key), otherwise=f"{key} differs from that of the emulator")
        emitted[key] = message["record"]
    return emitted


def _named(ran: Ran) -> dict[str, bool]:
    """Return the paths that the log names as not satisfied, and whether that is a failure; a 404 is a warning."""
    named = {}
    for line in ran.log.splitlines():
        if job := _MISSING_JOB.search(line):
            named[f"/test-environments/{job[2]}/jobs/{job[1]}"] = False
        elif environment := _MISSING_ENVIRONMENT.search(line):
            named[f"/test-environments/{environment[1]}/jobs"] = False
        elif failed := _FAILED.search(line):
            named[failed[1]] = True
    return named
