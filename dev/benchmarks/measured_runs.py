"""Runs of programs: their input, and how much time, CPU and memory they took."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dev.benchmarks.fast_server import COUNTS_PATH, Counts, environment_id, job_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KILOBYTE = 1024
RECORD, STATE = b'{"type":"RECORD"', b'{"type":"STATE"'
LINES_SHOWN = 20
CLIENT_ID, CLIENT_SECRET = "benchmark", "not-a-secret"
HOST = "zuora.example"
"""A host that no name server knows."""


@dataclass(frozen=True)
class Run:
    """One run of a program.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of CPU, in the program and in the system.
        memory: Bytes of memory at its peak.
        output: Its output.
        log: Its log.
    """

    wall: float
    cpu: float
    memory: int
    output: Output
    log: Log


@dataclass
class Output:
    """The output of a program; only numbers are kept, as a run of 16,000 jobs writes megabytes.

    Attributes:
        size: Bytes.
        records: How many RECORD messages.
        first_record: When the first RECORD arrived, by the machine's monotonic clock; 0 if none did.
        states: The sizes of the STATE messages.
        state: The last of them.
    """

    size: int = 0
    records: int = 0
    first_record: float = 0.0
    states: list[int] = field(default_factory=list)
    state: bytes = b""

    def read(self, stream: IO[bytes]) -> None:
        """Read a stream to its end."""
        for line in stream:
            self.size += len(line)
            if line.startswith(RECORD):
                self.records += 1
                self.first_record = self.first_record or time.monotonic()
            elif line.startswith(STATE):
                self.states.append(len(line))
                self.state = line


@dataclass
class Log:
    """The log of a program.

    Attributes:
        lines: How many lines.
        last: The last of them.
    """

    lines: int = 0
    last: deque[bytes] = field(default_factory=lambda: deque(maxlen=LINES_SHOWN))

    def read(self, stream: IO[bytes]) -> None:
        """Read a stream to its end."""
        for line in stream:
            self.lines += 1
            self.last.append(line)


class Certificate(NamedTuple):
    """The certificate of a server.

    Attributes:
        path: The file of the certificate and its key.
        bundle: A file with that certificate, and as many others as an ordinary CA bundle has.
    """

    path: str
    bundle: str


@dataclass(frozen=True)
class Server:
    """A server of `dev.benchmarks.fast_server` in a separate process, and how it is reached.

    Attributes:
        port: Its port.
        url: The base URL by which programs reach it, perhaps over a wire.
        certificate: Its certificate, None for plain http.
        proxy: The URL of the proxy that reaches it, None for none.
    """

    port: int
    url: str
    certificate: Certificate | None = None
    proxy: str | None = None

    def counts(self) -> Counts:
        """Request its counts, without the wire."""
        context = ssl.create_default_context(cafile=self.certificate.bundle) if self.certificate else None
        scheme = "https" if self.certificate else "http"
        with urllib.request.urlopen(f"{scheme}://127.0.0.1:{self.port}{COUNTS_PATH}", context=context) as answer:
            return Counts(**json.load(answer))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which programs reach it."""
        bundle = {"REQUESTS_CA_BUNDLE": self.certificate.bundle} if self.certificate else {}
        return bundle | ({"HTTPS_PROXY": self.proxy} if self.proxy else {})


