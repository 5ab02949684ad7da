from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev.testbed.processes import command, running

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "examples" / "airflow"
# Airflow reads this when it is imported, which the tests' modules do.
HOME = tempfile.TemporaryDirectory(prefix="testenv-airflow-")
os.environ |= {
    "AIRFLOW_HOME": HOME.name,
    "AIRFLOW__CORE__DAGS_FOLDER": str(FOLDER),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


@pytest.fixture(scope="session")
def airflow_database() -> Iterator[None]:
    """Make the tables of Airflow's own database, an SQLite file in its home."""
    with running([*command("airflow"), "db", "migrate"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as made:
        said, _ = made.communicate()
    assert made.returncode == 0, said.decode()
    yield
    HOME.cleanup()
