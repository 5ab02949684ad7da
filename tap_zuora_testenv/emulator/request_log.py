"""The request log, for tests and dry runs; it contains no credentials."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The log keeps this many requests, so that a load test does not fill the memory; the counters count all.
KEPT = 100_000
HEADERS_KEPT = frozenset(
    {
        "accept",
        "accept-encoding",
        "content-encoding",
        "content-type",
        "user-agent",
        "zuora-entity-ids",
        "zuora-track-id",
    }
)


@dataclass(slots=True)
class LoggedRequest:
    """A request.

    Attributes:
        method: GET or POST.
        path: The path, decoded.
        query: The query, as received.
        headers: The headers in `HEADERS_KEPT`, by lower-case name.
        authorization: The state of its token: valid, expired, unknown or absent.
        token_fingerprint: Twelve hexadecimal digits, different for each token; None without a token.
        client_port: The client's port, one per connection.
        in_flight: The number of requests in flight on its arrival, including itself.
        status: The status of the response; None before there is one.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    authorization: str
    token_fingerprint: str | None
    client_port: int
    in_flight: int
    status: int | None = None

    @property
    def user_agent(self) -> str:
        """The program that sent it."""
        return self.headers.get("user-agent", "")


class RequestLog:
    """The requests in order of arrival, and counters; requests to the emulator's own endpoints are not included.

    Attributes:
        in_flight: The number of requests in flight now.
        max_in_flight: The highest number of requests in flight.
        max_in_flight_by_user_agent: The same of each User-Agent, so that a story's own requests are not mistaken for
            the tap's.
        total: The number of requests.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.max_in_flight = 0
        self.max_in_flight_by_user_agent: Counter[str] = Counter()
        self.total = 0
        self._in_flight_by_user_agent: Counter[str] = Counter()
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT)
        self._ports: set[int] = set()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests.copy())

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def connections(self) -> int:
        """The number of connections that carried the requests."""
        return len(self._ports)

    def arrived(self, request: LoggedRequest) -> None:
        """Record the arrival of a request."""
        self.in_flight += 1
        request.in_flight = self.in_flight
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        agent, most = request.user_agent, self.max_in_flight_by_user_agent
        self._in_flight_by_user_agent[agent] += 1
        most[agent] = max(most[agent], self._in_flight_by_user_agent[agent])
        self.total += 1
        self._ports.add(request.client_port)
        self._requests.append(request)

    def left(self, request: LoggedRequest) -> None:
        """Record the end of a request, with or without a response."""
        self.in_flight -= 1
        self._in_flight_by_user_agent[request.user_agent] -= 1

    def clear(self) -> None:
        """Remove all requests and reset the counters, except that of the requests in flight."""
        self._requests = deque(maxlen=KEPT)
        self._ports = set()
        self.total = 0
        self.max_in_flight = self.in_flight
        self.max_in_flight_by_user_agent = +self._in_flight_by_user_agent

    def as_json(self) -> dict[str, object]:
        """Return the log as `GET /emulator/requests` does."""
        return {
            "requests": [asdict(request) for request in self],
            "total": self.total,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "max_in_flight_by_user_agent": self.max_in_flight_by_user_agent,
            "connections": self.connections,
        }
