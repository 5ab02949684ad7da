"""The fixtures of the tap's tests are used here too."""

from __future__ import annotations

from tests.tap.conftest import clock, server, tap, zuora

__all__ = ["clock", "server", "tap", "zuora"]
