"""Ordered results of many calls, a bounded number of them in flight; knows nothing of Zuora."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class LookAhead(Iterator[tuple[Argument, Result | Exception]], Generic[Argument, Result]):
    """Calls a function for each argument in threads, and hands out the results in the order of the arguments.

    At most `width` calls are under way, and at most twice as many arguments are ahead of the reader. An exception is
    a result like any other, but for those of type `fatal`: after one of them no call is begun, and whatever is not
    done gets that exception for its result at once.
    """

    def __init__(
        self,
        call: Callable[[Argument], Result],
        arguments: Sequence[Argument],
        *,
        width: int,
        fatal: type[Exception],
    ) -> None:
        """Prepare the calls; the first of them begins when the first result is asked for.

        Args:
            call: Called from several threads at once.
            arguments: What to call it with.
            width: How many calls may be under way.
            fatal: The type of exceptions that end all.
        """
        self._call, self._arguments, self._width, self._fatal = call, arguments, width, fatal
        # One lock, two things to wait for: that a result is there, that there is room for one more.
        lock = threading.Lock()
        self._done, self._room = threading.Condition(lock), threading.Condition(lock)
        self._results: dict[int, Result | Exception] = {}
        self._begun = 0
        self._handed_out = 0
        self._threads = 0
        self._ended: Exception | None = None
        self._is_closed = False

    @override
    def __iter__(self) -> Self:
        return self

    @override
    def __next__(self) -> tuple[Argument, Result | Exception]:
        index = self._handed_out
        if index >= len(self._arguments):
            raise StopIteration
        # Not more threads than there are calls; before the lock is taken, so that the first of them is at work at once.
        while self._threads < min(self._width, len(self._arguments)):
            self._threads += 1
            # A daemon: a thread in the midst of a call must not keep a program that ends from ending.
            threading.Thread(target=self._work, name=f"look-ahead-{self._threads}", daemon=True).start()
        with self._done:
            while index not in self._results and self._ended is None:
                self._done.wait()
            result = self._results.pop(index, self._ended)
            self._handed_out += 1
            self._room.notify()
        # Never None: a call that gave None left it in the results.
        return self._arguments[index], result  # type: ignore[return-value]

    @property
    def not_begun(self) -> int:
        """How many calls have not been begun."""
        return len(self._arguments) - self._begun

    def close(self) -> None:
        """Begin no more calls."""
        with self._room:
            self._is_closed = True
            self._room.notify_all()

    def _work(self) -> None:
        while (index := self._next_index()) is not None:
            try:
                result: Result | Exception = self._call(self._arguments[index])
            except Exception as error:  # noqa: BLE001 - the reader is told of it
                result = error
            with self._done:
                self._results[index] = result
                if isinstance(result, self._fatal) and self._ended is None:
                    self._ended = result
                    self._room.notify_all()
                if index == self._handed_out or self._ended is not None:
                    self._done.notify()

    def _next_index(self) -> int | None:
        """Take the next argument when there is room for its result; None when there is nothing left to do."""
        with self._room:
            while not self._is_over() and self._begun >= self._handed_out + 2 * self._width:
                self._room.wait()
            if self._is_over():
                return None
            self._begun += 1
            return self._begun - 1

    def _is_over(self) -> bool:
        return self._is_closed or self._ended is not None or self._begun >= len(self._arguments)
