"""A loopback server that answers as Zuora does and counts the requests, fast enough not to be what is measured.

It answers from memory through a bare asyncio protocol: a web framework would cost more than the tap it serves.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import socket
import ssl
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from typing_extensions import override

COUNTS_PATH = "/counts"

_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_TOKEN = json.dumps({"access_token": "a" * 32, "token_type": "bearer", "expires_in": 3599, "jti": "b" * 32}).encode()


@dataclass
class Counts:
    """The requests that the server received.

    Attributes:
        tokens: Requests for a token.
        lists: Requests for a list of environments or jobs.
        jobs: Requests for one job.
        refused: How many of them were answered 429.
        connections: How many connections carried them.
        most_in_flight: How many of them were in flight at once.
        first: When the first of them arrived, by the machine's monotonic clock.
    """

    tokens: int = 0
    lists: int = 0
    jobs: int = 0
    refused: int = 0
    connections: int = 0
    most_in_flight: int = 0
    first: float = 0.0

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self.tokens + self.lists + self.jobs


def environment_id(number: int) -> str:
    """Return the id of a test environment."""
    return f"8a{number:030x}"


def job_id(environment: int, number: int) -> str:
    """Return the id of a job of a test environment."""
    return f"8b{environment:010x}{number:020x}"


class Tenant:
    """The answers of one tenant, written once."""

    def __init__(self, environments: int, jobs: int) -> None:
        """Write the answers.

        Args:
            environments: How many test environments the tenant has.
            jobs: How many jobs the list of each contains; a single job is answered whatever its id.
        """
        ids = [environment_id(number) for number in range(environments)]
        self.environments = _list([_environment(each) for each in ids])
        self.jobs = {
            each: _list([_job(each, job_id(environment, number)) for number in range(jobs)])
            for environment, each in enumerate(ids)
        }

    def body(self, path: str) -> bytes:
        """Return the answer to a GET of `/test-environments` and what is below it."""
        match path.split("/")[2:]:
            case [environment, "jobs", job]:
                return json.dumps(_job(environment, job)).encode()
            case [environment, "jobs"]:
                return self.jobs[environment]
            case [environment]:
                return json.dumps(_environment(environment)).encode()
            case _:
                return self.environments


def _list(rows: list[dict[str, object]]) -> bytes:
    return json.dumps({"result": rows, "size": len(rows)}).encode()


def _times(identity: str, **after: int) -> dict[str, str]:
    # One minute per job, so that the later one of two jobs has the later times.
    start = _EPOCH + timedelta(minutes=int(identity[-8:], 16))
    return {name: f"{start + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}" for name, seconds in after.items()}


def _environment(identity: str) -> dict[str, object]:
    return {
        "id": identity,
        "tenantId": "11842",
        "tenantName": "Central Sandbox",
        "environmentType": "TEST",
        "dataCopyType": "FULL",
        "status": "ACTIVE",
        "sourceTenantId": "11841",
        "revenueTenantId": "21842",
        "revenueTenantName": "Central Sandbox, Revenue",
        "createdById": "8ad08ccf8437067601843c1e2a7b1234",
        "updatedById": "8ad08ccf8437067601843c1e2a7b1234",
        **_times(identity, createTime=0, updateTime=60, provisionTime=50, lastRefreshTime=40, nextRefreshTime=90),
        "deactivationTime": None,
    }


def _job(environment: str, identity: str) -> dict[str, object]:
    return {
        "id": identity,
        "testEnvironmentId": environment,
        "jobType": "REFRESH",
        "status": "COMPLETED",
        "progressPercentage": 100,
        "createdById": "8ad08ccf8437067601843c1e2a7b1234",
        "updatedById": "8ad08ccf8437067601843c1e2a7b1234",
        **_times(identity, createTime=0, updateTime=50, scheduledRefreshTime=5, jobStartTime=10, jobEndTime=40),
        **_times(identity, estimatedCompletionTime=45),
    }


class Connection(asyncio.Protocol):
    """One connection, with one request after another."""

    in_flight = 0

    def __init__(self, tenant: Tenant, counts: Counts, latency: float, limit: int | None) -> None:
        self._tenant, self._counts, self._latency, self._limit = tenant, counts, latency, limit
        self._received = b""
        self._is_counted = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, is_whole, body = self._received.partition(b"\r\n\r\n")
        if not is_whole:
            return
        method, path = head.split(b" ", 2)[:2]
        if method == b"POST" and len(body) < int(head.lower().split(b"content-length:")[1].split()[0]):
            return
        self._received = b""
        self._asked(path.decode())

    def _asked(self, path: str) -> None:
        counts = self._counts
        if path == COUNTS_PATH:
            self._answer(b"200 OK", json.dumps(asdict(counts)).encode())
            return
        counts.first = counts.first or time.monotonic()
        counts.connections += not self._is_counted
        self._is_counted = True
        is_job = path.count("/") == len(("test-environments", "{id}", "jobs", "{jobId}"))
        counts.tokens += path == "/oauth/token"
        counts.jobs += is_job
        counts.lists += path != "/oauth/token" and not is_job
        if self._limit is not None and Connection.in_flight >= self._limit:
            counts.refused += 1
            self._answer(b"429 Too Many Requests\r\nRetry-After: 1", b'{"message": "Rate limit exceeded"}')
            return
        Connection.in_flight += 1
        counts.most_in_flight = max(counts.most_in_flight, Connection.in_flight)
        body = _TOKEN if path == "/oauth/token" else self._tenant.body(path)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._done, body)
        else:
            self._done(body)

    def _done(self, body: bytes) -> None:
        Connection.in_flight -= 1
        self._answer(b"200 OK", body)

    def _answer(self, status: bytes, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json;charset=utf-8\r\nServer: Zuora App\r\n"
            b"Zuora-Request-Id: 0b6ecb24-9d2e-4a4d-9c8b-5f8e2f3c7d11\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )


async def serve(tenant: Tenant, latency: float, limit: int | None, tls: ssl.SSLContext | None) -> None:
    """Serve until the process is ended; the first line of the output is the port.

    Args:
        tenant: What to answer.
        latency: Seconds from a request to its answer.
        limit: How many requests may be in flight at once; further ones are answered with 429. None for no limit.
        tls: The context of its connections; None for plain http.
    """
    counts = Counts()
    # If the protocol is named, asyncio sets TCP_NODELAY on its connections; without it, an answer in two writes waits
    # 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(tenant, counts, latency, limit), sock=listening, backlog=128, ssl=tls
    )
    print(listening.getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--certificate", help="a file with a certificate and its key, for TLS")
    given = parser.parse_args()
    tls = None
    if given.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate)
    # epoll, asyncio's own choice, waits in whole milliseconds; select keeps the latency exact.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(Tenant(given.environments, given.jobs), given.latency, given.limit, tls))


if __name__ == "__main__":
    main()
