from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
import requests
from typing_extensions import override

from tap_zuora_testenv.emulator.faults import Fault, Faults
from tap_zuora_testenv.emulator.limits import Limits
from tap_zuora_testenv.emulator.refusals import Refusal
from tap_zuora_testenv.emulator.request_log import LoggedRequest, RequestLog
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.emulator.conftest import Ask


class Arrivals(RequestLog):
    """A log whose next entry a test can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.one = threading.Event()

    @override
    def arrived(self, request: LoggedRequest) -> None:
        super().arrived(request)
        self.one.set()


def test_every_answer_has_its_own_id(ask: Ask) -> None:
    paths = ["/test-environments", "/test-environments/nope", "/nowhere"]
    assert len({ask("GET", path).headers["Zuora-Request-Id"] for path in paths}) == 3


def test_a_track_id_comes_back(ask: Ask) -> None:
    headers = {"Zuora-Track-Id": "run-7"}
    assert ask("GET", "/test-environments", headers=headers).headers["Zuora-Track-Id"] == "run-7"
    assert ask("GET", "/test-environments/nope", headers=headers).headers["Zuora-Track-Id"] == "run-7"
    assert "Zuora-Track-Id" not in ask("GET", "/test-environments").headers


def test_an_entity_id_is_accepted(ask: Ask) -> None:
    assert ask("GET", "/test-environments", headers={"Zuora-Entity-Ids": "e"}).status_code == 200


def test_long_answers_are_compressed_for_clients_that_accept_it(ask: Ask, zuora: Zuora) -> None:
    long = ask("GET", "/test-environments", headers={"Accept-Encoding": "gzip"})
    assert long.headers["Content-Encoding"] == "gzip"
    assert long.json()["result"] == zuora.environments()
    plain = ask("GET", "/test-environments", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) > int(long.headers["Content-Length"])
    assert plain.json() == long.json()


def test_short_answers_are_not_compressed(ask: Ask) -> None:
    answer = ask("GET", "/test-environments/nope", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_another_method_is_refused_in_zuoras_shape(ask: Ask) -> None:
    answer = ask("DELETE", "/test-environments")
    assert answer.status_code == 405
    assert answer.json()["success"] is False


def test_beyond_the_number_in_a_minute_the_answer_is_429(ask: Ask, zuora: Zuora) -> None:
    zuora.limits = Limits(per_minute=2)
    answers = [ask("GET", "/test-environments") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[0].headers["ratelimit-limit"] == "2, 2;w=60"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert answers[2].json()["reasons"][0]["code"] % 100 == 70


def test_a_minute_later_the_limit_is_fresh() -> None:
    times = iter([0.0, 1.0, 59.5, 60.0, 60.0])
    limits = Limits(per_minute=1, ticks=lambda: next(times))
    assert limits.count(1)["ratelimit-reset"] == "59"
    with pytest.raises(Refusal, match="minute"):
        limits.count(1)
    assert limits.count(1)["ratelimit-remaining"] == "0"


def test_beyond_the_number_in_flight_the_answer_is_429(server: EmulatorServer, zuora: Zuora) -> None:
    zuora.limits = Limits(max_in_flight=2)
    zuora.faults.add(Fault(delay_seconds=0.3))
    headers = {"Authorization": f"Bearer {zuora.tokens.issue()}"}

    def get(_: int) -> requests.Response:
        return requests.get(f"{server.url}/test-environments", headers=headers, timeout=5)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(get, range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
    assert {answer.headers.get("Retry-After") for answer in answers} == {None, "1"}
    assert zuora.requests.max_in_flight == 4
    assert zuora.requests.connections == 4
    assert sorted(request.in_flight for request in zuora.requests) == [1, 2, 3, 4]
    # When another one arrives, these are no longer in flight.
    get(0)
    assert list(zuora.requests)[-1].in_flight == 1


def test_the_requests_in_flight_are_also_counted_for_each_program(server: EmulatorServer, zuora: Zuora) -> None:
    zuora.faults.add(Fault(delay_seconds=0.3))

    def get(agent: str) -> None:
        requests.get(f"{server.url}/test-environments", headers={"User-Agent": agent}, timeout=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(get, ["tap/1", "tap/1", "tap/1", "me/1"]))
    assert zuora.requests.max_in_flight == 4
    get("tap/1")
    assert zuora.requests.max_in_flight_by_user_agent == {"tap/1": 3, "me/1": 1}
    zuora.requests.clear()
    assert zuora.requests.max_in_flight_by_user_agent == {}


def test_the_log_shows_what_was_requested_and_keeps_no_credential(ask: Ask, zuora: Zuora) -> None:
    token = zuora.tokens.issue()
    ask("GET", "/test-environments?a=b", headers={"Authorization": f"Bearer {token}", "User-Agent": "me/1"})
    ask("GET", "/test-environments/nope", headers={"Authorization": "Bearer stale"})
    first, second = zuora.requests
    assert (first.method, first.path, first.query, first.status) == ("GET", "/test-environments", "a=b", 200)
    assert (first.authorization, second.authorization) == ("valid", "unknown")
    assert first.headers["user-agent"] == "me/1"
    assert first.token_fingerprint == sha256(token.encode()).hexdigest()[:12]
    assert token not in str(zuora.requests.as_json())
    assert "stale" not in str(zuora.requests.as_json())


def test_one_connection_is_counted_once(ask: Ask, zuora: Zuora) -> None:
    for _ in range(3):
        ask("GET", "/test-environments")
    assert (zuora.requests.total, zuora.requests.connections, len(zuora.requests)) == (3, 1, 3)


def test_a_fault_applies_to_as_many_requests_and_after_as_many_as_configured(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path="/test-environments", after=1, times=2, status=503, headers={"Retry-After": "7"}))
    answers = [ask("GET", "/test-environments") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert [request.status for request in zuora.requests] == [200, 503, 503, 200]


def test_a_fault_sends_the_response_that_it_describes(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path="/a", json={"success": False}))
    zuora.faults.add(Fault(path="/b", body="<html>", status=502, headers={"Content-Type": "text/html"}))
    assert (ask("GET", "/a").status_code, ask("GET", "/a").json()) == (200, {"success": False})
    answer = ask("GET", "/b")
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (502, "<html>", "text/html")


def test_the_first_matching_fault_with_uses_left_applies() -> None:
    faults = Faults()
    faults.add(Fault(path="/x/*", method="post", status=1))
    faults.add(Fault(path="/x/*/z", times=1, status=2))
    faults.add(Fault(status=3))
    assert [fault and fault.status for fault in (faults.take("GET", "/x/y/z") for _ in range(2))] == [2, 3]
    assert [fault and fault.status for fault in (faults.take("POST", "/x/y/z") for _ in range(2))] == [1, 1]
    assert [rule["matched"] for rule in faults.as_json()] == [2, 1, 1]


def test_a_fault_without_an_answer_only_delays_the_real_one(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.add(Fault(delay_seconds=0.05))
    answer = ask("GET", "/test-environments")
    assert (answer.status_code, len(answer.json()["result"])) == (200, 5)
    assert answer.elapsed.total_seconds() >= 0.05


def test_latency_delays_every_answer(ask: Ask, zuora: Zuora) -> None:
    zuora.latency_seconds = 0.05
    assert ask("GET", "/nowhere").elapsed.total_seconds() >= 0.05


def test_a_fault_cuts_the_real_answer(ask: Ask, zuora: Zuora, caplog: pytest.LogCaptureFixture) -> None:
    zuora.faults.add(Fault(path="/test-environments", times=1, cut_after_bytes=10))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("GET", "/test-environments")
    assert caplog.messages == []
    assert ask("GET", "/test-environments").status_code == 200


def test_a_fault_drips_an_answer_that_is_whole_in_the_end(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path="/a", json=[1, 2], drip_seconds=0.01))
    assert ask("GET", "/a").json() == [1, 2]


def test_faults_hold_for_tokens_too(ask: Ask, zuora: Zuora) -> None:
    zuora.faults.add(Fault(path="/oauth/token", status=500))
    assert ask("POST", "/oauth/token", data={}).status_code == 500


def test_a_token_lasts_as_long_as_its_lifetime() -> None:
    now = [0.0]
    tokens = Tokens(lifetime_seconds=60, ticks=lambda: now[0])
    header = f"bearer {tokens.issue()}"
    now[0] = 59.9
    assert tokens.state(header) == "valid"
    now[0] = 60.0
    assert tokens.state(header) == "expired"


def test_a_token_that_a_test_chooses_is_accepted(ask: Ask, zuora: Zuora) -> None:
    zuora.tokens.issue("a-token-of-mine")
    assert ask("GET", "/test-environments", headers={"Authorization": "Bearer a-token-of-mine"}).status_code == 200


def test_a_server_stops_at_once_even_while_it_answers(zuora: Zuora) -> None:
    zuora.faults.add(Fault(delay_seconds=60))
    arrived = Arrivals()
    zuora.requests = arrived
    broken = threading.Event()

    def get(url: str) -> None:
        try:
            requests.get(url, timeout=30)
        except requests.ConnectionError:
            broken.set()

    with EmulatorServer(zuora) as server:
        thread = threading.Thread(target=get, args=(server.url,))
        thread.start()
        assert arrived.one.wait(5)
    assert broken.wait(2)
    thread.join()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=1)


def test_a_taken_port_is_reported_on_entering(server: EmulatorServer, zuora: Zuora) -> None:
    with pytest.raises(OSError, match="in use"), EmulatorServer(zuora, server.port):
        pass  # pragma: no cover


def test_an_answer_is_not_held_back_by_the_network(ask: Ask) -> None:
    # The kernel is lenient with a connection's first answers.
    times = []
    for _ in range(40):
        start = time.perf_counter()
        ask("GET", "/test-environments")
        times.append(time.perf_counter() - start)
    assert sorted(times[-11:])[5] < 0.035, "Nagle's algorithm costs 40 ms per answer"


def test_a_fault_that_is_not_http_is_logged(ask: Ask, zuora: Zuora, caplog: pytest.LogCaptureFixture) -> None:
    zuora.faults.add(Fault(path="/a", status=200, headers={"x": "a\nb"}))
    with pytest.raises(requests.ConnectionError):
        ask("GET", "/a")
    assert caplog.messages == ["GET /a got no response."]


def test_only_loopback_is_served(server: EmulatorServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")


def test_many_threads_may_change_what_is_being_read(ask: Ask, zuora: Zuora, named: Callable[[str], str]) -> None:
    environment_id = named("UAT")

    def put(number: int) -> None:
        zuora.put_job(environment_id, {"id": f"job-{number}"})

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(put, number) for number in range(200)]
        statuses = {ask("GET", f"/test-environments/{environment_id}/jobs").status_code for _ in range(50)}
        assert [future.result() for future in waiting] == [None] * 200
    assert statuses == {200}
