"""What the tap's threads do in many orders, and the invariants of each order."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import requests

from dev.soak.invariants import InvariantError
from dev.testbed.interleaving import VirtualClock, fail, load
from tap_zuora_testenv.zuora.answers import Response
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, Refused, TokenRejected, Transient, ZuoraError

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
            changes: The text to replace in a module and its replacement, by module name, to see whether a bug is found.
        """
        self.look_ahead, self.pace, self.auth, self.client, self.breaker = load(_MODULES, changes)


@cache
def unchanged() -> Modules:
    """Return the modules as they are."""
    return Modules()


def _require(*, holds: bool, otherwise: str) -> None:
    # Not raised: the tap's code catches the exceptions of what it calls.
    if not holds:
        fail(InvariantError(otherwise))


def _look_ahead(modules: Modules, scheduler: Scheduler) -> None:
    """A reader of calls, some of which fail and some are fatal; it may close them before the end."""
    _Reader(modules, scheduler).read()
    scheduler.wait_for_others()


class _Reader:
    """Reads the results of calls, and checks the invariants of each call and each result."""

    def __init__(self, modules: Modules, scheduler: Scheduler) -> None:
        chance = scheduler.random
        scheduler.refused_threads = chance.choice((0.0, 0.0, 0.3))
        scheduler.when_all_wait = self._check_rest
        self._scheduler, self._chance = scheduler, chance
        self._count, self._width = chance.randrange(13), chance.randrange(1, 5)
        fates = chance.choices(
            (None, ValueError, partial(Fatal, None)), (16, 3, chance.choice((0, 1, 2))), k=self._count
        )
        self._errors = [None if fate is None else fate("no result") for fate in fates]
        self._calls: Counter[int] = Counter()
        self._in_flight = self._returned = 0
        # The error in place of missing results: the first in time, not in order.
        self._ended: Exception | None = None
        self._not_started: int | None = None
        self._results = modules.look_ahead.LookAhead(self._call, range(self._count), width=self._width, fatal=Fatal)
        # How far ahead the calls are, and which thread waits for what, is visible only inside.
        vars(self._results)["_room"].lock.before_release = self._check_bound

    def read(self) -> None:
        """Read all results, or some and close."""
        closes_after = self._chance.choice((None, self._chance.randrange(self._count + 1)))
        try:
            if self._chance.choice((True, False)):
                self._results.start()
            while self._returned != closes_after and (following := next(self._results, None)) is not None:
                self._check(*following)
                self._returned += 1
                # The reader writes rows meanwhile.
                self._scheduler.sleep(self._chance.choice((0.0, 0.0, 3.0)))
        except RuntimeError:
            _require(holds=not self._calls, otherwise="a call was started without a thread")
            return
        if closes_after is not None:
            self._results.close()
            self._check_no_more_are_started()
            return
        _require(holds=self._returned == self._count, otherwise="a result is lost")
        if self._not_started is None:
            _require(holds=self._calls.total() == self._count, otherwise="a call was never started")
        else:
            self._check_no_more_are_started()

    def _call(self, index: int) -> int:
        self._calls[index] += 1
        self._in_flight += 1
        _require(holds=self._calls[index] == 1, otherwise=f"call {index} was started twice")
        _require(holds=self._in_flight <= self._width, otherwise=f"{self._in_flight} calls are in progress")
        self._scheduler.sleep(self._chance.choice((0.0, 0.0, 0.0, 1.0, 5.0)))
        self._in_flight -= 1
        error = self._errors[index]
        if error is not None:
            raise error
        return -index

    def _check(self, argument: int, result: int | Exception) -> None:
        _require(holds=argument == self._returned, otherwise=f"result {argument} came in place of {self._returned}")
        if isinstance(result, Fatal):
            self._check_no_more_are_started()
        error = self._errors[argument]
        if self._calls[argument] and (result is error if error else result == -argument):
            return
        _require(holds=isinstance(result, Fatal), otherwise=f"result {argument} is that of another call: {result!r}")
        _require(holds=self._ended in {None, result}, otherwise=f"result {argument} is not the fatal error")
        self._ended = result if isinstance(result, Fatal) else None

    def _check_no_more_are_started(self) -> None:
        not_started = self._results.not_started
        is_as_before = self._not_started in {None, not_started}
        _require(holds=is_as_before, otherwise="a call was started after a fatal error or the end")
        self._not_started = not_started

    def _check_bound(self) -> None:
        inside = vars(self._results)
        ahead = inside["_started"] - inside["_returned"]
        _require(holds=ahead <= 2 * self._width, otherwise=f"{ahead} calls are ahead of the reader")

    def _check_rest(self) -> None:
        inside = vars(self._results)
        is_over = inside["_ended"] is not None or inside["_is_closed"]
        has_room = inside["_started"] < min(inside["_returned"] + 2 * self._width, self._count)
        if is_over or has_room:
            _require(holds=not inside["_room"].limits, otherwise="a thread waits for room although it may go on")
        if inside["_ended"] is not None:
            _require(holds=not inside["_done"].limits, otherwise="the reader waits after a fatal error")


