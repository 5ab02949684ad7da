from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tap_zuora_testenv.emulator.command import create, parse, ready, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tap_zuora_testenv.emulator.server import EmulatorServer

ROOT = Path(__file__).parents[2]
COMMAND = ["-m", "tap_zuora_testenv.emulator"]


def python(*arguments: str, search: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - this Python, with arguments of these tests
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ({"PYTHONPATH": search} if search else {}),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_where_it_is_and_ends_quietly(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    command = [*COMMAND, "--port", "0", "--ready-file", str(ready), "--now", "2026-03-01T00:00:00Z", "--speed", "0"]
    with python(*command) as process:
        assert process.stdout
        line = process.stdout.readline()
        place = json.loads(ready.read_text())
        assert all(place[key] in line for key in ("url", "client_id", "client_secret"))
        assert "Ctrl-C" in line
        form = {"grant_type": "client_credentials"} | {key: place[key] for key in ("client_id", "client_secret")}
        assert requests.post(f"{place['url']}/oauth/token", data=form, timeout=5).status_code == 200
        assert requests.get(f"{place['url']}/emulator/clock", timeout=5).json()["now"] == "2026-03-01T00:00:00Z"
        process.send_signal(number)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")
    assert not ready.exists()


def test_a_taken_port_gets_one_sentence(server: EmulatorServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--port", str(server.port)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(server.port) in err
    assert "--port" in err


def test_an_impossible_time_gets_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--now", "0001-01-01T00:00:00Z"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_signal_handlers_are_restored(server: EmulatorServer) -> None:
    before = signal.getsignal(signal.SIGINT)
    run(["--port", str(server.port)])
    assert signal.getsignal(signal.SIGINT) is before


def test_a_ready_file_that_cannot_be_written_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--port", "0", "--ready-file", str(tmp_path / "nowhere" / "ready.json")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "ready file" in err


@pytest.fixture
def started(server: EmulatorServer) -> Callable[[Path], AbstractContextManager[None]]:
    """Write a ready file as the command does, inside a context."""
    return lambda path: ready(server, path)


def test_the_ready_file_is_private_and_complete(
    tmp_path: Path, started: Callable[[Path], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "ready.json"
    before = os.umask(0)
    try:
        with started(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert json.loads(path.read_text()).keys() == {"url", "client_id", "client_secret"}
            assert list(tmp_path.iterdir()) == [path]
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_the_ready_file_replaces_a_link_and_does_not_follow_it(
    tmp_path: Path, started: Callable[[Path], AbstractContextManager[None]]
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "ready.json"
    victim.write_text("precious")
    path.symlink_to(victim)
    with started(path):
        assert not path.is_symlink()
        assert json.loads(path.read_text())["url"]
    assert (victim.read_text(), path.exists()) == ("precious", False)


def test_the_ready_file_of_an_emulator_that_was_killed_is_replaced(
    tmp_path: Path, started: Callable[[Path], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "ready.json"
    path.write_text('{"url": "http://127.0.0.1:1"}')
    path.chmod(0o644)
    with started(path):
        assert json.loads(path.read_text())["url"] != "http://127.0.0.1:1"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_ready_file_of_another_emulator_is_left_alone(
    tmp_path: Path, started: Callable[[Path], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "ready.json"
    with started(path):
        path.unlink()
        path.write_text("another one's")
    assert path.read_text() == "another one's"


def test_a_ready_file_that_is_a_folder_gets_one_sentence_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ready.json").mkdir()
    assert run(["--port", "0", "--ready-file", str(tmp_path / "ready.json")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("The ready file cannot be written")
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_one_sentence_names_it(tmp_path: Path, missing: str) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('none', name='{missing}')")
    with python(*COMMAND, search=f"{tmp_path}{os.pathsep}{ROOT}") as process:
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert err == (
        "The emulator needs packages that are not installed. In the checkout, run the command of the tool that "
        "installed the tap: pip install '.[emulator]', pipx install --force '.[emulator]' or "
        "uv tool install --force '.[emulator]'.\n"
    )


def test_the_options_reach_the_emulator() -> None:
    arguments = (
        "--environments 2 --jobs 3 --now 2026-03-01T00:00:00+01:00 --speed 60 --client-id me --client-secret mine "
        "--token-lifetime 5 --latency-ms 250 --max-in-flight 4 --requests-per-minute 9 --without-permission --sloppy "
        "--seed 3"
    )
    zuora = create(parse(arguments.split()))
    assert [len(zuora.jobs(str(e["id"]))) for e in zuora.environments()] == [3, 3]
    assert (zuora.seed, zuora.clock.speed, zuora.clock.now().isoformat()[:13]) == (3, 60, "2026-02-28T23")
    assert (zuora.tokens.client_id, zuora.tokens.client_secret, zuora.tokens.lifetime_seconds) == ("me", "mine", 5)
    assert (zuora.latency_seconds, zuora.limits.max_in_flight, zuora.limits.per_minute) == (0.25, 4, 9)
    assert (zuora.permission, zuora.sloppy) == (False, True)


def test_every_option_is_explained_in_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run(["--help"])
    words = capsys.readouterr().out
    for word in ("/emulator/clock", "/emulator/faults", "/emulator/requests", "127.0.0.1:8765", "without", "curl"):
        assert word in words


@pytest.mark.parametrize("wrong", ["--port=-1", "--port=70000", "--speed=-1", "--speed=nan", "--now=noon", "--jobs=-2"])
def test_an_option_that_makes_no_sense_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run([wrong])
    assert wrong.partition("=")[0] in capsys.readouterr().err


def test_the_emulator_knows_nothing_of_the_tap() -> None:
    code = (
        "import sys, tap_zuora_testenv.emulator.command\n"
        "print([name for name in sys.modules if name.startswith('tap_zuora_testenv.') and 'emulator' not in name])"
    )
    with python("-c", code) as process:
        out, err = process.communicate(timeout=10)
    assert (out, err) == ("[]\n", "")
