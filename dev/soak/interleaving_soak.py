"""The tap's threads in many orders: nothing lost, nothing twice, no wait without end, one renewal per refused token."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import requests
from typing_extensions import override

from dev.soak.invariants import InvariantError
from dev.testbed.interleaving import VirtualClock, fail, load, scheduled
from tap_zuora_testenv.zuora.answers import Response
from tap_zuora_testenv.zuora.errors import (
    Exchange,
    Fatal,
    TokenRejected,
    Transient,
    ZuoraError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dev.testbed.interleaving import Condition, Scheduler

_MODULES = (
    "tap_zuora_testenv.zuora.look_ahead",
    "tap_zuora_testenv.zuora.pace",
    "tap_zuora_testenv.zuora.auth",
    "tap_zuora_testenv.zuora.client",
    "tap_zuora_testenv.breaker",
)
_LOGGER = logging.getLogger(__name__)
_EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com")
_ATTEMPTS = 3


class Modules:
    """The tap's modules with switch points."""

    def __init__(self, changes: Mapping[str, tuple[str, str]] | None = None) -> None:
        """Load them.

        Args:
            changes: What to replace in the text of a module, by its name, and by what: to see whether a bug is found.
        """
        self.look_ahead, self.pace, self.auth, self.client, self.breaker = load(_MODULES, changes)


@cache
def unchanged() -> Modules:
    """Return the modules as they are."""
    return Modules()


@dataclass
class Figures:
    """What was tried and held.

    Attributes:
        interleavings: How many orders were tried, by scenario.
        switch_points: How many switch points they passed.
        seconds: How long it took.
    """

    interleavings: Counter[str] = field(default_factory=Counter)
    switch_points: int = 0
    seconds: float = 0.0

    @override
    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} of {name}" for name, count in self.interleavings.items())
        total = self.interleavings.total()
        return (
            f"{total:,} interleavings ({counts}), {self.switch_points:,} switch points; nothing lost or twice, no wait "
            f"without end; {self.seconds:.0f} s, {total / self.seconds:,.0f} interleavings per second"
        )


def soak(
    first_seed: int, interleavings: int, *, scenarios: tuple[str, ...] = (), modules: Modules | None = None
) -> Figures:
    """Run each scenario in many orders, one per seed.

    Args:
        first_seed: The first of the seeds.
        interleavings: How many orders of each scenario.
        scenarios: The names of the scenarios; all if there is none.
        modules: The modules, if not those of the tap as they are.

    Raises:
        InvariantError: Something happened that must not; the sentence names the seed, which repeats it.
    """
    began, figures = time.monotonic(), Figures()
    modules = modules or unchanged()
    for name in scenarios or SCENARIOS:
        for seed in range(first_seed, first_seed + interleavings):
            with scheduled(seed) as scheduler:
                try:
                    scheduler.run(partial(SCENARIOS[name], modules, scheduler))
                except Exception as error:
                    raise InvariantError(f"{name}, seed {seed}: {error}") from error
            figures.interleavings[name] += 1
            figures.switch_points += scheduler.switch_points
    figures.seconds = time.monotonic() - began
    return figures


def _require(*, holds: bool, otherwise: str) -> None:
    if not holds:
        fail(InvariantError(otherwise))