class _WatchedPace:
    """Checks the invariants of a pace each time that its lock is released, and at each rest."""

    def __init__(self, pace: object, widest: int, scheduler: Scheduler) -> None:
        # The conditions of an admission are visible only inside.
        self._inside, self._widest, self._scheduler = vars(pace), widest, scheduler
        self._in_flight = 0
        self._changed: Condition = self._inside["_changed"]
        self._changed.lock.before_release = self._check
        scheduler.when_all_wait = self._check_rest

    def _check(self) -> None:
        in_flight, width, end = (self._inside[name] for name in ("_in_flight", "_width", "_stopped_by"))
        _require(holds=1 <= width <= self._widest, otherwise=f"the width is {width}")
        _require(holds=in_flight >= 0, otherwise="a place was given back twice")
        if in_flight > self._in_flight:
            _require(holds=in_flight <= width, otherwise=f"{in_flight} requests are in flight, not {width}")
            is_paused = self._inside["_paused_until"] > self._scheduler.now
            _require(holds=not is_paused, otherwise="a request was started while all wait")
            _require(holds=end is None, otherwise="a request was started after the end")
        self._in_flight = in_flight

    def _check_rest(self) -> None:
        limits = self._changed.limits
        if self._inside["_stopped_by"] is not None:
            _require(holds=not limits, otherwise="a request waits after the end")
        elif not all(limits):
            is_full = self._inside["_in_flight"] >= self._inside["_width"]
            _require(holds=is_full, otherwise="a request waits for a place although one is free")

    def require_no_place_taken(self) -> None:
        """Require that every place was given back."""
        _require(holds=self._in_flight == 0, otherwise="a place was never given back")


def _pace(modules: Modules, scheduler: Scheduler) -> None:
    """Threads whose requests are asked to wait, fail and succeed, while the tap perhaps stops."""
    chance = scheduler.random
    widest, threads = chance.randrange(1, 5), chance.randrange(1, 6)
    pace = modules.pace.Pace(widest, VirtualClock(), _LOGGER)
    watched = _WatchedPace(pace, widest, scheduler)
    requester = _Requester(pace, scheduler, widest)
    for number in range(threads):
        modules.pace.threading.Thread(target=requester.work, name=f"request-{number}").start()
    if chance.choice((True, False, False)):
        scheduler.sleep(chance.uniform(0.0, 20.0))
        requester.ends.append(pace.stop(Fatal(None, "the client is closed")))
    scheduler.wait_for_others()
    ended = requester.outcomes.total()
    _require(holds=ended == 3 * threads, otherwise=f"of {3 * threads} requests {ended} ended")
    _require(holds=len(set(map(id, requester.ends))) <= 1, otherwise="the end has two reasons")
    watched.require_no_place_taken()


