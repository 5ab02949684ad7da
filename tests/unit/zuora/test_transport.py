from __future__ import annotations

import gzip
import ipaddress
import itertools
import socket
import ssl
import struct
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Self

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tap_zuora_testenv.zuora import transport
from tap_zuora_testenv.zuora.answers import document
from tap_zuora_testenv.zuora.errors import Exchange, Fatal, Transient, ZuoraError
from tap_zuora_testenv.zuora.transport import DeadlineAdapter, Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_zuora_testenv.zuora.answers import Response

SOON, LONG = 0.2, 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
JOB = b'{"id": "j"}'
WHOLE = OK + b"Zuora-Request-Id: R1\r\nContent-Length: 11\r\n\r\n" + JOB
LATE = "no whole answer within request_timeout"
BROKEN = "the answer broke off or is damaged"
FAILED = "the connection failed or broke"


class Server:
    """A server of raw bytes on loopback: what it does with a connection, once a request has come, a test says."""

    def __init__(self, behave: Callable[[Server, socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._behave, self._tls = behave, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests: list[bytes] = []
        self.connections = 0
        self.is_over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        # Closing alone would not wake who waits for a connection.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        for thread in self._threads:
            thread.join(LONG)
            assert not thread.is_alive()
        self._listening.close()

    def read_request(self, connection: socket.socket) -> bool:
        """Take in a request without a body; return whether one came."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            taken = connection.recv(65536)
            if not taken:
                return False
            head += taken
            if not head.isascii():
                # Who speaks TLS is answered all the same.
                return True
        self.requests.append(head)
        return True

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self.is_over.is_set():
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(LONG)
        with suppress(OSError), connection:
            talking = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with talking:
                if self.read_request(talking):
                    self._behave(self, talking)


def sends(raw: bytes) -> Callable[[Server, socket.socket], None]:
    """Send that, and close the connection."""
    return lambda _, connection: connection.sendall(raw)


def stalls_after(raw: bytes) -> Callable[[Server, socket.socket], None]:
    """Send that, and then nothing."""

    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        server.is_over.wait(LONG)

    return behave


def drips(raw: bytes, then: bytes) -> Callable[[Server, socket.socket], None]:
    """Send that, and then a byte now and then, each well within the timeout."""

    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        for byte in then:
            if server.is_over.wait(SOON / 10):
                return
            connection.sendall(bytes([byte]))

    return behave


def resets_after(raw: bytes) -> Callable[[Server, socket.socket], None]:
    """Send that, and break the connection."""

    def behave(_: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the environment say nothing of proxies and certificates."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


def prepared(url: str, **headers: str) -> requests.PreparedRequest:
    return requests.Request("GET", f"{url}/test-environments/e?x=1", headers=headers).prepare()


def exchange(url: str) -> Exchange:
    return Exchange("GET", "/test-environments/e", url.partition("://")[2])


def send(shared: Transport, url: str, **headers: str) -> Response:
    return shared.send(prepared(url, **headers), exchange(url))


def ask(url: str, timeout: float = LONG, **headers: str) -> Response:
    """Send one request, through a transport of its own."""
    with closing(Transport(url, connections=2, timeout=timeout)) as shared:
        return send(shared, url, **headers)


def failure(behave: Callable[[Server, socket.socket], None], timeout: float = LONG) -> ZuoraError:
    with Server(behave) as server, pytest.raises(ZuoraError) as caught:
        ask(server.url, timeout)
    assert caught.value.exchange == Exchange("GET", "/test-environments/e", f"127.0.0.1:{server.port}")
    return caught.value


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
        # Each response alone is in time, both together would not be.
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
    # The drips alone would take twenty seconds.
    assert time.monotonic() - began < LONG / 2


def test_silence_after_a_part_of_the_time_does_not_begin_it_anew() -> None:
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
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: next(hours)))
    assert failure(sends(WHOLE)).reason == LATE


def test_without_a_time_limit_an_answer_is_waited_for() -> None:
    with Server(drips(WHOLE[:-3], WHOLE[-3:])) as server, closing(DeadlineAdapter()) as adapter:
        assert adapter.send(prepared(server.url), timeout=None).content == JOB


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
def test_half_an_answer_that_looks_whole_on_the_way_is_found_out_when_it_is_read(raw: bytes) -> None:
    with Server(sends(raw)) as server:
        response = ask(server.url)
    with pytest.raises(Transient, match="not JSON"):
        document(response)


def test_a_port_where_nobody_listens_is_worth_another_attempt() -> None:
    with Server(sends(WHOLE)) as server:
        pass
    with pytest.raises(Transient, match=FAILED):
        ask(server.url)


def test_a_name_that_is_not_found_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Transient, match="the name of the host is not found; check base_url"):
        ask("https://rest.zuora.example")


# What the environment says.


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert ask("http://zuora.example").body == JOB
    assert proxy.requests[0].startswith(b"GET http://zuora.example/test-environments/e?x=1 HTTP/1.1\r\n")


def test_a_host_that_needs_no_proxy_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert ask(server.url).body == JOB


def test_the_environment_is_read_once_per_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(sends(WHOLE)) as server, closing(Transport(server.url, connections=1, timeout=LONG)) as shared:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
        assert send(shared, server.url).body == JOB


def test_the_time_limit_holds_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(drips(OK + b"Content-Length: 1000\r\n\r\n", b" " * 1000)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Transient, match=LATE):
            ask("http://zuora.example", SOON)


@pytest.mark.parametrize(
    ("behave", "timeout"),
    [(sends(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), LONG), (drips(b"", OK + b"x" * 1000), SOON)],
    ids=["refuses", "drips"],
)
def test_a_proxy_that_lets_nothing_through_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, behave: Callable[[Server, socket.socket], None], timeout: float
) -> None:
    with Server(behave) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:Sesame@127.0.0.1:{proxy.port}")
        with pytest.raises(Transient) as refused:
            ask("https://zuora.example", timeout)
    assert proxy.requests[0].startswith(b"CONNECT zuora.example:443 ")
    assert "Sesame" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


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
    """A certificate that only itself vouches for, with its key, for 127.0.0.1."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_ends_the_run(tls: ssl.SSLContext) -> None:
    with Server(sends(WHOLE), tls) as server, pytest.raises(Fatal, match="REQUESTS_CA_BUNDLE") as refused:
        ask(server.url)
    assert type(refused.value) is Fatal
    assert refused.value.reason.startswith("the host's certificate is not trusted")
    assert server.requests == []


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


def test_a_host_that_does_not_speak_tls_is_worth_another_attempt() -> None:
    with Server(sends(WHOLE)) as server, pytest.raises(Transient, match=FAILED):
        ask(server.url.replace("http:", "https:"))


# What else can go wrong.


@pytest.mark.parametrize(
    ("cause", "meaning", "reason"),
    [
        (requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] Sesame"), Fatal, "not trusted"),
        (requests.exceptions.SSLError("[SSL: WRONG_VERSION_NUMBER] Sesame"), Transient, "connection failed"),
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
def test_a_failure_is_described_only_in_our_words(
    cause: requests.RequestException, meaning: type[ZuoraError], reason: str
) -> None:
    error = transport.broken(Exchange("GET", "/p", "rest.zuora.com"), cause)
    assert type(error) is meaning
    assert reason in str(error)
    assert "got no answer" in str(error)
    assert "Sesame" not in str(error)
