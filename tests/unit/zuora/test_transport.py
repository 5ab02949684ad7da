from __future__ import annotations

import gzip
import itertools
import shutil
import socket
import subprocess
import time
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3

from tap_zuora_testenv.zuora import connections, transport
from tap_zuora_testenv.zuora.answers import document
from tap_zuora_testenv.zuora.connections import Adapter
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, Transient, ZuoraError
from tap_zuora_testenv.zuora.transport import Transport
from tests.unit.zuora.raw_server import (
    DAY,
    JOB,
    LONG,
    OK,
    SOON,
    WHOLE,
    Server,
    ask,
    drips,
    failure,
    prepared,
    resets_after,
    resolving,
    send,
    sends,
    server_context,
    stalls_after,
    write_certificate,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

LATE = "no whole answer within request_timeout"
BROKEN = "the answer broke off or is damaged"
FAILED = "the connection failed or broke"


# A whole answer.


def test_a_whole_answer_comes_with_all_that_the_pure_modules_need() -> None:
    before = datetime.now(UTC)
    with Server(sends(WHOLE)) as server:
        response = ask(server.url)
    assert (response.status, response.body, response.headers["zuora-request-id"]) == (200, JOB, "R1")
    assert response.exchange == Exchange("GET", "/test-environments/e", f"127.0.0.1:{server.port}")
    assert before <= response.received_at <= datetime.now(UTC)


def test_a_compressed_answer_is_unpacked() -> None:
    packed = gzip.compress(JOB)
    raw = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed)
    with Server(sends(raw)) as server:
        assert ask(server.url).body == JOB


