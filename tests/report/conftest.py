"""The fixtures of the models' tests serve here too: the report shows what the models hold."""

from __future__ import annotations

from tests.dbt.conftest import by_hand, database_url, fill, new_place, read_page

__all__ = ["by_hand", "database_url", "fill", "new_place", "read_page"]
