"""The fixtures of the models' tests are used here too: the report shows the rows of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dev.testbed.dbt_package import build
from tests.dbt.conftest import by_hand, database_url, fill, new_place, postgres, read_page
from tests.report.marts_by_hand import NOW

if TYPE_CHECKING:
    from dev.testbed.dbt_package import Place

__all__ = ["built", "by_hand", "database_url", "fill", "new_place", "postgres", "read_page"]


@pytest.fixture(scope="session")
def built(by_hand: Place) -> Place:
    """The models of the history worked out by hand."""
    build(by_hand, NOW)
    return by_hand