def test_an_answer_in_chunks_is_put_together() -> None:
    with Server(
        sends(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + JOB[:5] + b"\r\n6\r\n" + JOB[5:] + b"\r\n0\r\n\r\n")
    ) as server:
        assert ask(server.url).body == JOB


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Server(sends(b"HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status)) as server:
        assert ask(server.url).status == status
    assert len(server.requests) == 1


def test_requests_share_a_connection_and_each_has_its_own_time() -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        # Each response is in time, both together would not be.
        server.is_over.wait(1.2)
        connection.sendall(WHOLE)
        if server.read_request(connection):
            server.is_over.wait(1.2)
            connection.sendall(WHOLE)

    with Server(behave) as server, closing(Transport(server.url, connections=1, timeout=2.0)) as shared:
        send(shared, server.url)
        assert send(shared, server.url).body == JOB
    assert (server.connections, len(server.requests)) == (1, 2)


# A time limit that holds.


@pytest.mark.parametrize(
    "behave",
    [
        stalls_after(b""),
        stalls_after(OK),
        stalls_after(OK + b"Content-Length: 11\r\n\r\n" + JOB[:5]),
        stalls_after(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + JOB[:5] + b"\r\n"),
        drips(b"", OK + b"X: " + b"x" * 1000),
        drips(OK + b"Content-Length: 1000\r\n\r\n", b" " * 1000),
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 200),
        drips(OK + b"\r\n", b" " * 1000),
        drips(OK + b"Content-Encoding: gzip\r\nContent-Length: 2000\r\n\r\n", gzip.compress(bytes(range(256)) * 4)),
    ],
    ids=["silence", "half a head", "half a body", "half the chunks", "head", "body", "chunks", "no length", "gzip"],
)
def test_an_answer_that_is_not_whole_in_time_is_given_up(behave: Callable[[Server, socket.socket], None]) -> None:
    began = time.monotonic()
    error = failure(behave, SOON)
    assert isinstance(error, Transient)
    assert error.reason == LATE
    # The drips would take twenty seconds.
    assert time.monotonic() - began < LONG / 2


def test_silence_after_a_part_of_the_time_does_not_restart_the_timeout() -> None:
    def behave(server: Server, connection: socket.socket) -> None:
        server.is_over.wait(0.8)
        stalls_after(OK + b"Content-Length: 11\r\n\r\n" + JOB[:5])(server, connection)

    began = time.monotonic()
    assert failure(behave, 1.0).reason == LATE
    assert time.monotonic() - began < 1.6


def test_a_slow_answer_that_is_whole_in_time_is_taken() -> None:
    with Server(drips(WHOLE[:-11], JOB)) as server:
        assert ask(server.url).body == JOB


def test_a_time_that_is_used_up_between_two_reads_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(connections, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    assert failure(sends(WHOLE)).reason == LATE


def test_without_a_time_limit_an_answer_is_waited_for() -> None:
    slow = Server(drips(WHOLE[:-3], WHOLE[-3:]))
    with slow as server, closing(Adapter(server.url, proxy=None, tls=None, connections=1)) as adapter:
        assert adapter.send(prepared(server.url), timeout=None).content == JOB


# How much is read.

BIG = 3_000_000


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", BIG)


def body_of(size: int) -> bytes:
    return b'{"id": "' + b"x" * (size - 10) + b'"}'


def with_length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def compressed(body: bytes) -> bytes:
    return b"Content-Encoding: gzip\r\n" + with_length(gzip.compress(body))


def until_the_end(body: bytes) -> bytes:
    return b"\r\n" + body


FORMS = [with_length, in_chunks, compressed, until_the_end]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("small_limit")
def test_an_answer_as_large_as_may_be_is_read(form: Callable[[bytes], bytes]) -> None:
    with Server(sends(OK + form(body_of(BIG)))) as server:
        assert ask(server.url).body == body_of(BIG)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("small_limit")
def test_a_larger_answer_is_a_failure_of_only_its_request(form: Callable[[bytes], bytes]) -> None:
    # The first connection is closed, and a second one takes its place in the pool.
    larger = OK + b"Zuora-Request-Id: R1\r\n" + form(body_of(BIG + 1))
    turns = itertools.count()

    def behave(_: Server, connection: socket.socket) -> None:
        connection.sendall(WHOLE if next(turns) else larger)

    with Server(behave) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        with pytest.raises(ZuoraError, match="larger than 3 MB") as failed:
            send(shared, server.url)
        assert send(shared, server.url).body == JOB
    assert type(failed.value) is ZuoraError
    assert failed.value.exchange is not None
    assert (failed.value.exchange.status, failed.value.exchange.request_id) == (200, "R1")


def test_an_endless_answer_is_read_to_the_limit_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_BODY", 20_000_000)

    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(OK + b"\r\n")
        while not server.is_over.is_set():
            connection.sendall(b" " * 1_000_000)

    began = time.monotonic()
    assert "larger than 20 MB" in str(failure(behave, status=200))
    assert time.monotonic() - began < LONG / 2


def test_a_small_answer_that_unpacks_to_gigabytes_costs_no_gigabytes() -> None:
    bomb = gzip.compress(bytes(300_000_000), compresslevel=9)
    assert len(bomb) < 400_000
    tracemalloc.start()
    error = failure(sends(OK + b"Content-Encoding: gzip\r\n" + with_length(bomb)), 60, status=200)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "larger than 256 MB" in str(error)
    assert peak < 300_000_000


def test_time_that_is_used_up_between_two_pieces_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    with Server(sends(WHOLE)) as server, pytest.raises(Transient, match=LATE):
        ask(server.url)


# What breaks on the way.


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (sends(b""), FAILED),
        (sends(b"garbage\r\n\r\n"), FAILED),
        (resets_after(b""), FAILED),
        (resets_after(OK + b"Content-Length: 11\r\n\r\n" + JOB[:5]), BROKEN),
        (sends(OK + b"Content-Length: 11\r\n\r\n" + JOB[:5]), BROKEN),
        (sends(OK + b"Content-Length: 12\r\n\r\n" + JOB), BROKEN),
        (sends(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + JOB[:5]), BROKEN),
        (sends(OK + b"Transfer-Encoding: chunked\r\n\r\nz\r\n" + JOB), BROKEN),
        (sends(OK + b"Content-Encoding: gzip\r\nContent-Length: 11\r\n\r\n" + JOB), BROKEN),
    ],
    ids=[
        "nothing",
        "garbage",
        "reset at once",
        "reset in the body",
        "truncated",
        "wrong length",
        "chunks without an end",
        "bad chunk",
        "bad gzip",
    ],
)
def test_an_answer_that_breaks_on_the_way_is_worth_another_attempt(
    behave: Callable[[Server, socket.socket], None], reason: str
) -> None:
    error = failure(behave)
    assert isinstance(error, Transient)
    assert error.reason.startswith(reason)
    assert error.wait is None
    assert not error.pauses_all


