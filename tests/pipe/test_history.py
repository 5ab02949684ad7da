"""Each step of a refresh kept as a separate row: the jobs without a key."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.documentation import blocks
from tests.pipe.target_tables import environment_id

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from dev.testbed.emulator_process import Row
    from dev.testbed.tap_to_target import Pipe
    from tap_zuora_testenv.emulator.server import EmulatorServer
    from tests.pipe.target_tables import Tables

JOBS = "test_environment_jobs"
NEWEST, STEPS = blocks("docs/history.md", "sql")


def discovered() -> Any:
    return json.loads(TapZuoraTestenv(validate_config=False, setup_mapper=False).catalog_json_text)


def jobs_entry(catalog: Any) -> Any:
    return next(entry for entry in catalog["streams"] if entry["stream"] == JOBS)


def catalog_without_key() -> Any:
    catalog = discovered()
    jobs_entry(catalog)["key_properties"] = []
    return catalog


def catalog_as_meltano_makes_it() -> Any:
    """The result of Meltano's rule for metadata: `key_properties` is as discovered."""
    catalog = discovered()
    (root,) = (each["metadata"] for each in jobs_entry(catalog)["metadata"] if not each["breadcrumb"])
    root["table-key-properties"] = []
    return catalog


def with_catalog(pipe: Pipe, catalog: Any, folder: Path) -> Pipe:
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog))
    return replace(pipe, options=["--catalog", str(path)])


def with_stream_map(pipe: Pipe) -> Pipe:
    return replace(pipe, tap={**pipe.tap, "stream_maps": {JOBS: {"__key_properties__": []}}})


@pytest.fixture(params=["catalog", "metadata", "stream map"])
def history(request: pytest.FixtureRequest, pipe: Pipe, tmp_path: Path) -> Pipe:
    match request.param:
        case "catalog":
            return with_catalog(pipe, catalog_without_key(), tmp_path)
        case "metadata":
            return with_catalog(pipe, catalog_as_meltano_makes_it(), tmp_path)
        case _:
            return with_stream_map(pipe)


def test_each_step_that_a_run_saw_is_a_row(
    history: Pipe, zuora: EmulatorServer, tables: Tables, database: psycopg.Connection[Row], schema: str
) -> None:
    performance = environment_id(zuora, "Performance")
    job = zuora.zuora.create_refresh(performance)
    state: str | None = None
    expected: list[object] = []
    for _ in range(3):
        expected += [each["status"] for each in zuora.zuora.jobs(performance) if each["id"] == job]
        state = history.run(state).state
        zuora.zuora.clock.advance(timedelta(hours=2).total_seconds())

    seen = sorted((row for row in tables.rows(JOBS) if row["id"] == job), key=lambda row: row["_sdc_extracted_at"])
    assert [row["status"] for row in seen] == expected
    assert len(set(expected)) > 1
    assert len({row["_sdc_extracted_at"] for row in seen}) == len(seen)
    # The environments still have their key.
    assert len(tables.rows("test_environments")) == len(zuora.zuora.environments())

    def ask(query: str) -> list[Row]:
        return database.execute(query.replace("zuora_testenv.", f"{schema}.").encode()).fetchall()

    newest = ask(NEWEST)
    assert {row["id"]: row["status"] for row in newest}[job] == expected[-1]
    assert len(newest) == len(zuora.zuora.documents()[JOBS])
    steps = [row["status"] for row in ask(STEPS) if row["id"] == job]
    assert list(dict.fromkeys(steps)) == list(dict.fromkeys(expected))
