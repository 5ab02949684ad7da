"""The cron line of docs/meltano.md, in a project whose `.env` is `.env.example` filled in.

The database is reached as in a company's network: at a port other than 5432, with a password, and without TLS.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from dev.testbed.embedded_postgres import postgres
from dev.testbed.meltano_project import MeltanoProject
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID
from tests.loading import emulated_zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_zuora_testenv.emulator.server import EmulatorServer

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "examples" / "schedules" / "meltano-sync.sh"
SHELL = shutil.which("sh") or "/bin/sh"
MELTANO = Path(sys.prefix, "meltano", "bin", "meltano")
# With the signs that a URL, a shell or Meltano takes for something else.
PASSWORD = r"""p@ss:/%41#$HOME "x'y\z"""
ACCESS = "local all all trust\nhostnossl all all 127.0.0.1/32 scram-sha-256\n"

pytestmark = pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock, which the script needs")


@pytest.fixture(scope="module")
def access_file() -> Iterator[Path]:
    # Not in the folder of the test: as root, the server runs as another user, who must be able to read it.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        file = Path(folder, "pg_hba.conf")
        file.write_text(ACCESS)
        Path(folder).chmod(0o755)
        file.chmod(0o644)
        yield file


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


@pytest.fixture(scope="module")
def owner_url(access_file: Path, port: int) -> Iterator[str]:
    with postgres(f"port={port}", "listen_addresses=127.0.0.1", f"hba_file={access_file}") as url:
        yield f"{url}&port={port}"


@pytest.fixture(scope="module")
def database(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create user loader password {}").format(PASSWORD))
        connection.execute("create database warehouse owner loader")
    with psycopg.connect(owner_url, dbname="warehouse") as connection:
        yield connection


@pytest.fixture(scope="module")
def zuora() -> Iterator[EmulatorServer]:
    with emulated_zuora() as server:
        yield server


@pytest.fixture(scope="module")
def settings(zuora: EmulatorServer, database: psycopg.Connection) -> dict[str, object]:
    return {
        "TAP_ZUORA_TESTENV_BASE_URL": zuora.url,
        "TAP_ZUORA_TESTENV_CLIENT_ID": DEMO_CLIENT_ID,
        "TAP_ZUORA_TESTENV_CLIENT_SECRET": "demo-secret",
        "TARGET_POSTGRES_HOST": "127.0.0.1",
        "TARGET_POSTGRES_PORT": database.info.port,
        "TARGET_POSTGRES_USER": "loader",
        "TARGET_POSTGRES_PASSWORD": PASSWORD,
        "TARGET_POSTGRES_DATABASE": "warehouse",
        "TARGET_POSTGRES_SSL_MODE": "disable",
    }


def cron(folder: Path, arguments: str = "") -> subprocess.CompletedProcess[str]:
    """Run the line of the page as cron does, with the plugins that make installed."""
    page = (CHECKOUT / "docs" / "meltano.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^7 \* \* \* \* (/srv/warehouse/examples/schedules/meltano-sync.sh .*)$", page, re.MULTILINE)
    line = line.replace("/srv/warehouse/examples/schedules/meltano-sync.sh", shlex.quote(str(SCRIPT)))
    meltano = folder / "meltano-without-network"
    meltano.write_text(f'#!{SHELL}\nexec {shlex.quote(str(MELTANO))} "$@" --no-install\n')
    meltano.chmod(0o700)
    return subprocess.run(  # noqa: S603 - what the page says
        [SHELL, "-c", f"{line.replace('/srv/warehouse', shlex.quote(str(folder / 'project')))} {arguments}"],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "MELTANO": str(meltano),
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )


def project(folder: Path, settings: dict[str, object]) -> Path:
    MeltanoProject(folder / "project", settings).use_what_make_installed()
    return folder


def test_one_set_of_variables_lets_the_target_load_and_dbt_build(
    tmp_path: Path, settings: dict[str, object], database: psycopg.Connection, zuora: EmulatorServer
) -> None:
    done = cron(project(tmp_path, settings))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    loaded = database.execute("select count(*) from zuora_testenv.test_environment_jobs").fetchone()
    built = database.execute("select count(*) from zuora_testenv_models.zuora_test_environments__readiness").fetchone()
    assert loaded == (len(zuora.zuora.documents()["test_environment_jobs"]),)
    assert built == (len(zuora.zuora.environments()),)


def test_the_verdict_of_a_tap_that_is_refused_is_mailed(tmp_path: Path, settings: dict[str, object]) -> None:
    wrong = settings | {"TAP_ZUORA_TESTENV_CLIENT_SECRET": "wrong-secret"}
    done = cron(project(tmp_path, wrong), "--environment=prod run tap-zuora-testenv target-jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Misconfigured: POST /oauth/token at ")


@pytest.mark.parametrize("blocks", ["tap-zuora-testenv target-postgres", "dbt-postgres:build"])
def test_the_tls_mode_is_for_target_and_dbt_and_the_reason_is_mailed(
    tmp_path: Path, settings: dict[str, object], blocks: str
) -> None:
    strict = settings | {"TARGET_POSTGRES_SSL_MODE": "require"}
    done = cron(project(tmp_path, strict), f"--environment=prod run {blocks}")
    assert done.returncode == 1
    assert "server does not support SSL, but SSL was required" in done.stderr
    assert len(done.stderr.splitlines()) < 10
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize(("verdict", "code", "last"), [("Misconfigured", 2, "tap"), ("Stopped", 1, "target")])
def test_if_tap_and_target_fail_the_last_line_is_that_of_the_cause(
    tmp_path: Path, verdict: str, code: int, last: str
) -> None:
    (tmp_path / "meltano.yml").touch()
    logged = {"tap": f"{verdict}: the reason of the tap.", "target": "ValueError: the reason of the target."}
    meltano = tmp_path / "meltano"
    names = {"tap": "tap-zuora-testenv", "target": "target-postgres"}
    lines = "\n".join(f"2026-01-31T07:00:00Z [info     ] {names[who]} {text}" for who, text in logged.items())
    meltano.write_text(f"#!{SHELL}\ncat <<'LOG'\n{lines}\nLOG\nexit 1\n")
    meltano.chmod(0o700)
    done = subprocess.run(  # noqa: S603 - ours
        [str(SCRIPT), str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "MELTANO": str(meltano)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert sorted(done.stderr.splitlines()) == sorted(logged.values())
    assert done.stderr.splitlines()[-1] == logged[last]


def test_a_run_beside_another_mails_only_that(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / ".meltano").mkdir(parents=True)
    (folder / "meltano.yml").touch()
    (folder / ".meltano" / "sync.log").write_text("The log of the other run.\n")
    hold = f"exec 9>{folder}/.meltano/sync.lock; flock 9; echo held; read -r _"
    with subprocess.Popen(  # noqa: S603 - holds the lock
        [SHELL, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        done = cron(tmp_path)
        holder.communicate("\n")
    assert (done.returncode, done.stdout, done.stderr) == (75, "", "Skipped: the previous run is still running.\n")
    assert (folder / ".meltano" / "sync.log").read_text() == "The log of the other run.\n"