@pytest.mark.parametrize(
    "raw",
    [
        OK,
        OK + b"\r\n" + JOB[:5],
        OK + b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + gzip.compress(JOB)[:15],
    ],
    ids=["half a head", "half a body of unknown length", "half a gzip"],
)
def test_half_an_answer_that_looks_whole_on_the_way_is_detected_when_it_is_read(raw: bytes) -> None:
    with Server(sends(raw)) as server:
        response = ask(server.url)
    with pytest.raises(Transient, match="not JSON"):
        document(response)


def test_a_port_where_nobody_listens_is_worth_another_attempt() -> None:
    with Server(sends(WHOLE)) as server:
        pass
    with pytest.raises(Transient, match=FAILED):
        ask(server.url)


def test_a_name_that_is_not_found_is_reported_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Transient, match="the name of the host is not found; check base_url"):
        ask("https://rest.zuora.example")


# What the environment configures.


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert ask("http://zuora.example").body == JOB
    assert proxy.requests[0].startswith(b"GET http://zuora.example/test-environments/e?x=1 HTTP/1.1\r\n")


def test_a_host_that_needs_no_proxy_is_requested_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("127.0.0.1"))
    with Server(sends(WHOLE)) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
        monkeypatch.setenv("NO_PROXY", "zuora.example")
        assert ask(f"http://zuora.example:{server.port}").body == JOB


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_a_loopback_address_is_never_requested_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("127.0.0.1"))
    with Server(sends(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy, Server(sends(WHOLE)) as server:
        monkeypatch.setenv(variable, proxy.url)
        assert ask(f"http://{host}:{server.port}", Authorization="Bearer t0ken").body == JOB
    assert proxy.requests == []


@pytest.mark.parametrize("host", ["127.1.2.3", "[::1]"])
def test_no_other_loopback_address_is_requested_through_a_proxy_either(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with Server(sends(WHOLE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Transient, match=FAILED):
            ask(f"http://{host}:1")
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("ftp://127.0.0.1:1", "is not the URL of a proxy"),
        ("http://:3128", "is not the URL of a proxy"),
        ("http://", "is not the URL of a proxy"),
        ("http://me:Sesame@[half", "is not the URL of a proxy"),
        ("http://me:Sesame@127.0.0.1:port", "is not the URL of a proxy"),
    ],
)
def test_an_impossible_proxy_is_a_misconfiguration(monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(Fatal, match=reason) as refused:
        ask("https://zuora.example")
    assert (refused.value.misconfigured, refused.value.exchange) == (True, None)
    assert "Sesame" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
def test_a_socks_proxy_without_its_package_is_a_misconfiguration(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    def missing(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    # What requests does when it was imported without PySocks.
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing)
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:1")
    with pytest.raises(Fatal, match="PySocks") as refused:
        ask("https://zuora.example")
    assert refused.value.misconfigured


def test_the_environment_is_read_once_per_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with closing(Transport("http://zuora.example", connections=1, timeout=LONG)) as shared:
            monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
            assert send(shared, "http://zuora.example").body == JOB


def test_the_time_limit_holds_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(drips(OK + b"Content-Length: 1000\r\n\r\n", b" " * 1000)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Transient, match=LATE):
            ask("http://zuora.example", SOON)


@pytest.mark.parametrize(
    ("behave", "timeout", "kind", "reason"),
    [
        (sends(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), LONG, Fatal, "requires a user and a password"),
        (sends(b"HTTP/1.1 403 Forbidden\r\n\r\n"), LONG, Fatal, r"does not let it through \(403\)"),
        (sends(b"HTTP/1.1 405 Not Allowed\r\n\r\n"), LONG, Fatal, r"does not let it through \(405\)"),
        (sends(b"HTTP/1.1 302 Sign in\r\n\r\n"), LONG, Fatal, r"does not let it through \(302\)"),
        (sends(b"HTTP/1.1 429 Too Many\r\n\r\n"), LONG, Transient, r"has not reached the host \(429\)"),
        (sends(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), LONG, Transient, r"has not reached the host \(502\)"),
        (sends(b"220 mail.example ESMTP\r\n"), LONG, Transient, "the connection through the proxy failed or broke"),
        (sends(b""), LONG, Transient, "the connection through the proxy failed or broke"),
        (drips(b"", OK + b"x" * 1000), SOON, Transient, LATE),
    ],
    ids=["407", "403", "405", "302", "429", "502", "no HTTP", "nothing", "drips"],
)
def test_a_proxy_that_lets_nothing_through_is_reported_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
    behave: Callable[[Server, socket.socket], None],
    timeout: float,
    kind: type[ZuoraError],
    reason: str,
) -> None:
    with Server(behave) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:Sesame@127.0.0.1:{proxy.port}")
        with pytest.raises(kind, match=reason) as refused:
            ask("https://zuora.example", timeout)
    assert proxy.requests[0].startswith(b"CONNECT zuora.example:443 ")
    assert type(refused.value) is kind
    assert getattr(refused.value, "misconfigured", False) is (kind is Fatal)
    assert "Sesame" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_proxy_that_is_not_there_is_worth_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as proxy:
        pass
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(Transient, match="no connection through the proxy"):
        ask("https://zuora.example")


def test_a_proxy_that_speaks_plain_http_where_https_is_named_is_a_misconfiguration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Server(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        with pytest.raises(Fatal, match="the proxy speaks plain http") as refused:
            ask("https://zuora.example")
    assert refused.value.misconfigured


def test_a_netrc_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", "utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth("http://127.0.0.1/") == ("somebody", "else")
    with Server(sends(WHOLE)) as server:
        ask(server.url, Authorization="Bearer t0ken")
    assert b"\r\nAuthorization: Bearer t0ken\r\n" in server.requests[0]


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return server_context(certificate)


def test_an_untrusted_certificate_ends_the_run(tls: ssl.SSLContext) -> None:
    with Server(sends(WHOLE), tls) as server, pytest.raises(Fatal, match="REQUESTS_CA_BUNDLE") as refused:
        ask(server.url)
    assert (type(refused.value), refused.value.misconfigured) == (Fatal, True)
    assert refused.value.reason.startswith("the certificate of the host is not trusted (self-signed certificate)")
    assert server.requests == []


@pytest.mark.parametrize(
    ("host", "days", "reason"),
    [
        ("127.0.0.1", (-2, -1), "has expired; check the clock"),
        ("127.0.0.1", (1, 2), "is not valid yet; check the clock"),
        ("127.0.0.2", (-1, 1), "is for another host; check base_url"),
        ("zuora.example", (-1, 1), "is for another host; check base_url"),
    ],
    ids=["expired", "not yet valid", "another address", "another name"],
)
def test_a_certificate_is_blamed_for_what_is_wrong_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, days: tuple[int, int], reason: str
) -> None:
    begins, ends = (day * DAY for day in days)
    certificate = write_certificate(tmp_path / "c.pem", host, begins=begins, ends=ends)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Server(sends(WHOLE), server_context(certificate)) as server, pytest.raises(Fatal) as refused:
        ask(server.url)
    assert refused.value.reason.startswith(f"the certificate of the host {reason}")
    # A certificate that is out of date is the fault of its owner or of the clock, not of the configuration.
    assert refused.value.misconfigured is ("another host" in reason)
    assert "REQUESTS_CA_BUNDLE" not in str(refused.value)
    assert server.requests == []


def test_a_certificate_of_a_proxy_is_blamed_on_the_proxy(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext) -> None:
    with Server(sends(WHOLE), tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(Fatal, match="the certificate of the proxy is not trusted") as refused:
            ask("https://zuora.example")
    assert refused.value.misconfigured


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, "which cannot be read: No such file or directory"),
        (lambda path: path.write_bytes(b""), "in which there is no certificate"),
        (
            lambda path: path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "no certificate",
        ),
        (lambda path: path.write_bytes(b"\x00\xff" * 100), "in which there is no certificate"),
        (lambda path: path.mkdir(), "in which there is no certificate; a folder needs the links"),
    ],
    ids=["nothing there", "empty", "key", "garbage", "empty folder"],
)
def test_a_bundle_without_a_certificate_is_a_misconfiguration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, make: Callable[[Path], object], reason: str
) -> None:
    bundle = tmp_path / "bundle.pem"
    make(bundle)
    monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(Fatal, match=reason) as refused:
        ask("https://zuora.example")
    assert (refused.value.misconfigured, refused.value.exchange) == (True, None)
    assert refused.value.reason.startswith(f"{variable} names '{bundle}', ")


