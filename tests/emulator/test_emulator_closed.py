"""Requests that do not come from this machine, or that would exhaust it, are refused."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.emulator.conftest import Ask

PATHS = ["/test-environments", "/emulator/clock", "/emulator/faults", "/openapi.json", "/nowhere"]
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil"),
        *("evil@127.0.0.1", "10.0.0.1", "192.168.0.1", "localhost:x", "", "[::2]", "127.0.0.1:8765/"),
    ],
)
def test_a_foreign_host_is_refused(ask: Ask, path: str, host: str) -> None:
    answer = ask("GET", path, headers={"Host": host})
    assert answer.status_code == 403
    assert "Host" in answer.json()["reasons"][0]["message"]
    assert answer.headers["Zuora-Request-Id"] == answer.json()["requestId"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://", "x"])
def test_a_web_page_from_elsewhere_cannot_post_a_fault(ask: Ask, zuora: Zuora, origin: str) -> None:
    answer = ask("POST", "/emulator/faults", json={"status": 500}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "Origin" in answer.json()["reasons"][0]["message"]
    assert zuora.faults.as_json() == []


def test_a_form_or_a_text_cannot_be_a_fault(ask: Ask, zuora: Zuora) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": media_type}
        assert ask("POST", "/emulator/faults", data=b'{"status": 500}', headers=headers).status_code == 400
        assert ask("PUT", "/emulator/clock", data=b'{"speed": 5}', headers=headers).status_code == 400
    assert (zuora.faults.as_json(), zuora.clock.speed) == ([], 0)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:8765", "[::1]", "[::1]:8765"])
def test_each_name_of_this_machine_is_accepted(ask: Ask, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host.lower()}"}
    assert [ask("GET", path, headers=headers).status_code for path in PATHS[:2]] == [200, 200]


def test_a_stranger_leaves_no_trace(ask: Ask, zuora: Zuora) -> None:
    ask("GET", "/test-environments", headers={"Host": "evil.example"})
    assert zuora.requests.total == 0


def test_a_small_body_that_decompresses_to_gigabytes_is_refused_without_being_decompressed(
    ask: Ask, server: EmulatorServer
) -> None:
    piece = gzip.compress(b"0" * 10_000_000)
    path = f"/test-environments/{server.zuora.environments()[2]['id']}/jobs"
    tracemalloc.start()
    try:
        # A file of several members is still one gzip file.
        answer = ask("POST", path, data=piece * 90, headers=JSON | {"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 400
    assert "longer" in answer.json()["reasons"][0]["message"]
    assert peak < 10_000_000


@pytest.mark.parametrize("path", ["/oauth/token", "/emulator/faults"])
def test_a_long_body_is_refused(ask: Ask, path: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    headers = form if path == "/oauth/token" else JSON
    assert ask("POST", path, data=b" " * 1_000_001, headers=headers).status_code == 400
    # The connection is still good.
    assert ask("GET", "/test-environments").status_code == 200


def test_a_body_of_the_greatest_length_is_read(ask: Ask, zuora: Zuora) -> None:
    body = json.dumps({"path": "/a", "status": 418}).encode().ljust(1_000_000)
    assert ask("POST", "/emulator/faults", data=body, headers=JSON).status_code == 200
    assert len(zuora.faults.as_json()) == 1


def test_a_redirect_is_never_the_answer(ask: Ask) -> None:
    answer = ask("GET", "/test-environments/")
    assert (answer.status_code, answer.history) == (404, [])


def test_a_wrong_method_names_every_method_of_the_path(server: EmulatorServer, ask: Ask) -> None:
    environment = f"/test-environments/{server.zuora.environments()[0]['id']}"
    allowed = {
        "/oauth/token": "POST",
        "/test-environments": "GET, HEAD",
        environment: "GET, HEAD",
        f"{environment}/jobs": "GET, HEAD, POST",
        f"{environment}/jobs/x": "GET, HEAD",
        f"{environment}/jobs/x/actions": "POST",
        "/emulator/faults": "DELETE, GET, HEAD, POST",
        "/emulator/clock": "GET, HEAD, PUT",
    }
    for path, methods in allowed.items():
        answer = ask("PATCH", path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)
        assert answer.json()["reasons"][0]["code"] % 100 == 45


@pytest.mark.parametrize(("length", "status"), [(64, 200), (65, 400)])
def test_a_track_id_has_at_most_64_characters(ask: Ask, length: int, status: int) -> None:
    track_id = "t" * length
    answer = ask("GET", "/test-environments", headers={"Zuora-Track-Id": track_id})
    assert answer.status_code == status
    assert answer.headers.get("Zuora-Track-Id") == (track_id if status == 200 else None)


def test_a_request_through_a_forwarded_port_is_accepted(server: EmulatorServer) -> None:
    answer = requests.get(f"{server.url}/emulator/clock", headers={"Host": "localhost:9999"}, timeout=5)
    assert answer.status_code == 200
