"""The command as a process, before it requests anything: its log, its environment, its help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import singer_sdk

from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID
from tests.tap.running import E1, environment, job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tap_zuora_testenv.emulator.zuora import Zuora

    Run = Callable[..., subprocess.CompletedProcess[str]]

PREFIX = "TAP_ZUORA_TESTENV_"
SECRET = "s3cr3t-of-mine"
DONE = "Done: emitted 1 job and 1 test environment."


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    zuora.tokens.client_secret = SECRET
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command, in its own folder and environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) and "LOG" not in name}

    def start(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - this interpreter, these arguments
            [sys.executable, "-m", "tap_zuora_testenv", *arguments],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(Path(__file__).parents[2]), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return start


@pytest.fixture
def settings(server: EmulatorServer) -> dict[str, str]:
    """The environment variables of the settings."""
    given = {"BASE_URL": server.url, "CLIENT_ID": DEMO_CLIENT_ID, "CLIENT_SECRET": SECRET}
    return {f"{PREFIX}{name}": value for name, value in given.items()}


def verdict(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize("variable", ["LOGLEVEL", f"{PREFIX}LOGLEVEL"])
@pytest.mark.parametrize("level", ["trace", "10", "info!"])
def test_an_unknown_log_level_counts_as_info_with_a_warning(
    run: Run, settings: dict[str, str], variable: str, level: str
) -> None:
    done = run("--config=ENV", **settings, **{variable: level})
    assert verdict(done) == (0, DONE)
    (warning,) = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert f"There is no log level {level}, so the level is INFO" in warning
    assert "METRIC" in done.stderr
    assert "DEBUG" not in done.stderr.replace(warning, "")


@pytest.mark.parametrize("variable", ["LOGLEVEL", f"{PREFIX}LOGLEVEL", "SINGER_SDK_LOG_CONFIG"])
def test_an_empty_variable_of_the_log_counts_as_unset(run: Run, settings: dict[str, str], variable: str) -> None:
    done = run("--config=ENV", **settings, **{variable: ""})
    assert verdict(done) == (0, DONE)
    assert "WARNING" not in done.stderr
    assert "METRIC" in done.stderr


def test_a_known_log_level_of_any_case_is_used(run: Run, settings: dict[str, str]) -> None:
    done = run("--config=ENV", **settings, LOGLEVEL="Error")
    assert verdict(done) == (0, DONE)
    assert done.stderr == f"{DONE}\n"


LOGGING = "is not a logging configuration"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("version: 1\nhandlers: [}", "is not YAML (line 2, column 12)"),
        ("", f"{LOGGING} ("),
        ("[1]", f"{LOGGING}"),
        ("version: 2", f"{LOGGING}: Unsupported version: 2"),
        ("version: 1\nroot: {handlers: [none]}", f"{LOGGING}: Unable to configure root logger"),
        (
            "version: 1\nhandlers: {a: {class: no.such.Handler}}\nroot: {handlers: [a]}",
            f"{LOGGING}: Unable to configure handler 'a'",
        ),
        ("version: 1\nroot: {level: trace}", f"{LOGGING}: Unable to configure root logger"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (None, "cannot be read (Is a directory)"),
    ],
)
def test_a_broken_log_configuration_is_refused_in_a_sentence(
    run: Run, settings: dict[str, str], tmp_path: Path, zuora: Zuora, content: str | bytes | None, reason: str
) -> None:
    path = tmp_path / "logging.yml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    done = run("--config=ENV", **settings, SINGER_SDK_LOG_CONFIG=str(path))
    code, line = verdict(done)
    sentence = f"Misconfigured: The file that the environment variable SINGER_SDK_LOG_CONFIG names {reason}"
    assert (code, line[: len(sentence)], len(done.stderr.splitlines())) == (2, sentence, 1)
    assert len(zuora.requests) == 0


def test_a_log_configuration_that_is_not_there_gets_a_warning(run: Run, settings: dict[str, str]) -> None:
    done = run("--config=ENV", **settings, SINGER_SDK_LOG_CONFIG="none.yml")
    assert verdict(done) == (0, DONE)
    assert "Logging config file not found: none.yml" in done.stderr


def test_no_env_file_is_read_here_or_above_singer_sdk(
    run: Run, settings: dict[str, str], tmp_path: Path, zuora: Zuora
) -> None:
    # singer-sdk looks in the folders above its own files, and lets what it finds override the environment.
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "singer_sdk").symlink_to(Path(singer_sdk.__file__).parent)
    text = "".join(f"{name}=http://127.0.0.1:1\n" for name in (f"{PREFIX}BASE_URL", "HTTP_PROXY"))
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    path = f"{tmp_path / 'lib'}{os.pathsep}{Path(__file__).parents[2]}"
    assert verdict(run("--config=ENV", **settings, PYTHONPATH=path)) == (0, DONE)
    assert len(zuora.requests) > 0


def test_an_empty_variable_counts_as_unset(run: Run, settings: dict[str, str]) -> None:
    empty = dict.fromkeys([f"{PREFIX}MAX_ATTEMPTS", f"{PREFIX}ACCESS_TOKEN", f"{PREFIX}TEST_ENVIRONMENTS"], "")
    assert verdict(run("--config=ENV", **settings, **empty)) == (0, DONE)
    code, line = verdict(run("--config=ENV", **settings | {f"{PREFIX}BASE_URL": ""}))
    assert (code, line[:46]) == (2, "Misconfigured: Setting `base_url` is missing: ")


def test_white_space_around_the_address_and_the_credentials_is_not_sent(run: Run, settings: dict[str, str]) -> None:
    around = {name: f" \t{value}\r\n" for name, value in settings.items()}
    assert verdict(run("--config=ENV", **around)) == (0, DONE)


def test_a_misspelt_variable_gets_a_warning(run: Run, settings: dict[str, str]) -> None:
    misspelt = {f"{PREFIX}START_DATES": SECRET, f"{PREFIX}_SELECT": "[]", f"{PREFIX}STREAM_MAPS__EXTRA": "x"}
    done = run("--config=ENV", **settings, **misspelt)
    assert verdict(done) == (0, DONE)
    (warning,) = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert f"The environment variable {PREFIX}START_DATES is not read" in warning
    assert warning.endswith(f"did you mean {PREFIX}START_DATE?")


def test_variables_that_are_set_but_not_read_get_a_hint(run: Run, settings: dict[str, str], tmp_path: Path) -> None:
    code, line = verdict(run(**settings))
    assert (code, line[:46]) == (2, "Misconfigured: Setting `base_url` is missing: ")
    assert line.endswith(f" {PREFIX}BASE_URL is set, but only read with --config=ENV. (1 more above.)")
    (tmp_path / "config.json").write_text(json.dumps({"base_url": settings[f"{PREFIX}BASE_URL"]}), encoding="utf-8")
    code, line = verdict(run("--config", "config.json", **settings))
    assert code == 2
    assert line.endswith(f"{PREFIX}CLIENT_ID and {PREFIX}CLIENT_SECRET are set, but only read with --config=ENV.")


def test_the_help_describes_what_test_does(run: Run) -> None:
    text = " ".join(run("--help").stdout.split())
    assert "sync a single record" not in text
    assert "--test to request everything that a run would, and report what works" in text


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="needs /dev/stdin")
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_file_may_be_a_pipe(server: EmulatorServer, name: str) -> None:
    config: dict[str, Any] = {"base_url": server.url, "client_id": DEMO_CLIENT_ID, "client_secret": SECRET}
    done = subprocess.run(  # noqa: S603 - this interpreter, these arguments
        [sys.executable, "-m", "tap_zuora_testenv", "--config", name],
        input=json.dumps(config),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert verdict(done) == (0, DONE)
