"""What a catalog that is handed back changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import E1, ENVIRONMENTS, JOBS, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.tap.running import Tap


@pytest.mark.parametrize(
    ("told", "keys"),
    [({"table-key-properties": []}, []), ({"table-key-properties": ["id"]}, ["id"]), ({}, ["id"]), (None, ["id"])],
)
def test_a_stream_whose_metadata_tell_of_no_key_has_none(tap: Tap, zuora: Zuora, told: Any, keys: list[str]) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    catalog = tap.catalog(JOBS, ENVIRONMENTS)
    (jobs,) = (stream for stream in catalog["streams"] if stream["stream"] == JOBS)
    root = next(each for each in jobs["metadata"] if each["breadcrumb"] == [])
    root["metadata"].pop("table-key-properties")
    if told is None:
        jobs["metadata"].remove(root)
    else:
        root["metadata"] |= told
    ran = tap("--catalog", tap.file("given.json", catalog))
    schemas = {each["stream"]: each for each in ran.messages if each["type"] == "SCHEMA"}
    assert (schemas[JOBS]["key_properties"], schemas[ENVIRONMENTS]["key_properties"]) == (keys, ["id"])
