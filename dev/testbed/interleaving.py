"""Runs the tap's threads in orders that a seed chooses, one thread at a time, on a virtual clock.

Modules of the tap are loaded a second time, with a switch point before each statement of their functions and with the
locks, conditions and threads of this module. A thread hands over only at switch points and when it has to wait, so one
seed gives one order. Time passes only when no thread can go on, or where the seed makes a thread slow.
"""

from __future__ import annotations

import ast
import heapq
import importlib
import random
import sys
import threading
import traceback
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MOST_SWITCH_POINTS = 100_000
"""A run that passes more of them is an endless loop."""

START = 1000.0
"""The seconds of the virtual clock at the start of a run."""

# How likely a thread goes on at a switch point, and how likely time passes although a thread could go on. One of each
# is chosen per run: few hand-overs reveal other bugs than many.
_GOES_ON = (0.5, 0.8, 0.95)
_IS_SLOW = (0.0, 0.0, 0.0, 0.01, 0.05)


class InterleavingError(Exception):
    """A run cannot end, or a thread ended with an error."""


class _Abandoned(BaseException):
    """Ends a thread of a run that has failed; not an Exception, so that the tap's code does not catch it."""


def _held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class _Worker:
    """A thread of the machine, for one task after another: starting a thread takes longer than most runs."""

    def __init__(self) -> None:
        self.baton = _held()
        self.job: Callable[[], object] = bool
        self.thread = threading.Thread(target=self._serve, name="interleaving", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            self.baton.acquire()
            self.job()


_idle: list[_Worker] = []


class _Task:
    """One thread of a run."""

    def __init__(self, name: str, worker: _Worker | None) -> None:
        """Start ready.

        Args:
            name: The name of the thread, for a person.
            worker: The thread of the machine; None for the one that calls `Scheduler.run`.
        """
        self.name, self.worker = name, worker
        # Released to let the thread go on.
        self.baton = _held() if worker is None else worker.baton
        self.identity = threading.get_ident() if worker is None else worker.thread.ident
        self.is_waiting = False
        # Changes with each wait, so that the deadline of an earlier wait does not end it.
        self.waits = 0
        self.has_timed_out = self.has_deadline = False


class Scheduler:
    """Runs one thread at a time; the next one is chosen by the seed.

    Attributes:
        now: The seconds of the virtual clock.
        random: The random generator of a scenario, which depends only on the seed.
        is_exact: Whether time passes only when no thread can go on.
        when_all_wait: Called each time no thread can go on; for invariants of a moment of rest.
        refused_threads: The probability that the system refuses to start a thread.
        switch_points: How many switch points the run has passed.
    """

    def __init__(self, seed: int) -> None:
        """Start at the beginning of the virtual time.

        Args:
            seed: The same seed gives the same order.
        """
        self.now = START
        self.random = random.Random(seed)  # noqa: S311 - a seed
        self._chance = self.random.random
        self._goes_on, self._is_slow = self.random.choice(_GOES_ON), self.random.choice(_IS_SLOW)
        self.is_exact = not self._is_slow
        self.when_all_wait: Callable[[], None] | None = None
        self.refused_threads = 0.0
        self.switch_points = 0
        self._ready: list[_Task] = []
        self._unfinished: list[_Task] = []
        self._deadlines: list[tuple[float, int, _Task, int]] = []
        self._numbers = count()
        self._is_main_last = False
        self._failure: BaseException | None = None
        self._current = self._main = _Task("main", None)

    def run(self, main: Callable[[], object]) -> None:
        """Run a function as the first thread, until it and all threads that it starts have ended.

        Raises:
            InterleavingError: All threads wait forever.
        """
        self._ready.append(self._main)
        self._unfinished.append(self._main)
        self._end_of(self._main, main)
        if self._unfinished:
            self._main.baton.acquire()
        if self._failure is not None:
            raise self._failure

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Start a thread; it may go on before the caller does."""
        worker = _idle.pop() if _idle else _Worker()
        task = _Task(name, worker)
        worker.job = partial(self._end_of, task, work)
        self._ready.append(task)
        self._unfinished.append(task)
        self.switch()

    def switch(self) -> None:
        """Pass a switch point: perhaps another thread goes on."""
        if self._failure is not None:
            return
        self.switch_points += 1
        if self.switch_points > MOST_SWITCH_POINTS:
            self.fail(InterleavingError(f"no end after {MOST_SWITCH_POINTS:,} switch points\n{self._stacks()}"))
        if self._is_slow and self._deadlines and self._chance() < self._is_slow:
            self._let_time_pass()
        if self._chance() >= self._goes_on:
            self._hand_over()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until `wake` or for some virtual seconds; None: without a limit.

        Returns:
            Whether the wait was ended by `wake`.
        """
        if self._failure is not None:
            raise _Abandoned
        task = self._current
        task.is_waiting, task.has_timed_out, task.has_deadline = True, False, seconds is not None
        task.waits += 1
        self._ready.remove(task)
        if seconds is not None:
            heapq.heappush(self._deadlines, (self.now + seconds, next(self._numbers), task, task.waits))
        self._hand_over()
        return not task.has_timed_out

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass, as a request does; 0 is only a switch point."""
        if seconds > 0:
            self.wait(seconds)
        else:
            self.switch()

    def wait_for_others(self) -> None:
        """Wait until all threads but the first have ended; called by the first."""
        if len(self._unfinished) > 1:
            self._is_main_last = True
            self.wait()

    def wake(self, task: _Task) -> None:
        """End the wait of a thread."""
        task.is_waiting = False
        self._ready.append(task)

    @property
    def current(self) -> _Task:
        """The thread that goes on now."""
        return self._current

    @property
    def has_failed(self) -> bool:
        """Whether the run has failed: then no lock is held and no wait starts, and each thread only ends."""
        return self._failure is not None

    def _hand_over(self) -> None:
        """Let a thread that can go on do so; return when the caller goes on."""
        task, following = self._current, self._next()
        if following is not task:
            self._current = following
            following.baton.release()
            task.baton.acquire()
        if self.has_failed:
            raise _Abandoned

    def _next(self) -> _Task:
        while not self._ready and not self.has_failed:
            self._rest()
            if not self._let_time_pass():
                self._fail(InterleavingError(f"all threads wait forever\n{self._stacks()}"))
        if self.has_failed:
            return self._unfinished[0]
        return self._ready[int(self._chance() * len(self._ready))]

    def _rest(self) -> None:
        """Let the scenario check a moment in which no thread can go on."""
        if self.when_all_wait is None:
            return
        try:
            self.when_all_wait()
        except _Abandoned:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by `run`
            self._fail(error)

    def _let_time_pass(self) -> bool:
        """Advance the clock to the next deadline of a thread that still waits; return whether there is one."""
        while self._deadlines:
            moment, _, task, waits = heapq.heappop(self._deadlines)
            if task.is_waiting and task.waits == waits:
                self.now = max(self.now, moment)
                task.has_timed_out = True
                self.wake(task)
                # Threads whose waits end at the same moment can go on as well.
                if not self._deadlines or self._deadlines[0][0] > moment:
                    return True
        return bool(self._ready)

    def _end_of(self, task: _Task, work: Callable[[], object]) -> None:
        """Do the work of a thread, and hand over when it has ended."""
        try:
            if self._failure is None:
                work()
        except _Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by `run`
            self._fail(error)
        self._unfinished.remove(task)
        if task in self._ready:
            self._ready.remove(task)
        if task.worker is not None:
            _idle.append(task.worker)
        if self._is_main_last and self._unfinished == [self._main] and self._main.is_waiting:
            self.wake(self._main)
        if self._unfinished:
            self._current = self._next()
            self._current.baton.release()
        elif task is not self._main:
            self._main.baton.release()

    def fail(self, error: Exception) -> NoReturn:
        """End the run with an error."""
        self._fail(error)
        raise _Abandoned

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error

    def _stacks(self) -> str:
        """Return where each thread is, within the tap's modules."""
        frames = sys._current_frames()  # noqa: SLF001 - the documented access to another thread's stack
        lines = []
        for task in self._unfinished:
            stack = traceback.extract_stack(frames[task.identity]) if task.identity in frames else []
            lines.append(f"  {task.name}:")
            lines += [
                f"    {Path(each.filename).name}:{each.lineno} {each.line}"
                for each in stack
                if "tap_zuora_testenv" in each.filename
            ]
        return "\n".join(lines)


class Lock:
    """Like `threading.Lock`.

    Attributes:
        before_release: Called with the lock held, before it is released; for invariants of what it protects.
    """

    def __init__(self) -> None:
        self._scheduler = _scheduler()
        self._owner: _Task | None = None
        self._waiting: list[_Task] = []
        self.before_release: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Wait until no thread holds the lock, and hold it."""
        scheduler = self._scheduler
        scheduler.switch()
        while self._owner is not None and not scheduler.has_failed:
            self._waiting.append(scheduler.current)
            scheduler.wait()
        self._owner = scheduler.current

    def release(self) -> None:
        """Release the lock; any of the waiting threads may be the next to hold it."""
        scheduler = self._scheduler
        if scheduler.has_failed:
            return
        if self._owner is not scheduler.current:
            raise RuntimeError("release of a lock that the thread does not hold")
        if self.before_release is not None:
            self.before_release()
        self._owner = None
        for task in self._waiting:
            scheduler.wake(task)
        self._waiting.clear()
        scheduler.switch()

    @property
    def is_mine(self) -> bool:
        """Whether the current thread holds the lock."""
        return self._owner is self._scheduler.current


class Condition:
    """Like `threading.Condition`, whose `notify` ends the longest wait first.

    Attributes:
        lock: The lock that belongs to it.
    """

    def __init__(self, lock: Lock | None = None) -> None:
        self._scheduler = _scheduler()
        self.lock = lock or Lock()
        self._waiting: list[_Task] = []

    def __enter__(self) -> Self:
        self.lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock and wait; return, with the lock held, whether there was a notification."""
        self._check()
        task = self._scheduler.current
        self._waiting.append(task)
        # No thread can notify between the two, as in the library: the thread is registered already.
        self.lock.release()
        is_notified = task not in self._waiting or self._scheduler.wait(timeout)
        if task in self._waiting:
            self._waiting.remove(task)
        self.lock.acquire()
        return is_notified

    @property
    def limits(self) -> list[bool]:
        """Whether the wait has a limit, for each thread that waits."""
        return [task.has_deadline for task in self._waiting]

    def notify(self, n: int = 1) -> None:
        """End the waits of this many threads."""
        self._check()
        ended, self._waiting = self._waiting[:n], self._waiting[n:]
        for task in ended:
            # A thread between its release of the lock and its wait sees that it has been unregistered.
            if task.is_waiting:
                self._scheduler.wake(task)

    def notify_all(self) -> None:
        """End the waits of all threads."""
        self.notify(len(self._waiting))

    def _check(self) -> None:
        if not self.lock.is_mine and not self._scheduler.has_failed:
            raise RuntimeError("a condition is used without its lock")


class Thread:
    """Like `threading.Thread`; the scheduler's `refused_threads` is the probability of a RuntimeError."""

    def __init__(
        self,
        *,
        target: Callable[..., object],
        name: str = "thread",
        args: Sequence[Any] = (),
        daemon: bool | None = None,
    ) -> None:
        del daemon
        self._work, self._name = partial(target, *args), name

    def start(self) -> None:
        """Start the thread."""
        scheduler = _scheduler()
        if scheduler.random.random() < scheduler.refused_threads:
            raise RuntimeError("can't start new thread")
        scheduler.start(self._name, self._work)


class VirtualClock:
    """The tap's clock, in virtual time."""

    @staticmethod
    def monotonic() -> float:
        """Return the seconds of the virtual clock."""
        return _scheduler().now

    @staticmethod
    def wait(condition: Condition, seconds: float | None) -> None:
        """Wait for a condition that the caller holds, at most that many seconds; None: without a limit."""
        condition.wait(seconds)


_current: list[Scheduler] = []


def _scheduler() -> Scheduler:
    return _current[-1]


def fail(error: Exception) -> NoReturn:
    """End the current run with an error, which the tap's code cannot catch."""
    _scheduler().fail(error)


@contextmanager
def scheduled(seed: int) -> Iterator[Scheduler]:
    """Let the loaded modules use a new scheduler.

    Args:
        seed: The same seed gives the same order.
    """
    scheduler = Scheduler(seed)
    _current.append(scheduler)
    try:
        yield scheduler
    finally:
        _current.pop()


def _switch() -> None:
    _current[-1].switch()


def _call_of_switch() -> ast.Call:
    return ast.Call(ast.Name("_switch_point", ast.Load()), [], [])


class _SwitchPoints(ast.NodeTransformer):
    """Puts a switch point before each statement of each function, and into each round of a comprehension."""

    @override
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        for each in ast.walk(node):
            if isinstance(each, ast.comprehension):
                goes_on = ast.UnaryOp(ast.Not(), _call_of_switch())
                each.ifs.insert(0, ast.fix_missing_locations(ast.copy_location(goes_on, each.target)))
            for field in ("body", "orelse", "finalbody"):
                statements = getattr(each, field, None)
                if isinstance(statements, list) and not isinstance(each, ast.ClassDef):
                    setattr(each, field, [new for old in statements for new in self._before(old)])
        return node

    @staticmethod
    def _before(statement: ast.stmt) -> list[ast.stmt]:
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if is_text or isinstance(statement, ast.Nonlocal | ast.Global):
            return [statement]
        switch = ast.Expr(_call_of_switch())
        return [ast.fix_missing_locations(ast.copy_location(switch, statement)), statement]


def load(names: Sequence[str], changes: Mapping[str, tuple[str, str]] | None = None) -> list[Any]:
    """Load modules of the tap a second time, with switch points; they import each other instead of the originals.

    Args:
        names: The modules' names, each after those that it imports.
        changes: The text to replace in a module and its replacement, by module name, to see whether a bug is found.

    Returns:
        The modules, in that order.
    """
    modules: dict[str, Any] = {}
    for name in names:
        path = Path(str(importlib.import_module(name).__file__))
        text = path.read_text(encoding="utf-8")
        for old, new in [changes[name]] if changes and name in changes else []:
            if text.count(old) != 1:
                raise ValueError(f"{name} does not contain {old!r} once")
            text = text.replace(old, new)
        module = ModuleType(name)
        tree = _SwitchPoints().visit(ast.parse(text))
        first = {each: sys.modules[each] for each in modules}
        sys.modules.update(modules)
        try:
            exec(compile(tree, str(path), "exec"), vars(module))  # noqa: S102 - the tap's own code
        finally:
            sys.modules.update(first)
        vars(module).update(_switch_point=_switch, threading=_THREADING, random=_RANDOM)
        modules[name] = module
    return list(modules.values())


def _uniform(low: float, high: float) -> float:
    return _scheduler().random.uniform(low, high)


_THREADING = ModuleType("threading")
vars(_THREADING).update(Lock=Lock, Condition=Condition, Thread=Thread)
_RANDOM = ModuleType("random")
vars(_RANDOM).update(uniform=_uniform)
