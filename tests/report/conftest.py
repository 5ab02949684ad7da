"""The fixtures of the models' tests serve here too: the report shows what the models hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dev.testbed.dbt_package import build
from tests.dbt.conftest import by_hand, database_url, fill, new_place, read_page

if TYPE_CHECKING:
    from dev.testbed.dbt_package import Place

__all__ = ["built", "by_hand", "database_url", "fill", "new_place", "read_page"]

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def built(by_hand: Place) -> Place:
    """The models of the history worked out by hand."""
    build(by_hand, NOW)
    return by_hand