class Programs:
    """The programs that are measured, and the files that they read."""

    def __init__(self, folder: Path) -> None:
        """Prepare.

        Args:
            folder: An empty folder, for their files.
        """
        self._folder = folder
        # A setting or a proxy in this shell is meant for another purpose.
        others = (
            "TAP_",
            "SINGER_SDK_",
            "PYTHON",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "REQUESTS_CA",
            "CURL_CA",
        )
        self._environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(others)}
        self.certificate = _certificate(folder)

    def import_singer_sdk(self) -> Run:
        """Run Python with only the import that every tap of singer-sdk pays for."""
        return self._run(sys.executable, "-c", "import singer_sdk")

    def version(self) -> Run:
        """Run the tap with `--version`."""
        return self._run(_script("tap-zuora-testenv"), "--version")

    def tap(self, server: Server, *, width: int, jobs: int | None = None, state: bytes | None = None) -> Run:
        """Run the tap.

        Args:
            server: The server of its requests.
            width: The setting `max_parallel_requests`.
            jobs: How many jobs to name; None for all jobs of all environments, by listing them.
            state: The STATE message of an earlier run.
        """
        options = ["--config", self._config(server, width=width, jobs=jobs)]
        if state is not None:
            options += ["--state", self._file("state.json", json.dumps(json.loads(state)["value"]))]
        return self._run(_script("tap-zuora-testenv"), *options, environment=server.environment)

    def stock(self, server: Server, *, jobs: int) -> Run:
        """Run the stock way, like the tap with that many named jobs."""
        config = json.loads(Path(self._config(server, width=1, jobs=jobs)).read_text())
        del config["max_parallel_requests"]
        file = self._file("stock.json", json.dumps(config))
        line = (sys.executable, "-m", "dev.benchmarks.naive", "--config", file)
        return self._run(*line, environment=server.environment)

    def pool(self, server: Server, *, width: int, jobs: int | None = None) -> Run:
        """Run the bare pool, like the tap with that many named jobs."""
        line = (sys.executable, "-m", "dev.benchmarks.bare_pool", self._config(server, width=width, jobs=jobs))
        return self._run(*line, environment=server.environment)

    def aiohttp(self, server: Server, *, width: int, jobs: int | None = None) -> Run:
        """Run the pool of aiohttp, like the tap with that many named jobs."""
        line = (sys.executable, "-m", "dev.benchmarks.aiohttp_pool", self._config(server, width=width, jobs=jobs))
        return self._run(*line, environment=server.environment)

    def curl(self, server: Server, *, width: int, jobs: int) -> Run | None:
        """Run curl for that many jobs; None if there is no curl."""
        program = shutil.which("curl")
        if program is None:
            return None
        urls = [
            f"{server.url}/test-environments/{environment['id']}/jobs/{job}"
            for environment in named(jobs)
            for job in environment["job_ids"]
        ]
        lines = self._file("curl.txt", "".join(f"url = {url}\noutput = /dev/null\n" for url in urls))
        how = ["--silent", "--fail", "--parallel", "--parallel-max", str(width), "--header", "Authorization: Bearer a"]
        how += ["--cacert", server.certificate.bundle] if server.certificate else []
        return self._run(program, *how, "--config", lines, environment=server.environment)

    def _config(self, server: Server, *, width: int, jobs: int | None) -> str:
        config: dict[str, Any] = {
            "base_url": server.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "max_parallel_requests": width,
        }
        if jobs is not None:
            config["test_environments"] = named(jobs)
        return self._file("config.json", json.dumps(config))

    def _file(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text)
        return str(path)

    def _run(self, *line: str, environment: Mapping[str, str] | None = None) -> Run:
        began = time.monotonic()
        environ = self._environment | dict(environment or {})
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            output, log = Output(), Log()
            reader = threading.Thread(target=log.read, args=[process.stderr])
            reader.start()
            output.read(process.stdout)
            reader.join()
            # Of only this process. It started as a copy of ours, so its peak of memory is at least ours: hence nothing
            # heavy is imported or kept here.
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        if process.returncode:
            said = b"".join(log.last).decode()
            raise SystemExit(f"{Path(line[0]).name} ended with {process.returncode}:\n{said}")
        return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * KILOBYTE, output, log)


@contextmanager
def serving(
    *,
    environments: int = 10,
    jobs: int = 0,
    latency: float = 0,
    limit: int | None = None,
    certificate: Certificate | None = None,
) -> Iterator[Server]:
    """Run a server.

    Args:
        environments: How many test environments there are.
        jobs: How many jobs the list of each contains.
        latency: Seconds from a request to its answer.
        limit: How many requests it accepts at once.
        certificate: Its certificate, None for plain http.
    """
    options = ["--environments", str(environments), "--jobs", str(jobs), "--latency", str(latency)]
    options += [] if limit is None else ["--limit", str(limit)]
    options += [] if certificate is None else ["--certificate", certificate.path]
    with _started("fast_server", *options) as port:
        yield Server(port, f"{'http' if certificate is None else 'https'}://127.0.0.1:{port}", certificate)


@contextmanager
def over_wire(server: Server, round_trip: float, *, is_proxied: bool = False) -> Iterator[Server]:
    """Put a wire in front of a server.

    Args:
        server: The server, with a certificate.
        round_trip: Seconds.
        is_proxied: Whether it ends at a proxy. The host is then a name that only the proxy knows.
    """
    options = ["--port-behind", str(server.port), "--round-trip", str(round_trip), *(["--proxy"] if is_proxied else [])]
    with _started("wire_proxy", *options) as port:
        if is_proxied:
            yield replace(server, url=f"https://{HOST}:{server.port}", proxy=f"http://127.0.0.1:{port}")
        else:
            yield replace(server, url=f"https://127.0.0.1:{port}")


@contextmanager
def _started(module: str, *options: str) -> Iterator[int]:
    """Run a server of this package; its first line is its port."""
    line = [sys.executable, "-m", f"dev.benchmarks.{module}", *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def programs() -> Iterator[Programs]:
    """Prepare the programs."""
    with TemporaryDirectory() as folder:
        yield Programs(Path(folder))


def named(jobs: int, environments: int = 10) -> list[dict[str, Any]]:
    """Name jobs as the setting `test_environments` does, evenly over some environments."""
    return [
        {"id": environment_id(each), "job_ids": [job_id(each, number) for number in range(each, jobs, environments)]}
        for each in range(min(environments, jobs))
    ]


def _certificate(folder: Path) -> Certificate:
    """Write a self-signed certificate for loopback and for `HOST`, and a bundle that has it last."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = serialization.Encoding.PEM, serialization.NoEncryption()
    path, bundle = folder / "certificate.pem", folder / "bundle.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, secret) + made.public_bytes(pem))
    bundle.write_bytes(Path(certifi.where()).read_bytes() + made.public_bytes(pem))
    return Certificate(str(path), str(bundle))


def _script(name: str) -> str:
    return str(Path(sysconfig.get_path("scripts"), name))
