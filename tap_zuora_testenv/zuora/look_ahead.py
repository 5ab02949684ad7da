"""The results of many calls in order, a bounded number of them in flight; nothing here is about Zuora."""

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
    """Calls a function for each argument in threads, and returns the results in the order of the arguments.

    At most `width` calls are in progress, fewer if there can be no more threads, and at most twice as many arguments
    are ahead of the reader. An exception is a result like any other, except one of type `fatal`: after it no call is
    started, and every result that is still missing is that exception.
    """

    def __init__(
        self,
        call: Callable[[Argument], Result],
        arguments: Sequence[Argument],
        *,
        width: int,
        fatal: type[Exception],
    ) -> None:
        """Prepare the calls; they start when the first result is requested, or by `start`.

        Args:
            call: The function, called from several threads at once.
            arguments: The arguments, one per call.
            width: How many calls may be in progress.
            fatal: The type of the exceptions that end all calls.
        """
        self._call, self._arguments, self._width, self._fatal = call, arguments, width, fatal
        # One lock, two things to wait for: a result, and room for one more.
        lock = threading.Lock()
        self._done, self._room = threading.Condition(lock), threading.Condition(lock)
        self._results: dict[int, Result | Exception] = {}
        self._started = 0
        self._returned = 0
        self._threads = 0
        self._ended: Exception | None = None
        self._is_closed = False

    @override
    def __iter__(self) -> Self:
        return self

    @override
    def __next__(self) -> tuple[Argument, Result | Exception]:
        index = self._returned
        if index >= len(self._arguments):
            raise StopIteration
        # Before the lock is taken, so that the first thread starts its call at once.
        self.start()
        with self._done:
            while index not in self._results and self._ended is None:
                self._done.wait()
            result = self._results.pop(index, self._ended)
            self._returned += 1
            self._room.notify()
        # Never None, unless a call returned None.
        return self._arguments[index], result  # type: ignore[return-value]

    def start(self) -> None:
        """Start the calls, without waiting for a result; called only by the thread that reads the results.

        Raises:
            RuntimeError: Not a single thread can be started.
        """
        # No more threads than calls.
        while self._threads < min(self._width, len(self._arguments)):
            # A daemon: a thread during a call must not keep the program from ending.
            thread = threading.Thread(target=self._work, name=f"look-ahead-{self._threads + 1}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                if self._threads == 0:
                    raise
                # A limit on threads, as in a container: fewer suffice, and reading the next result tries again.
                return
            self._threads += 1

    @property
    def upcoming(self) -> Argument | None:
        """The argument of the next result, None if there is none left."""
        return self._arguments[self._returned] if self._returned < len(self._arguments) else None

    @property
    def not_started(self) -> int:
        """How many calls have not been started."""
        return len(self._arguments) - self._started

    def close(self) -> None:
        """Start no more calls."""
        with self._room:
            self._is_closed = True
            self._room.notify_all()

    def _work(self) -> None:
        while (index := self._next_index()) is not None:
            try:
                result: Result | Exception = self._call(self._arguments[index])
            except Exception as error:  # noqa: BLE001 - the reader gets it
                result = error
            with self._done:
                self._results[index] = result
                if isinstance(result, self._fatal) and self._ended is None:
                    self._ended = result
                    self._room.notify_all()
                if index == self._returned or self._ended is not None:
                    self._done.notify()

    def _next_index(self) -> int | None:
        """Take the next argument once there is room for its result; None if there is nothing left to do."""
        with self._room:
            while not self._is_over() and self._started >= self._returned + 2 * self._width:
                self._room.wait()
            if self._is_over():
                return None
            self._started += 1
            return self._started - 1

    def _is_over(self) -> bool:
        return self._is_closed or self._ended is not None or self._started >= len(self._arguments)