def test_a_bundle_is_not_read_for_plain_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    with Server(sends(WHOLE)) as server:
        assert ask(server.url).body == JOB


def test_the_bundle_for_requests_takes_precedence_over_that_for_curl(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: ssl.SSLContext, certificate: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "none"))
    with Server(sends(WHOLE), tls) as server:
        assert ask(server.url).body == JOB


def test_the_bundle_of_the_system_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, certificate: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Server(sends(WHOLE), tls) as server, pytest.raises(Fatal, match="not trusted"):
        ask(server.url)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl makes the folder")
def test_a_folder_of_certificates_is_a_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: ssl.SSLContext, certificate: Path
) -> None:
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    shutil.copy(certificate, tmp_path / f"{name}.0")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with Server(sends(WHOLE), tls) as server:
        assert ask(server.url).body == JOB


def test_the_bundle_is_read_once_per_transport(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: ssl.SSLContext, certificate: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    shutil.copy(certificate, bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Server(sends(WHOLE), tls) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        bundle.unlink()
        for _ in range(3):
            assert send(shared, server.url).body == JOB
    assert server.connections == 3


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_bundle_of_certificates_is_used(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, certificate: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    with Server(sends(WHOLE), tls) as server:
        assert ask(server.url).body == JOB


def test_the_time_limit_holds_over_tls(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, certificate: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    began = time.monotonic()
    dripping = drips(OK + b"Content-Length: 1000\r\n\r\n", b" " * 1000)
    with Server(dripping, tls) as server, pytest.raises(Transient, match=LATE):
        ask(server.url, 1.0)
    assert time.monotonic() - began < LONG / 2


def test_a_host_that_does_not_speak_tls_is_reported_as_such() -> None:
    with Server(sends(WHOLE)) as server, pytest.raises(Transient, match=r"no TLS connection \(.*\); check the port"):
        ask(server.url.replace("http:", "https:"))


def test_a_connection_that_ends_within_the_handshake_broke() -> None:
    with Server(sends(b"")) as server, pytest.raises(Transient, match=FAILED):
        ask(server.url.replace("http:", "https:"))


# What else can go wrong.


@pytest.mark.parametrize(
    ("cause", "meaning", "reason"),
    [
        (requests.exceptions.SSLError("Sesame"), Transient, "connection failed"),
        (urllib3.exceptions.LocationParseError("Sesame"), ZuoraError, "could not be sent (LocationParseError)"),
        (requests.exceptions.ConnectTimeout("Sesame"), Transient, "no connection within"),
        (requests.exceptions.ReadTimeout("Sesame"), Transient, "no whole answer"),
        (requests.exceptions.ProxyError("Sesame"), Transient, "the proxy"),
        (requests.exceptions.ConnectionError("Sesame: Read timed out."), Transient, "no whole answer"),
        (requests.exceptions.ConnectionError("NameResolutionError Sesame"), Transient, "is not found"),
        (requests.exceptions.ConnectionError("Sesame"), Transient, "connection failed"),
        (requests.exceptions.ChunkedEncodingError("Sesame"), Transient, "broke off"),
        (requests.exceptions.ContentDecodingError("Sesame"), Transient, "broke off"),
        (requests.exceptions.InvalidURL("Sesame"), ZuoraError, "could not be sent (InvalidURL)"),
        (requests.exceptions.InvalidProxyURL("Sesame"), ZuoraError, "could not be sent (InvalidProxyURL)"),
        (requests.exceptions.InvalidHeader("Sesame"), ZuoraError, "could not be sent (InvalidHeader)"),
        (requests.exceptions.RequestException("Sesame"), ZuoraError, "could not be sent (RequestException)"),
    ],
    ids=repr,
)
def test_a_failure_is_described_only_in_our_words(cause: Exception, meaning: type[ZuoraError], reason: str) -> None:
    error = transport.broken(Exchange("GET", "/p", "rest.zuora.com"), cause)
    assert type(error) is meaning
    assert reason in str(error)
    assert "got no answer" in str(error)
    assert "Sesame" not in str(error)