class _Requester:
    """Makes requests by a pace.

    Attributes:
        outcomes: The number of requests by how they ended.
        ends: Each error that finally ended a request.
    """

    def __init__(self, pace: Any, scheduler: Scheduler, widest: int) -> None:  # noqa: ANN401 - of a second loading
        self._pace, self._scheduler, self._chance, self._widest = pace, scheduler, scheduler.random, widest
        self._in_flight = 0
        self.outcomes: Counter[str] = Counter()
        self.ends: list[Fatal] = []

    def work(self) -> None:
        """Make three requests."""
        for _ in range(3):
            try:
                if self._chance.choices((True, False), (1, 9)) == [True]:
                    # As a token is fetched.
                    self._pace.wait_out_pause()
                self.outcomes[self._request()] += 1
            except Fatal as error:
                self.ends.append(error)
                self.outcomes["stopped"] += 1

    def _request(self) -> str:
        back_off = self._pace.back_off()
        next(back_off)
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                self._exchange()
            except Transient as error:
                if attempts_left:
                    back_off.send(error)
            else:
                self._pace.answered()
                return "answered"
        return "failed"

    def _exchange(self) -> None:
        with self._pace.request():
            self._in_flight += 1
            is_allowed = self._in_flight <= self._widest
            _require(holds=is_allowed, otherwise=f"{self._in_flight} requests are in flight, not {self._widest}")
            self._scheduler.sleep(self._chance.choice((0.0, 0.5, 1.0)))
            self._in_flight -= 1
            (fault,) = self._chance.choices((None, "limit", "fault"), (7, 2, 1))
            if fault is not None:
                (wait,) = self._chance.choices((None, 1.0, 5.0, 30.0, 601.0), (20, 20, 20, 20, 1))
                raise Transient(_EXCHANGE, "another attempt may succeed", wait=wait, pauses_all=fault == "limit")


class _Tokens:
    """Fetches numbered tokens, and checks the invariants of each fetch and of each token that is sent."""

    def __init__(self, scheduler: Scheduler, used_for: Callable[[float], float]) -> None:
        self._scheduler, self._used_for = scheduler, used_for
        self.fetched = 0
        self.latest: str | None = None
        self.refused: set[str] = set()
        self.ends: dict[str, float] = {}
        self._is_fetching = False

    def begin(self) -> None:
        """Start a fetch, which must have a reason."""
        _require(holds=not self._is_fetching, otherwise="two tokens are fetched at once")
        self._is_fetching = True
        latest = self.latest
        is_needed = latest is None or latest in self.refused or self._scheduler.now >= self.ends[latest]
        _require(holds=is_needed, otherwise=f"{latest} was renewed without a reason")

    def end(self, lifetime: float | None) -> str:
        """End a fetch with a token.

        Args:
            lifetime: The seconds for which it is valid, None if unknown.
        """
        self._is_fetching = False
        self.fetched += 1
        self.latest = token = f"token-number-{self.fetched}"
        self.ends[token] = float("inf") if lifetime is None else self._scheduler.now + self._used_for(lifetime)
        return token

    def refuses(self, token: str, share: float) -> bool:
        """Return whether a token is refused; once refused, it stays so.

        Args:
            token: The token.
            share: The probability that it has been revoked by now.
        """
        if self._scheduler.random.random() < share:
            self.refused.add(token)
        return token in self.refused

    def fail(self) -> None:
        """End a fetch without a token."""
        self._is_fetching = False


def _auth(modules: Modules, scheduler: Scheduler) -> None:
    """Threads whose tokens are refused, expire or cannot be fetched, while a token is fetched early."""
    sender = _Sender(modules, scheduler)
    if scheduler.random.choice((True, True, False)):
        modules.auth.threading.Thread(target=sender.authenticator.prepare, name="token").start()
    for number in range(scheduler.random.randrange(1, 5)):
        modules.auth.threading.Thread(target=sender.work, name=f"request-{number}").start()


