from __future__ import annotations

import gc
import logging
import signal
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv import cli
from tap_zuora_testenv.outcome import RunEnded

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def process() -> Iterator[None]:
    """Undo what the command does to its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    factory = logging.getLogRecordFactory()
    yield
    gc.unfreeze()
    logging.setLogRecordFactory(factory)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("process")
def test_a_signal_after_the_run_but_before_its_last_line_decides_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> tuple[int, str]:
        raise RunEnded(143, "Stopped by SIGTERM.")

    monkeypatch.setattr(cli, "run", run)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 143
    assert capsys.readouterr().err == "Stopped by SIGTERM.\n"


@pytest.mark.usefixtures("process")
def test_a_signal_after_the_last_line_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run", lambda: (0, "Done."))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(number)
    assert ended.value.code == 0
