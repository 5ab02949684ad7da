"""A set-up that lets no request through: what is blamed, and whether somebody must act (2) or not (1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import E1, Tap, environment, job, paths
from tests.unit.zuora.raw_server import DAY, WHOLE, Server, sends, server_context, write_certificate

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from tap_zuora_testenv.emulator.zuora import Zuora


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove proxies and certificates from the environment."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "verdict"),
    [
        (
            "REQUESTS_CA_BUNDLE",
            "/nowhere/ca.pem",
            "Misconfigured: REQUESTS_CA_BUNDLE names '/nowhere/ca.pem', which cannot",
        ),
        (
            "CURL_CA_BUNDLE",
            "/dev/null",
            "Misconfigured: CURL_CA_BUNDLE names '/dev/null', in which there is no certificate",
        ),
        ("HTTPS_PROXY", "ftp://proxy.example", "Misconfigured: HTTPS_PROXY or ALL_PROXY is not the URL of a proxy"),
        ("ALL_PROXY", "http://", "Misconfigured: HTTPS_PROXY or ALL_PROXY is not the URL of a proxy"),
    ],
)
def test_an_environment_that_cannot_work_is_named_and_nothing_is_sent(
    tap: Tap, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, verdict: str
) -> None:
    monkeypatch.setenv(variable, value)
    ran = tap(base_url="https://rest.zuora.example")
    assert (ran.code, ran.records()) == (2, [])
    assert ran.verdict.startswith(verdict)
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    ("behave", "code", "reason"),
    [
        (sends(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), 2, "the proxy requires a user and a password"),
        (sends(b"HTTP/1.1 403 Forbidden\r\n\r\n"), 2, "the proxy does not let it through (403)"),
        (sends(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), 1, "the proxy has not reached the host (503)"),
        (sends(b""), 1, "the connection through the proxy failed or broke"),
    ],
    ids=["407", "403", "503", "nothing"],
)
def test_a_proxy_that_lets_nothing_through_is_blamed(
    tap: Tap,
    monkeypatch: pytest.MonkeyPatch,
    behave: Callable[[Server, socket.socket], None],
    code: int,
    reason: str,
) -> None:
    with Server(behave) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:Sesame-Sesame@127.0.0.1:{proxy.port}")
        ran = tap(base_url="https://rest.zuora.example")
    assert ran.code == code
    assert ran.verdict.startswith(
        f"{('', 'Stopped', 'Misconfigured')[code]}: POST /oauth/token at rest.zuora.example got no answer: {reason}"
    )
    assert "client_id" not in ran.verdict
    assert "Sesame" not in ran.verdict + ran.log


@pytest.mark.parametrize(
    ("certified", "trusted", "end"),
    [
        (("127.0.0.1", -2, -1), "REQUESTS_CA_BUNDLE", (1, "has expired")),
        (("127.0.0.1", 1, 2), "REQUESTS_CA_BUNDLE", (1, "is not valid yet")),
        (("127.0.0.2", -1, 1), "REQUESTS_CA_BUNDLE", (2, "is for another host")),
        (("127.0.0.1", -1, 1), "NO_CA_BUNDLE", (2, "is not trusted")),
    ],
    ids=["expired", "not yet valid", "another host's", "unknown issuer"],
)
def test_a_certificate_is_blamed_for_what_is_wrong_with_it(
    tap: Tap, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certified: Any, trusted: str, end: Any
) -> None:
    code, reason = end
    host, begins, ends = certified
    certificate = write_certificate(tmp_path / "certificate.pem", host, begins=begins * DAY, ends=ends * DAY)
    monkeypatch.setenv(trusted, str(certificate))
    with Server(sends(WHOLE), server_context(certificate)) as server:
        ran = tap(base_url=server.url)
    assert (ran.code, server.requests) == (code, [])
    assert f"got no answer: the certificate of the host {reason}" in ran.verdict
    assert "client_id" not in ran.verdict


def test_a_host_that_speaks_plain_http_is_reported_as_such(tap: Tap) -> None:
    ran = tap(base_url=tap.url.replace("http:", "https:"))
    assert ran.code == 1
    assert "no TLS connection" in ran.verdict


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_no_secret_goes_to_a_proxy_on_its_way_to_a_loopback_address(
    tap: Tap, zuora: Zuora, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    with Server(sends(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        ran = tap()
    assert (ran.code, ran.ids(), proxy.connections) == (0, [job(1)["id"]], 0)
    assert paths(zuora, "POST") == ["/oauth/token"]
