"""What is measured: each row of the table; its programs run in turns, so that noise affects all of them."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from dev.benchmarks.measured_runs import over_wire, serving
from dev.benchmarks.results import Curve, Results, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dev.benchmarks.measured_runs import Programs, Run

MEGABYTE = 1_000_000
# While CPU is measured, no program should wait long for the network.
SHORT_LATENCY = 0.005
OURS, STOCK, POOL, CURL, AIOHTTP = "this tap", "the stock way", "the bare pool", "curl --parallel", "aiohttp"
AGAIN = f"{OURS}, state given"
ROUND_TRIP = 0.08
"""Seconds on the wire. Three round trips come before the first request: the connection, TLS 1.3 and the token."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: How many times each measure is taken.
        named: How many jobs are named to measure wall time.
        stock_named: How many of them the stock way fetches, one after another; its time is scaled up in proportion.
        sizes: The numbers of jobs with which CPU is measured.
        stock_sizes: The numbers of jobs with which the CPU of the stock way is measured.
        compared: The two of the sizes whose CPU per job is compared.
        remembered: The two of the sizes whose peak memory is compared; the size of STATE is measured at the larger one.
        logged: How many jobs are named to count the lines of the log.
    """

    rounds: int
    named: int
    stock_named: int
    sizes: tuple[int, ...]
    stock_sizes: tuple[int, ...]
    compared: tuple[int, int]
    remembered: tuple[int, int]
    logged: int


FULL = Plan(
    rounds=3,
    named=1000,
    stock_named=500,
    sizes=(1000, 2000, 4000, 8000, 16000),
    stock_sizes=(1000, 2000, 4000, 8000),
    compared=(4000, 16000),
    remembered=(1000, 8000),
    logged=10_000,
)
QUICK = Plan(
    rounds=1,
    named=1000,
    stock_named=50,
    sizes=(500, 1000, 4000),
    stock_sizes=(500, 1000),
    compared=(1000, 4000),
    remembered=(1000, 4000),
    logged=2000,
)


def measure(programs: Programs, plan: Plan) -> Results:
    """Measure everything."""
    # The first run of each program reads its files into memory.
    with serving(latency=0) as server:
        for run in (programs.import_singer_sdk(), programs.tap(server, width=1, jobs=1)):
            _print_line(f"ready after {run.wall:.1f} s")
    rows = [*_listed(programs, plan), *_start(programs, plan)]
    walls, wall_rows = _named(programs, plan)
    curves, cpu_rows = _cpu(programs, plan)
    rows += [*wall_rows, *cpu_rows, *_limits(programs), *_log(programs, plan)]
    wire_walls, wire_rows = _named_over_wire(programs, plan)
    return Results(
        [*rows, *_listed_over_wire(programs, plan), *wire_rows, *_tls(programs, plan)], walls, wire_walls, curves
    )


def _listed(programs: Programs, plan: Plan) -> list[Row]:
    """20 listed environments that are discovered, as in a scheduled run."""
    environments, jobs, latency, width = 20, 50, 0.2, 8
    round_trips = 2 + math.ceil(environments / width)
    with serving(environments=environments, jobs=jobs, latency=0) as server:
        state = programs.tap(server, width=width).output.state
    ratios, first_records, extra = [], [], []
    for turn in _rounds("listed environments", plan):
        floor = _import_singer_sdk(programs) + round_trips * latency
        with serving(environments=environments, jobs=jobs, latency=latency) as server:
            run, counts = programs.tap(server, width=width, state=state), server.counts()
        ratios.append(run.wall / floor)
        first_records.append((run.output.first_record - counts.first) / latency)
        extra.append(counts.requests - environments)
        _print_line(f"  {turn}: {run.wall:.2f} s, {ratios[-1]:.2f} of the floor, first record {first_records[-1]:.2f}")
    return [
        Row(
            f"{environments} listed environments at {latency * 1000:.0f} ms, all discovered, nothing new: wall over "
            f"(`import singer_sdk` + {round_trips} round trips)",
            ratios,
            1.10,
        ),
        Row(
            "the first record of that run, in round trips from the first request on",
            first_records,
            # A fourth round trip would make it 4.
            3.5,
        ),
        Row(f"requests beyond one per environment, {environments} discovered, both streams", extra, 2, "{:.0f}"),
    ]


def _import_singer_sdk(programs: Programs) -> float:
    # A short run is easily disturbed.
    return median(programs.import_singer_sdk().wall for _ in range(3))


def _start(programs: Programs, plan: Plan) -> list[Row]:
    # The runs are short, so there are more of them.
    pairs = [(programs.version().wall, programs.import_singer_sdk().wall) for _ in range(5 * plan.rounds)]
    return [Row("`--version` over `import singer_sdk`", [ours / floor for ours, floor in pairs], 1.1)]


def _named(programs: Programs, plan: Plan) -> tuple[dict[str, float], list[Row]]:
    """Named jobs at an ordinary latency, by each program that can fetch them."""
    latency, width, jobs = 0.05, 20, plan.named
    walls: dict[str, list[float]] = defaultdict(list)
    ratios, connections, extra = [], [], []
    for turn in _rounds("named jobs", plan):
        floor = _import_singer_sdk(programs) + jobs * latency / width
        with serving(latency=latency) as server:
            ours, counts = programs.tap(server, width=width, jobs=jobs), server.counts()
            walls[POOL].append(programs.pool(server, width=width, jobs=jobs).wall)
            curl = programs.curl(server, width=width, jobs=jobs)
            walls[STOCK].append(programs.stock(server, jobs=plan.stock_named).wall * jobs / plan.stock_named)
        walls[OURS].append(ours.wall)
        if curl is not None:
            walls[CURL].append(curl.wall)
        ratios.append(ours.wall / floor)
        connections.append(counts.connections)
        extra.append(counts.requests - jobs)
        _print_line(f"  {turn}: {ratios[-1]:.2f} of the floor; {_described(walls)}")
    what = f"{jobs:,} named jobs over 10 environments, {latency * 1000:.0f} ms, {width} at a time"
    return {who: median(seconds) for who, seconds in walls.items()}, [
        Row(f"{what}: wall over (`import singer_sdk` + {jobs // width} round trips)", ratios, 1.10),
        *(Row(f"the same jobs, {who}", seconds, unit="{:.1f} s") for who, seconds in walls.items()),
        Row(f"requests beyond one per job, {jobs:,} named, both streams", extra, 2, "{:.0f}"),
        Row("connections", connections, width + 1, "{:.0f}"),
    ]


class CpuRuns(defaultdict[str, defaultdict[int, list["Run"]]]):
    """Runs by program and number of jobs, one per round; those for one job show the cost of the start."""

    def __init__(self) -> None:
        super().__init__(lambda: defaultdict(list))

    def per_job(self, who: str, jobs: int) -> list[float]:
        """Return the seconds of CPU per job, without the start."""
        pairs = zip(self[who][jobs], self[who][1], strict=True)
        return [(run.cpu - start.cpu) / (jobs - 1) for run, start in pairs]

    def growth(self, who: str, many: int, few: int) -> list[float]:
        """Return CPU per job among many over CPU per job among few."""
        return _over(self.per_job(who, many), self.per_job(who, few))

    def curve(self, who: str, sizes: Sequence[int]) -> Curve:
        """Return CPU against the number of jobs."""
        return Curve(who, {jobs: median(self.per_job(who, jobs)) * jobs for jobs in sizes})


def _cpu(programs: Programs, plan: Plan) -> tuple[list[Curve], list[Row]]:
    """CPU, and the memory and STATE of the same runs."""
    few, many = plan.compared
    runs, listed = CpuRuns(), []
    with serving(latency=SHORT_LATENCY) as server:
        for turn in _rounds("CPU", plan):
            for jobs in (1, *plan.sizes):
                ours = programs.tap(server, width=20, jobs=jobs)
                runs[OURS][jobs].append(ours)
                if jobs in {1, few, many}:
                    runs[AGAIN][jobs].append(programs.tap(server, width=20, jobs=jobs, state=ours.output.state))
                if jobs in {1, few}:
                    runs[POOL][jobs].append(programs.pool(server, width=20, jobs=jobs))
                if jobs in {1, *plan.stock_sizes}:
                    runs[STOCK][jobs].append(programs.stock(server, jobs=jobs))
                cpu = ", ".join(f"{who} {of[jobs][-1].cpu:.2f} s" for who, of in runs.items() if jobs in of)
                _print_line(f"  {turn}: {jobs:,} jobs: {cpu}")
            listed.append(_cpu_a_listed_job(programs))
    before, after = (runs[OURS][jobs] for jobs in plan.remembered)
    memory = [(large.memory - small.memory) / MEGABYTE for small, large in zip(before, after, strict=True)]
    shares = [100 * sum(run.output.states) / run.output.size for run in after]
    growth = f"CPU per job among {many:,} over CPU per job among {few:,}"
    stock_few, stock_many = plan.stock_sizes[0], plan.stock_sizes[-1]
    return [runs.curve(OURS, plan.sizes), runs.curve(STOCK, plan.stock_sizes)], [
        Row(
            "CPU per named job over that of the bare pool",
            _over(runs.per_job(OURS, few), runs.per_job(POOL, few)),
            0.90,
        ),
        Row(f"{growth}, no state", runs.growth(OURS, many, few), 1.15),
        Row(f"{growth}, state given", runs.growth(AGAIN, many, few), 1.15),
        Row(f"the same of {STOCK}, {stock_many:,} over {stock_few:,}", runs.growth(STOCK, stock_many, stock_few)),
        Row("CPU per listed job over one bare request", _over(listed, runs.per_job(POOL, few)), 0.05, "{:.3f}"),
        Row("peak memory at {1:,} named jobs less that at {0:,}".format(*plan.remembered), memory, 16, "{:.1f} MB"),
        Row(f"STATE of all that is written, {plan.remembered[1]:,} named jobs", shares, 10, "{:.1f} %"),
        Row("STATE messages of that run", [len(run.output.states) for run in after], 3, "{:.0f}"),
    ]


def _over(one: list[float], other: list[float]) -> list[float]:
    return [of_one / of_other for of_one, of_other in zip(one, other, strict=True)]


def _cpu_a_listed_job(programs: Programs) -> float:
    environments, few, many = 20, 1, 500
    cpu: dict[int, float] = {}
    for jobs in (few, many):
        with serving(environments=environments, jobs=jobs, latency=0) as server:
            cpu[jobs] = programs.tap(server, width=8).cpu
    return (cpu[many] - cpu[few]) / (environments * (many - few))


def _listed_over_wire(programs: Programs, plan: Plan) -> list[Row]:
    """20 listed environments that are discovered over TLS and a wire, also through a proxy."""
    environments, width = 20, 8
    round_trips = 4 + math.ceil(environments / width)
    walls: dict[str, list[float]] = defaultdict(list)
    ratios, proxied, extra = [], [], []
    with serving(environments=environments, jobs=50, certificate=programs.certificate) as server:
        state = programs.tap(server, width=width).output.state
        for turn in _rounds("listed environments over the wire", plan):
            start, before = _import_singer_sdk(programs), server.counts()
            with over_wire(server, ROUND_TRIP) as wired:
                ours, counts = programs.tap(wired, width=width, state=state), server.counts()
                walls[POOL].append(programs.pool(wired, width=width).wall)
                walls[AIOHTTP].append(programs.aiohttp(wired, width=width).wall)
            with over_wire(server, ROUND_TRIP, is_proxied=True) as wired:
                through_proxy = programs.tap(wired, width=width, state=state)
            walls[OURS].append(ours.wall)
            extra.append(counts.connections - before.connections)
            ratios.append(ours.wall / (start + round_trips * ROUND_TRIP))
            # CONNECT takes one more.
            proxied.append(through_proxy.wall / (start + (round_trips + 1) * ROUND_TRIP))
            _print_line(
                f"  {turn}: {ratios[-1]:.2f} of the floor, {proxied[-1]:.2f} through a proxy; {_described(walls)}"
            )
    what = (
        f"{environments} listed environments over TLS, {ROUND_TRIP * 1000:.0f} ms on the wire, discovered, nothing new"
    )
    return [
        Row(f"{what}: wall over (`import singer_sdk` + {round_trips} round trips)", ratios, 1.05),
        Row(f"the same through a proxy: wall over (`import singer_sdk` + {round_trips + 1} round trips)", proxied),
        *(
            Row(f"the same environments over the wire, {who}", seconds, unit="{:.2f} s")
            for who, seconds in walls.items()
        ),
        Row("connections of that run", extra, width, "{:.0f}"),
    ]


def _named_over_wire(programs: Programs, plan: Plan) -> tuple[dict[str, float], list[Row]]:
    """Named jobs over TLS and a wire, by each program that can fetch them."""
    jobs, width = 200, 20
    # The jobs, and the list of environments.
    round_trips = 3 + math.ceil((jobs + 1) / width)
    walls: dict[str, list[float]] = defaultdict(list)
    ratios, connections = [], []
    for turn in _rounds("named jobs over the wire", plan):
        floor = _import_singer_sdk(programs) + round_trips * ROUND_TRIP
        with serving(certificate=programs.certificate) as server, over_wire(server, ROUND_TRIP) as wired:
            ours, counts = programs.tap(wired, width=width, jobs=jobs), server.counts()
            walls[OURS].append(ours.wall)
            walls[POOL].append(programs.pool(wired, width=width, jobs=jobs).wall)
            walls[AIOHTTP].append(programs.aiohttp(wired, width=width, jobs=jobs).wall)
            curl = programs.curl(wired, width=width, jobs=jobs)
        if curl is not None:
            walls[CURL].append(curl.wall)
        ratios.append(ours.wall / floor)
        connections.append(counts.connections)
        _print_line(f"  {turn}: {ratios[-1]:.2f} of the floor; {_described(walls)}")
    what = f"{jobs} named jobs over TLS, {ROUND_TRIP * 1000:.0f} ms on the wire, {width} at a time, both streams"
    return {who: median(seconds) for who, seconds in walls.items()}, [
        Row(f"{what}: wall over (`import singer_sdk` + {round_trips} round trips)", ratios, 1.08),
        *(Row(f"the same jobs over the wire, {who}", seconds, unit="{:.2f} s") for who, seconds in walls.items()),
        Row("connections of that run", connections, width + 1, "{:.0f}"),
    ]


def _tls(programs: Programs, plan: Plan) -> list[Row]:
    """CPU over TLS, with an ordinary CA bundle."""
    width, few, many = 20, 200, plan.compared[0]
    runs, more = CpuRuns(), []
    for turn in _rounds("CPU over TLS", plan):
        with serving(latency=SHORT_LATENCY) as server:
            plain = programs.tap(server, width=width, jobs=few).cpu
        with serving(latency=SHORT_LATENCY, certificate=programs.certificate) as server:
            more.append(programs.tap(server, width=width, jobs=few).cpu - plain)
            for jobs in (1, many):
                runs[OURS][jobs].append(programs.tap(server, width=width, jobs=jobs))
                runs[POOL][jobs].append(programs.pool(server, width=width, jobs=jobs))
        _print_line(f"  {turn}: {more[-1]:+.2f} s")
    ratios = _over(runs.per_job(OURS, many), runs.per_job(POOL, many))
    return [
        Row(f"CPU of a run with {width} connections, TLS less plain http", more, 0.10, "{:+.2f} s"),
        Row("CPU per named job over TLS over that of the bare pool", ratios, 0.65),
    ]


def _described(walls: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(f"{who} {seconds[-1]:.2f} s" for who, seconds in walls.items())


def _limits(programs: Programs) -> list[Row]:
    jobs, width, limit = 120, 16, 4
    with serving(latency=0.05, limit=limit) as server:
        run, counts = programs.tap(server, width=width, jobs=jobs), server.counts()
    _print_line(f"limit: {counts.refused} refused, {run.wall:.1f} s")
    what = f"times that {jobs} jobs, {width} at a time, hit the limit of a server that lets {limit} through"
    return [Row(what, [counts.refused], 40, "{:.0f}")]


def _log(programs: Programs, plan: Plan) -> list[Row]:
    with serving(latency=0) as server:
        run = programs.tap(server, width=20, jobs=plan.logged)
    return [Row(f"lines of the log at INFO, {plan.logged:,} named jobs", [run.log.lines], 60, "{:.0f}")]


def _rounds(what: str, plan: Plan) -> range:
    _print_line(f"{what}, {plan.rounds} rounds")
    return range(1, plan.rounds + 1)


def _print_line(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