def _look_ahead(modules: Modules, scheduler: Scheduler) -> None:
    """A reader of calls of which some fail, some are fatal, and which it perhaps closes on its way."""
    chance = scheduler.random
    scheduler.refused_threads = chance.choice((0.0, 0.0, 0.3))
    count, width = chance.randrange(13), chance.randrange(1, 5)
    fates = chance.choices(("answered", "failed", "fatal"), (16, 3, chance.choice((0, 1))), k=count)
    closes_after = chance.choice((None, chance.randrange(count + 1)))
    begun: Counter[int] = Counter()
    errors = {index: Fatal(None, "end") if fate == "fatal" else ValueError() for index, fate in enumerate(fates)}
    in_flight = returned = 0

    def call(index: int) -> int:
        nonlocal in_flight
        begun[index] += 1
        in_flight += 1
        _require(holds=begun[index] == 1, otherwise=f"call {index} was started twice")
        _require(holds=in_flight <= width, otherwise=f"{in_flight} calls are in progress, not {width}")
        # One result may be on its way to the reader.
        _require(holds=index <= returned + 2 * width, otherwise=f"call {index} was started too far ahead")
        scheduler.wait(chance.choice((0.0, 0.0, 0.0, 1.0, 5.0)))
        in_flight -= 1
        if fates[index] != "answered":
            raise errors[index]
        return -index

    results = modules.look_ahead.LookAhead(call, range(count), width=width, fatal=Fatal)

    def check_rest() -> None:
        # What ends waits, and not only in time, can be seen only in there.
        waiting_for_room, waiting_for_results = results._room.limits, results._done.limits  # noqa: SLF001
        is_over = results._ended is not None or results._is_closed  # noqa: SLF001 - as above
        has_room = results._started < results._returned + 2 * width  # noqa: SLF001 - as above
        _require(holds=not (is_over or has_room) or not waiting_for_room, otherwise="a thread waits for room it has")
        _require(holds=results._ended is None or not waiting_for_results, otherwise="the reader waits after the end")  # noqa: SLF001

    scheduler.when_all_wait = check_rest
    if chance.random() < 0.5:  # noqa: PLR2004 - early in half of the runs, as the tap does
        try:
            results.start()
        except RuntimeError:
            _require(holds=not begun, otherwise="a call was started without a thread")
            return
    # The error that stands for results that never were: the first in time, not in order.
    ended: Exception | None = None
    has_ended, not_started = False, count
    while returned != closes_after:
        try:
            argument, result = next(results)
        except StopIteration:
            break
        except RuntimeError:
            _require(holds=not begun, otherwise="a call was started without a thread")
            return
        _require(holds=argument == returned, otherwise=f"result {argument} came in the place of {returned}")
        own = -argument if fates[argument] == "answered" else errors[argument]
        is_own = result is own or (isinstance(result, int) and result == own and begun[argument] == 1)
        _require(
            holds=ended is None or is_own or result is ended, otherwise=f"result {argument} is not the fatal error"
        )
        if not is_own:
            is_fatal = isinstance(result, Fatal) and result in errors.values()
            _require(holds=is_fatal, otherwise=f"result {argument} is that of another call: {result!r}")
            ended = result
        if isinstance(result, Fatal):
            not_started = min(not_started, results.not_started)
            _require(holds=results.not_started == not_started, otherwise="a call was started after a fatal error")
            has_ended = True
        returned += 1
        # A reader that writes rows meanwhile.
        scheduler.wait(chance.choice((0.0, 0.0, 3.0)))
    if not has_ended and closes_after is None:
        _require(holds=begun.total() == count, otherwise="a call was never started")
    results.close()
    not_started = results.not_started
    scheduler.wait_for_others()
    _require(holds=results.not_started == not_started, otherwise="a call was started after the end")
    _require(holds=in_flight == 0, otherwise="a call never ended")


class _WatchedPace:
    """Holds the invariants of a pace, each time that its lock is released."""

    def __init__(self, pace: Any, widest: int, scheduler: Scheduler) -> None:  # noqa: ANN401 - of a module that is loaded a second time
        self._pace, self._widest = pace, widest
        self._in_flight = 0
        # What an admission must satisfy can be seen only in there.
        self._changed: Condition = pace._changed  # noqa: SLF001
        self._changed.lock.before_release = self._check
        scheduler.when_all_wait = self._check_rest

    def _check(self) -> None:
        pace = self._pace
        in_flight, width = pace._in_flight, pace._width  # noqa: SLF001 - as above
        _require(holds=1 <= width <= self._widest, otherwise=f"the width is {width}")
        _require(holds=in_flight >= 0, otherwise="a place was given back twice")
        if in_flight > self._in_flight:
            _require(holds=in_flight <= width, otherwise=f"{in_flight} requests are in flight, not {width}")
            is_paused = pace._paused_until > VirtualClock.monotonic()  # noqa: SLF001 - as above
            _require(holds=not is_paused, otherwise="a request was started while all wait")
            _require(holds=pace._stopped_by is None, otherwise="a request was started after the end")  # noqa: SLF001
        self._in_flight = in_flight

    def _check_rest(self) -> None:
        pace, limits = self._pace, self._changed.limits
        if pace._stopped_by is not None:  # noqa: SLF001 - as above
            _require(holds=not limits, otherwise="a request waits after the end")
        elif not all(limits):
            is_full = pace._in_flight >= pace._width  # noqa: SLF001 - as above
            _require(holds=is_full, otherwise="a request waits for a place although one is free")

    def require_rest(self) -> None:
        """Require that no place is taken any more."""
        _require(holds=self._in_flight == 0, otherwise="a place was never given back")


