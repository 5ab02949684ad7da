"""What the emulator was asked, for tests and rehearsals to look at; no credential is kept in it."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Old requests are forgotten beyond these, so that a load test does not fill the memory; the counters go on.
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
    """One request.

    Attributes:
        method: GET or POST.
        path: The path, decoded.
        query: The query, as it came.
        headers: The headers that matter, by lower-case name.
        authorization: What its Authorization header was worth: valid, expired, unknown or absent.
        token_fingerprint: Twelve hexadecimal digits that tell tokens apart; None without a token.
        client_port: The port it came from: one a connection.
        in_flight: How many requests were in flight when it came, itself included.
        status: The status of the answer; None until it is sent.
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


class RequestLog:
    """The requests in order of arrival, and a few counters; the control endpoints' own are not among them.

    Attributes:
        in_flight: How many requests are being answered now.
        max_in_flight: The most there were at the same time.
        total: How many there were.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self.max_in_flight = 0
        self.total = 0
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT)
        self._ports: set[int] = set()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests.copy())

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def connections(self) -> int:
        """How many connections the requests came by."""
        return len(self._ports)

    def arrived(self, request: LoggedRequest) -> None:
        """Note a request that came in."""
        self.in_flight += 1
        request.in_flight = self.in_flight
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.total += 1
        self._ports.add(request.client_port)
        self._requests.append(request)

    def left(self) -> None:
        """Note that a request was answered, or given up."""
        self.in_flight -= 1

    def clear(self) -> None:
        """Forget all requests and counters; those in flight are still counted as such."""
        self._requests = deque(maxlen=KEPT)
        self._ports = set()
        self.total = 0
        self.max_in_flight = self.in_flight

    def as_json(self) -> dict[str, object]:
        """Give all of it as `GET /emulator/requests` answers it."""
        return {
            "requests": [asdict(request) for request in self],
            "total": self.total,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": self.connections,
        }
