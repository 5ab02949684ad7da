"""singer-sdk's own tests of a tap, against an emulator with a seeded history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID
from tap_zuora_testenv.emulator.zuora import Zuora
from tap_zuora_testenv.tap import TapZuoraTestenv

if TYPE_CHECKING:
    from collections.abc import Iterator

import pytest

_SERVER = EmulatorServer(Zuora(seed=3))
_CONFIG: dict[str, Any] = {
    "base_url": "http://127.0.0.1",
    "client_id": DEMO_CLIENT_ID,
    "client_secret": "demo-secret",
}


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    with _SERVER:
        _CONFIG["base_url"] = _SERVER.url
        yield


TestTapZuoraTestenv = get_tap_test_class(
    tap_class=TapZuoraTestenv,
    config=_CONFIG,
    suite_config=SuiteConfig(max_records_limit=None),
)