def _pace(modules: Modules, scheduler: Scheduler) -> None:
    """Threads whose requests are asked to wait, fail and succeed, while the tap perhaps stops."""
    chance = scheduler.random
    widest, threads = chance.randrange(1, 5), chance.randrange(1, 6)
    pace = modules.pace.Pace(widest, VirtualClock(), _LOGGER)
    watched = _WatchedPace(pace, widest, scheduler)
    outcomes: Counter[str] = Counter()
    in_flight = 0
    stops: list[Fatal] = []

    def exchange() -> None:
        nonlocal in_flight
        with pace.request():
            in_flight += 1
            _require(holds=in_flight <= widest, otherwise=f"{in_flight} requests are in flight, not {widest}")
            try:
                scheduler.wait(chance.choice((0.0, 0.5, 1.0)))
                fault = chance.random()
                if fault < 0.3:  # noqa: PLR2004 - a share
                    wait = chance.choice((None, 1.0, 5.0, 30.0) if fault > 0.005 else (601.0,))  # noqa: PLR2004
                    raise Transient(_EXCHANGE, "too many requests", wait=wait, pauses_all=fault < 0.2)  # noqa: PLR2004
            finally:
                in_flight -= 1
        pace.answered()

    def request() -> None:
        back_off = pace.back_off()
        next(back_off)
        for attempt in range(_ATTEMPTS):
            try:
                exchange()
            except Transient as error:
                if attempt + 1 < _ATTEMPTS:
                    back_off.send(error)
            else:
                outcomes["answered"] += 1
                return
        outcomes["failed"] += 1

    def work() -> None:
        for _ in range(3):
            try:
                if chance.random() < 0.1:  # noqa: PLR2004 - a token is fetched now and then
                    pace.wait_out_pause()
                request()
            except Fatal as error:
                stops.append(error)
                outcomes["stopped"] += 1

    for number in range(threads):
        modules.pace.threading.Thread(target=work, name=f"request-{number}").start()
    if chance.random() < 0.3:  # noqa: PLR2004 - a share
        scheduler.wait(chance.uniform(0.0, 20.0))
        stops.append(pace.stop(Fatal(None, "the client is closed")))
    scheduler.wait_for_others()
    _require(holds=outcomes.total() == 3 * threads, otherwise=f"of {3 * threads} requests {outcomes.total()} ended")
    _require(holds=len(set(map(id, stops))) <= 1, otherwise="the end has two reasons")
    watched.require_rest()


class _Tokens:
    """Fetches numbered tokens, and holds what must be true of each fetch and of each token that is sent."""

    def __init__(self, scheduler: Scheduler, used_for: Callable[[float], float]) -> None:
        self._scheduler, self._used_for = scheduler, used_for
        self.fetched = 0
        self.latest: str | None = None
        self.revoked: set[str] = set()
        self.reported: set[str] = set()
        self.ends: dict[str, float] = {}
        self._is_fetching = False

    def begin(self) -> None:
        """Begin a fetch, which must have a reason."""
        _require(holds=not self._is_fetching, otherwise="two tokens are fetched at once")
        self._is_fetching = True
        latest = self.latest
        is_needed = latest is None or latest in self.reported or self._scheduler.now >= self.ends[latest]
        _require(holds=is_needed, otherwise=f"{latest} was renewed without a reason")

    def end(self, lifetime: float | None) -> str:
        """End a fetch with a token.

        Args:
            lifetime: The seconds that it is good for, None if it does not say so.
        """
        self._is_fetching = False
        self.fetched += 1
        self.latest = token = f"token-number-{self.fetched}"
        self.ends[token] = float("inf") if lifetime is None else self._scheduler.now + self._used_for(lifetime)
        return token

    def fail(self) -> None:
        """End a fetch without a token."""
        self._is_fetching = False


