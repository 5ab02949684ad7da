"""A server of raw bytes on loopback, the certificates that it shows, and requests to it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tap_zuora_testenv.zuora.errors import Exchange, ZuoraError
from tap_zuora_testenv.zuora.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_zuora_testenv.zuora.answers import Response

SOON, LONG = 0.2, 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
JOB = b'{"id": "j"}'
WHOLE = OK + b"Zuora-Request-Id: R1\r\nContent-Length: 11\r\n\r\n" + JOB
DAY = timedelta(days=1)


class Server:
    """A server of raw bytes on loopback; a test defines what it does with a connection once a request has arrived."""

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
        # Closing would not wake the thread that waits for a connection.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        for thread in self._threads:
            thread.join(LONG)
            assert not thread.is_alive()
        self._listening.close()

    def read_request(self, connection: socket.socket) -> bool:
        """Read a request without a body; return whether one came."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            taken = connection.recv(65536)
            if not taken:
                return False
            head += taken
            if not head.isascii():
                # A client that speaks TLS is answered anyway.
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
    """Send the bytes, and close the connection."""
    return lambda _, connection: connection.sendall(raw)


def stalls_after(raw: bytes) -> Callable[[Server, socket.socket], None]:
    """Send the bytes, and then nothing."""

    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        server.is_over.wait(LONG)

    return behave


def drips(raw: bytes, then: bytes) -> Callable[[Server, socket.socket], None]:
    """Send the bytes, and then a byte now and then, each well within the timeout."""

    def behave(server: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        for byte in then:
            if server.is_over.wait(SOON / 10):
                return
            connection.sendall(bytes([byte]))

    return behave


def resets_after(raw: bytes) -> Callable[[Server, socket.socket], None]:
    """Send the bytes, and break the connection."""

    def behave(_: Server, connection: socket.socket) -> None:
        connection.sendall(raw)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def answers(*responses: bytes) -> Callable[[Server, socket.socket], None]:
    """Answer that many requests of a connection, and close it while the next one is on its way."""

    def behave(server: Server, connection: socket.socket) -> None:
        for response in responses:
            connection.sendall(response)
            if not server.read_request(connection):
                return

    return behave


def resolving(*addresses: str) -> Callable[..., list[Any]]:
    """Return a resolver for which every name has these addresses."""
    resolve = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> list[Any]:
        is_address = host.replace(".", "").isdigit() or ":" in host
        found = [resolve(each, *arguments, **options) for each in ([host] if is_address else addresses)]
        return [each for several in found for each in several]

    return look_up


def write_certificate(path: Path, host: str = "127.0.0.1", *, begins: timedelta = -DAY, ends: timedelta = DAY) -> Path:
    """Write a self-signed certificate, with its key.

    Args:
        path: The file.
        host: The name or the address that it is for.
        begins: When it becomes valid, from now on.
        ends: When it expires, from now on.
    """
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return the context of a server that shows a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def prepared(url: str, **headers: str) -> requests.PreparedRequest:
    return requests.Request("GET", f"{url}/test-environments/e?x=1", headers=headers).prepare()


def exchange(url: str) -> Exchange:
    return Exchange("GET", "/test-environments/e", url.partition("://")[2])


def send(shared: Transport, url: str, **headers: str) -> Response:
    return shared.send(prepared(url, **headers), exchange(url))


def ask(url: str, timeout: float = LONG, **headers: str) -> Response:
    """Send one request, through a separate transport."""
    with closing(Transport(url, connections=2, timeout=timeout)) as shared:
        return send(shared, url, **headers)


def failure(
    behave: Callable[[Server, socket.socket], None], timeout: float = LONG, *, status: int | None = None
) -> ZuoraError:
    with Server(behave) as server, pytest.raises(ZuoraError) as caught:
        ask(server.url, timeout)
    assert caught.value.exchange == Exchange("GET", "/test-environments/e", f"127.0.0.1:{server.port}", status)
    return caught.value