class _Sender:
    """Sends requests with tokens that are refused at times.

    Attributes:
        authenticator: What sets the tokens.
    """

    def __init__(self, modules: Modules, scheduler: Scheduler) -> None:
        self._scheduler, self._chance, self._token_of = scheduler, scheduler.random, modules.auth.Token
        self._lifetimes = self._chance.choice(((None,), (3600.0,), (10.0, 700.0, None)))
        self._failures, self._refusals = self._chance.choice((0.0, 0.2)), self._chance.choice((0.0, 0.2, 0.5))
        self._tokens = _Tokens(scheduler, modules.auth.used_for)
        self._discarded: set[str] = set()
        self.authenticator = modules.auth.Authenticator(None, self._fetch, VirtualClock())

    def work(self) -> None:
        """Send four requests."""
        for _ in range(4):
            self._send()

    def _fetch(self) -> object:
        self._tokens.begin()
        self._scheduler.sleep(self._chance.choice((0.0, 1.0)))
        if self._chance.random() < self._failures:
            self._tokens.fail()
            raise Fatal(None, "no token")
        lifetime = self._chance.choice(self._lifetimes)
        return self._token_of(self._tokens.end(lifetime), lifetime)

    def _send(self) -> None:
        began, discarded = self._scheduler.now, set(self._discarded)
        request = requests.PreparedRequest()
        request.headers = requests.structures.CaseInsensitiveDict()
        try:
            self.authenticator(request)
        except Fatal:
            _require(holds=self._failures > 0, otherwise="there is no token although none failed")
            return
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        _require(holds=token not in discarded, otherwise=f"{token} was sent after its refusal")
        # A thread that is slow to read the clock after the response counts from that reading on.
        is_good = not self._scheduler.is_exact or self._tokens.ends[token] >= began
        _require(holds=is_good, otherwise=f"{token} was sent after its end")
        self._scheduler.sleep(self._chance.choice((0.0, 1.0, 5.0)))
        if self._tokens.refuses(token, self._refusals):
            self.authenticator.renew(request, TokenRejected(_EXCHANGE, "the token is not accepted"))
            self._discarded.add(token)


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
        self._scheduler.sleep(self._scheduler.random.choice((0.0, 0.5, 2.0)))
        self._in_flight -= 1
        return self._job(token, exchange)

    def _job(self, token: str, exchange: Exchange) -> Response:
        chance = self._scheduler.random
        if self.tokens.refuses(token, self._refusals):
            return self._response(exchange, 401, {})
        if chance.random() < self._faults:
            status = chance.choice((429, 429, 503, 503, 403, 404))
            return self._response(exchange, status, {}, wait=chance.choice((None, 1, 7, 40)))
        job = exchange.path.rsplit("/", 1)[1]
        self.answered[job] += 1
        return self._response(exchange, 200, {"id": job})

    def _token(self, exchange: Exchange) -> Response:
        self.tokens.begin()
        self._scheduler.sleep(self._scheduler.random.choice((0.0, 1.0)))
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
    watched = _WatchedPace(vars(client)["_pace"], width, scheduler)
    breaker = modules.breaker.CircuitBreaker(client.stop)

    def fetch(job: str) -> object:
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
    watched.require_no_place_taken()


def _breaker(modules: Modules, scheduler: Scheduler) -> None:
    """Threads whose requests fail or succeed; too few are refused for the run to be misconfigured."""
    chance = scheduler.random
    refused = 0

    def stop(error: Fatal) -> Fatal:
        _require(holds=not error.misconfigured, otherwise=f"misconfigured by {refused} refused requests: {error}")
        return error

    breaker = modules.breaker.CircuitBreaker(stop)

    def request() -> None:
        nonlocal refused
        with breaker.watch("e", environments=1):
            scheduler.sleep(chance.choice((0.0, 0.0, 1.0)))
            if chance.random() < 0.1:  # noqa: PLR2004 - a share
                return
            if refused < modules.breaker.FAILURES_IN_A_ROW - 1 and chance.choice((True, False)):
                refused += 1
                raise Refused(_EXCHANGE, "refused")
            raise Transient(_EXCHANGE, "another attempt may succeed")

    def work() -> None:
        for _ in range(10):
            with suppress(ZuoraError):
                request()

    for number in range(chance.randrange(2, 5)):
        modules.breaker.threading.Thread(target=work, name=f"request-{number}").start()


SCENARIOS: dict[str, Callable[[Modules, Scheduler], None]] = {
    "look_ahead": _look_ahead,
    "pace": _pace,
    "auth": _auth,
    "client": _client,
    "breaker": _breaker,
}
"""The scenarios, by name."""