def _auth(modules: Modules, scheduler: Scheduler) -> None:
    """Threads whose tokens are refused, run out or cannot be fetched, beside a token that is fetched early."""
    chance = scheduler.random
    tokens = _Tokens(scheduler, modules.auth.used_for)
    discarded: set[str] = set()
    lifetimes = chance.choice(((None,), (3600.0,), (10.0, 700.0, None)))
    fails, refuses = chance.choice((0.0, 0.2)), chance.choice((0.0, 0.2, 0.5))

    def fetch() -> Any:  # noqa: ANN401 - a token of a module that is loaded a second time
        tokens.begin()
        scheduler.wait(chance.choice((0.0, 1.0)))
        if chance.random() < fails:
            tokens.fail()
            raise Fatal(None, "no token")
        lifetime = chance.choice(lifetimes)
        return modules.auth.Token(tokens.end(lifetime), lifetime)

    authenticator = modules.auth.Authenticator(None, fetch, VirtualClock())

    def request() -> None:
        began, gone = scheduler.now, set(discarded)
        message = requests.PreparedRequest()
        message.headers = requests.structures.CaseInsensitiveDict()
        try:
            authenticator(message)
        except Fatal:
            _require(holds=fails > 0, otherwise="a token was not had")
            return
        token = str(message.headers["Authorization"]).removeprefix("Bearer ")
        _require(holds=token not in gone, otherwise=f"{token} was sent after its refusal")
        _require(holds=tokens.ends[token] >= began, otherwise=f"{token} was sent after its end")
        scheduler.wait(chance.choice((0.0, 1.0, 5.0)))
        if chance.random() < refuses:
            tokens.revoked.add(token)
        if token in tokens.revoked:
            tokens.reported.add(token)
            authenticator.renew(message, TokenRejected(_EXCHANGE, "the token is not accepted"))
            discarded.add(token)

    def work() -> None:
        for _ in range(4):
            request()

    if chance.random() < 0.7:  # noqa: PLR2004 - a share
        modules.auth.threading.Thread(target=authenticator.prepare, name="token").start()
    for number in range(chance.randrange(1, 5)):
        modules.auth.threading.Thread(target=work, name=f"request-{number}").start()


class _Zuora:
    """A transport whose Zuora revokes tokens, asks for waits, fails and lacks jobs."""

    def __init__(self, modules: Modules, scheduler: Scheduler, width: int) -> None:
        self._scheduler, self._width = scheduler, width
        self.tokens = _Tokens(scheduler, modules.auth.used_for)
        chance = scheduler.random
        self._faults, self._refusals = chance.choice((0.0, 0.1, 0.4, 0.8)), chance.choice((0.0, 0.1, 0.3))
        self._bad_credentials = chance.choice((0.0, 0.0, 0.1))
        self._in_flight = self._openings = 0
        self.answered: Counter[str] = Counter()

    def open_early(self, count: int) -> None:
        self._openings += 1
        _require(holds=self._openings == 1, otherwise="connections were opened early twice")
        _require(holds=count <= self._width, otherwise=f"{count} connections are opened early, not {self._width}")

    def close(self) -> None:
        pass

    def send(self, request: requests.PreparedRequest, exchange: Exchange) -> Response:
        if request.method == "POST":
            return self._token(exchange)
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        is_good = not self._scheduler.is_exact or self._scheduler.now <= self.tokens.ends[token]
        _require(holds=is_good, otherwise=f"{token} was sent after its end")
        self._in_flight += 1
        _require(holds=self._in_flight <= self._width, otherwise=f"{self._in_flight} requests are in flight")
        self._scheduler.wait(self._scheduler.random.choice((0.0, 0.5, 2.0)))
        self._in_flight -= 1
        return self._job(token, exchange)

    def _job(self, token: str, exchange: Exchange) -> Response:
        chance = self._scheduler.random
        if chance.random() < self._refusals:
            self.tokens.revoked.add(token)
        if token in self.tokens.revoked:
            # From now on the client may report it.
            self.tokens.reported.add(token)
            return self._response(exchange, 401, {})
        if chance.random() < self._faults:
            status = chance.choice((429, 429, 503, 503, 403, 404))
            return self._response(exchange, status, {}, wait=chance.choice((None, 1, 7, 40)))
        job = exchange.path.rsplit("/", 1)[1]
        self.answered[job] += 1
        return self._response(exchange, 200, {"id": job})

    def _token(self, exchange: Exchange) -> Response:
        self.tokens.begin()
        self._scheduler.wait(self._scheduler.random.choice((0.0, 1.0)))
        chance = self._scheduler.random
        if chance.random() < self._bad_credentials:
            self.tokens.fail()
            return self._response(exchange, 401, {})
        if chance.random() < self._faults / 4:
            self.tokens.fail()
            return self._response(exchange, 503, {})
        lifetime = chance.choice((None, 3600, 20))
        token = self.tokens.end(lifetime)
        return self._response(exchange, 200, {"access_token": token, "expires_in": lifetime})

    @staticmethod
    def _response(exchange: Exchange, status: int, body: dict[str, Any], wait: int | None = None) -> Response:
        headers = {} if wait is None else {"retry-after": str(wait)}
        return Response(exchange, status, headers, json.dumps(body).encode(), datetime.now(UTC))


