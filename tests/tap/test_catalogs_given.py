"""What a catalog that is given to the tap changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv.tap import TapZuoraTestenv
from tests.tap.consumer import accept
from tests.tap.running import E1, ENVIRONMENTS, JOBS, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.tap.running import Ran, Tap


@pytest.mark.parametrize(
    ("metadata", "keys"),
    [({"table-key-properties": []}, []), ({"table-key-properties": ["id"]}, ["id"]), ({}, ["id"]), (None, ["id"])],
)
def test_a_stream_whose_metadata_have_an_empty_key_has_none(
    tap: Tap, zuora: Zuora, metadata: Any, keys: list[str]
) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))
    catalog = tap.catalog(JOBS, ENVIRONMENTS)
    (jobs,) = (stream for stream in catalog["streams"] if stream["stream"] == JOBS)
    root = next(each for each in jobs["metadata"] if each["breadcrumb"] == [])
    root["metadata"].pop("table-key-properties")
    if metadata is None:
        jobs["metadata"].remove(root)
    else:
        root["metadata"] |= metadata
    ran = tap("--catalog", tap.file("given.json", catalog))
    schemas = {each["stream"]: each for each in ran.messages if each["type"] == "SCHEMA"}
    assert (schemas[JOBS]["key_properties"], schemas[ENVIRONMENTS]["key_properties"]) == (keys, ["id"])
    # As singer-sdk does with the stream itself, and each record has the key that its schema declares.
    assert [each["id"] for each in ran.records()] == [job(1)["id"]]


def run(tap: Tap, change: dict[str, Any], state: object = None, **config: Any) -> Ran:
    """Run the tap with a catalog that declares these fields, or lacks them if they are None."""
    catalog = tap.catalog(JOBS, ENVIRONMENTS)
    for stream in catalog["streams"]:
        properties = stream["schema"]["properties"]
        for field, definition in change.items():
            if definition is None:
                properties.pop(field, None)
            else:
                properties[field] = definition
    return tap("--catalog", tap.file("given.json", catalog), state=state, **config)


@pytest.fixture
def one_of_each(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1, tier="gold", size=5, retired=False, template={"rows": [1, 2.5]}, share="0.5"))
    zuora.put_job(E1, job(1))


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"tenantId": {"type": ["integer", "null"]}}, {"tenantId": 94870}),
        ({"tenantId": {"type": "number"}}, {"tenantId": 94870}),
        ({"tenantName": {"type": ["integer", "null"]}}, {"tenantName": None}),
        ({"tenantName": {"type": "string", "format": "date-time"}}, {}),
        ({"tier": {"type": ["string", "null"]}}, {"tier": "gold"}),
        ({"tier": {"type": ["string", "null"]}, "tenantName": None}, {"tier": "gold"}),
        ({"size": {"type": ["string", "null"]}}, {"size": "5"}),
        ({"share": {"type": ["number", "null"]}}, {"share": 0.5}),
        ({"retired": {"type": ["boolean", "null"]}}, {"retired": False}),
        ({"template": {"type": ["object", "null"]}}, {"template": {"rows": [1, 2.5]}}),
        ({"tierOfTomorrow": {"type": ["string", "null"]}}, {"tierOfTomorrow": None}),
        ({"tierOfTomorrow": {"type": "string"}}, {}),
    ],
    ids=str,
)
def test_records_follow_the_schema_of_a_catalog(tap: Tap, change: dict[str, Any], values: dict[str, Any]) -> None:
    ran = run(tap, change)
    (record,) = ran.records(ENVIRONMENTS)
    (schema,) = (each["schema"] for each in ran.messages if each["type"] == "SCHEMA" and each["stream"] == ENVIRONMENTS)
    assert {field: record[field] for field in change if field in record} == values
    assert record.keys() <= schema["properties"].keys()
    assert ran.code == 0


@pytest.mark.usefixtures("one_of_each")
def test_a_field_that_a_catalog_drops_is_not_reported_but_an_unknown_one_is(tap: Tap) -> None:
    ran = run(tap, {"tenantName": None, "tier": {"type": ["string", "null"]}})
    unknown = [line.rpartition(": ")[2] for line in ran.log.splitlines() if "unknown field" in line]
    assert unknown == ["retired", "share", "size", "template"]
    assert "tenantName" not in ran.log


@pytest.mark.usefixtures("one_of_each")
def test_a_value_that_is_not_of_the_type_of_a_catalog_is_reported(tap: Tap) -> None:
    ran = run(tap, {"tenantName": {"type": ["integer", "null"]}, "tier": {"type": "integer"}})
    assert f"test environment {E1}: its tenantName is not of its type and becomes null: 'Acme 1'" in ran.log
    assert f"test environment {E1}: its tier is not of its type and is left out: 'gold'" in ran.log


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    "change",
    [
        {"updateTime": None},
        {"updateTime": {"type": ["integer", "null"]}},
        {"status": None},
        {"testEnvironmentId": None},
        {"testEnvironmentId": {"type": "integer"}},
        {"updateTime": None, "status": None, "testEnvironmentId": None},
    ],
    ids=str,
)
def test_bookmarks_and_ids_come_from_the_row_whatever_a_catalog_declares(
    tap: Tap, zuora: Zuora, change: dict[str, Any]
) -> None:
    zuora.put_job(E1, job(2, status="EXPORTING"))
    ran = run(tap, change)
    assert not change.keys() & ran.records()[0].keys() or ran.records()[0]["updateTime"] is None
    assert (ran.code, ran.ids()) == (0, [job(1)["id"], job(2)["id"]])
    assert ran.bookmark() == {
        "context": {"testEnvironmentId": E1},
        "replication_key": "updateTime",
        "replication_key_value": job(2)["updateTime"],
        "unfinished": [job(2)["id"]],
    }
    zuora.put_job(E1, job(3))
    assert run(tap, change, state=ran.state).ids() == [job(2)["id"], job(3)["id"]]


def test_a_deselected_field_is_left_out_and_its_value_is_not_reported(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1, jobEndTime="soon", tier="gold"))
    catalog = tap.catalog(JOBS)
    for stream in catalog["streams"]:
        stream["schema"]["properties"]["tier"] = {"type": ["integer", "null"]}
        for field in ("jobEndTime", "tier"):
            metadata = {"inclusion": "available", "selected": False}
            stream["metadata"].append({"breadcrumb": ["properties", field], "metadata": metadata})
    ran = tap("--catalog", tap.file("given.json", catalog))
    (record,) = ran.records()
    assert (record.keys() & {"jobEndTime", "tier"}, "WARNING" in ran.log) == (set(), False)


def test_a_catalog_in_python_changes_the_records_too(tap: Tap, zuora: Zuora, capfd: pytest.CaptureFixture[str]) -> None:
    zuora.put_environment(environment(E1))
    catalog = tap.catalog(ENVIRONMENTS)
    for stream in catalog["streams"]:
        stream["schema"]["properties"]["tenantId"] = {"type": "integer"}
    instance = TapZuoraTestenv(config=tap.config, catalog=catalog)
    instance.sync_all()
    instance.close()
    output = capfd.readouterr().out
    accept(output.splitlines())
    assert '"tenantId":94870,' in output


@pytest.mark.parametrize("test", [[], ["--test"]])
@pytest.mark.parametrize("kind", ["nothing selected", "no streams", "another tap's"])
def test_a_run_with_no_stream_selected_is_refused(tap: Tap, zuora: Zuora, kind: str, test: list[str]) -> None:
    catalog = {
        "nothing selected": tap.catalog(),
        "no streams": {"streams": []},
        "another tap's": {
            "streams": [{"tap_stream_id": "invoices", "stream": "invoices", "schema": {"properties": {}}}]
        },
    }[kind]
    ran = tap.run([*test, "--config", tap.file("config.json", tap.config), "--catalog", tap.file("c.json", catalog)])
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith("Misconfigured: ")
