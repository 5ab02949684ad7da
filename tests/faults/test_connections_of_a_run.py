"""Over TLS: how many connections a run opens, and what it requests at once."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.faulty_proxy import FaultyProxy
from tap_zuora_testenv.zuora import ZuoraClient
from tests.tap.running import E1, E2, ENVIRONMENTS, JOBS, Tap, environment, job, paths
from tests.unit.zuora.raw_server import server_context, write_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tap_zuora_testenv.emulator.zuora import Zuora

NAMES = [job(number)["id"] for number in range(30)]


@pytest.fixture(autouse=True)
def two_environments(zuora: Zuora) -> None:
    for identity in (E1, E2):
        zuora.put_environment(environment(identity))
        for number in range(30):
            zuora.put_job(identity, job(number, identity))


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def front(
    request: pytest.FixtureRequest, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FaultyProxy]:
    """The emulator behind TLS."""
    certificate = write_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = server_context(certificate)
    context.minimum_version = context.maximum_version = request.param
    with FaultyProxy(server.port, context) as running:
        yield running


@pytest.mark.parametrize(
    ("only", "named", "width", "connections"),
    [
        (JOBS, [{"id": E1, "job_ids": NAMES[:1]}], 8, 1),
        (JOBS, [{"id": E1, "job_ids": NAMES[:3]}], 8, 3),
        (JOBS, [{"id": E1, "job_ids": NAMES}], 8, 8),
        (JOBS, [{"id": E1, "job_ids": NAMES}], 1, 1),
        (JOBS, [E1], 8, 1),
        (JOBS, None, 8, 8),
        (None, [{"id": E1, "job_ids": NAMES[:1]}], 8, 2),
        (None, [{"id": E1, "job_ids": NAMES}, E2], 20, 20),
        (None, None, 5, 5),
        (ENVIRONMENTS, [{"id": E1, "job_ids": NAMES}], 8, 1),
        (ENVIRONMENTS, None, 8, 1),
    ],
)
def test_as_many_connections_are_opened_as_the_run_uses_at_once_and_none_twice(
    tap: Tap, front: FaultyProxy, only: str | None, named: Any, width: int, connections: int
) -> None:
    ran = tap(only=only, test_environments=named, max_parallel_requests=width, base_url=front.url)
    assert ran.code == 0, ran.verdict
    assert front.connections == connections


@pytest.mark.parametrize("width", [2, 8])
def test_the_list_of_environments_is_requested_together_with_the_first_named_jobs(
    tap: Tap, zuora: Zuora, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    listing, fetching = threading.Event(), threading.Event()
    environments, fetch = ZuoraClient.environments, ZuoraClient.job

    def list_when_a_job_is_requested(client: ZuoraClient) -> Any:
        listing.set()
        assert fetching.wait(10), "no job is requested before the list has come"
        return environments(client)

    def fetch_when_the_list_is_requested(client: ZuoraClient, *ids: str) -> Any:
        fetching.set()
        assert listing.wait(10), "the list is not requested before the jobs have come"
        return fetch(client, *ids)

    monkeypatch.setattr(ZuoraClient, "environments", list_when_a_job_is_requested)
    monkeypatch.setattr(ZuoraClient, "job", fetch_when_the_list_is_requested)
    ran = tap(test_environments=[{"id": E1, "job_ids": NAMES}, E2], max_parallel_requests=width)
    assert (ran.code, len(ran.ids()), ran.ids(ENVIRONMENTS)) == (0, 60, [E1, E2])
    # The order of the output stays: the test environments, and then the jobs as they are named.
    emitted = [message["stream"] for message in ran.messages if message["type"] == "RECORD"]
    assert emitted == [ENVIRONMENTS] * 2 + [JOBS] * 60
    assert ran.ids()[:30] == NAMES
    assert len(paths(zuora)) == 32