def _client(modules: Modules, scheduler: Scheduler) -> None:
    """The client, its requests started ahead and watched by the circuit breaker, as in a run of the tap."""
    chance = scheduler.random
    width, count = chance.randrange(1, 5), chance.randrange(1, 13)
    zuora = _Zuora(modules, scheduler, width)
    modules.client.Transport = lambda *_, **__: zuora
    options = modules.client.ClientOptions(
        base_url="https://rest.zuora.com",
        client_id="id",
        client_secret="secret",  # noqa: S106 - of nobody
        max_parallel_requests=width,
        max_attempts=_ATTEMPTS,
    )
    client = modules.client.ZuoraClient(options, clock=VirtualClock(), logger=_LOGGER)
    watched = _WatchedPace(client._pace, width, scheduler)  # noqa: SLF001 - as in _WatchedPace
    breaker = modules.breaker.CircuitBreaker(client.stop)

    def fetch(job: str) -> Any:  # noqa: ANN401 - a row
        with breaker.watch("e", environments=1):
            return client.job("e", job)

    jobs = [f"j{number}" for number in range(count)]
    results = modules.look_ahead.LookAhead(fetch, jobs, width=width, fatal=Fatal)
    for _ in range(chance.choice((0, 1))):
        modules.client.threading.Thread(target=client.start, args=[count], name="start").start()
    client.start(count)
    closes_after = chance.choice((None, None, chance.randrange(count)))
    ended: Fatal | None = None
    read = 0
    while read != closes_after and (following := next(results, None)) is not None:
        job, result = following
        _require(holds=job == jobs[read], otherwise=f"{job} came in the place of {jobs[read]}")
        read += 1
        if isinstance(result, Fatal):
            ended = ended or result
            _require(holds=result is ended, otherwise="the end has two reasons")
        elif isinstance(result, ZuoraError):
            _require(holds=zuora.answered[job] == 0, otherwise=f"{job} was answered and is lost")
        else:
            _require(holds=result == {"id": job}, otherwise=f"{job} is {result!r}")
            _require(holds=zuora.answered[job] == 1, otherwise=f"{job} was fetched {zuora.answered[job]} times")
    _require(holds=read == (count if closes_after is None else closes_after), otherwise="a result is lost")
    results.close()
    client.close()
    scheduler.wait_for_others()
    watched.require_rest()


SCENARIOS: dict[str, Callable[[Modules, Scheduler], None]] = {
    "look_ahead": _look_ahead,
    "pace": _pace,
    "auth": _auth,
    "client": _client,
}
"""What is run in many orders."""
