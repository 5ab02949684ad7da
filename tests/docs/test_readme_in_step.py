"""The README and meltano.yml describe what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.zuora import Zuora
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE
from tap_zuora_testenv.tap import TapZuoraTestenv
from tap_zuora_testenv.zuora import ClientOptions, ZuoraClient

_STREAMS = ("stream", "operation", "key", "replication")
CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
# The tap's own; singer-sdk adds those of its capabilities to the schema.
SETTINGS: dict[str, dict[str, Any]] = {name: CONFIG_JSONSCHEMA["properties"][name] for name in MUST_BE}
SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (CHECKOUT / "schemas").glob("test_environment*.json")
}


def table(*heading: str) -> dict[str, dict[str, str]]:
    """Give the rows of the README's one table with this heading, by the code in their first cell."""
    line = f"| {' | '.join(heading)} |"
    assert README.count(f"{line}\n") == 1
    lines = README.split(f"{line}\n")[1].splitlines()[1:]
    rows = [
        dict(zip(heading, map(str.strip, row.strip("|").split("|")), strict=True))
        for row in lines[: next(number for number, row in enumerate(lines) if not row.startswith("|"))]
    ]
    return {row[heading[0]].strip("`"): row for row in rows}


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def type_name(definition: dict[str, Any]) -> str:
    (name,) = {definition["type"]} if isinstance(definition["type"], str) else set(definition["type"]) - {"null"}
    return "date-time" if definition.get("format") == "date-time" else str(name)


def meltano() -> dict[str, Any]:
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"))
    assert isinstance(project, dict)
    return project


def extractor() -> dict[str, Any]:
    (one,) = meltano()["plugins"]["extractors"]
    assert isinstance(one, dict)
    return one


def test_the_readme_names_each_setting_with_its_type_default_and_secrecy() -> None:
    documented = table("setting", "type", "default", "secret", "meaning")
    assert list(documented) == list(SETTINGS)
    for name, definition in SETTINGS.items():
        row = documented[name]
        assert row["type"] == type_name(definition), name
        assert row["secret"] == ("yes" if definition.get("secret") else "no"), name
        assert (row["default"] == "required") is (name in CONFIG_JSONSCHEMA["required"]), name
        if "default" in definition:
            assert codes(row["default"]) == [str(definition["default"])], name


def test_the_readme_names_each_host_that_the_description_of_base_url_names() -> None:
    hosts = re.compile(r"https://rest\.[a-z.]+\.com")
    documented = " ".join(row["hosts"] for row in table("kind", "hosts").values())
    assert hosts.findall(documented) == hosts.findall(SETTINGS["base_url"]["description"])


def test_the_readme_names_each_stream_with_its_operation_key_and_replication() -> None:
    documented = table(*_STREAMS)
    streams = TapZuoraTestenv(validate_config=False).streams
    assert documented.keys() == streams.keys() == SCHEMAS.keys()
    for name, stream in streams.items():
        assert codes(documented[name]["key"]) == list(stream.primary_keys)
        key = stream.replication_key
        assert documented[name]["replication"] == (f"incremental on `{key}`" if key else "full table")


def test_the_readme_names_the_operations_that_the_client_requests() -> None:
    zuora = Zuora(environments=0)
    zuora.put_environment({"id": "E"})
    zuora.put_job("E", {"id": "J", "testEnvironmentId": "E"})
    token = zuora.tokens.issue()
    with EmulatorServer(zuora) as server, ZuoraClient(ClientOptions(base_url=server.url, access_token=token)) as client:
        client.environments(), client.environment("E"), client.jobs("E"), client.job("E", "J")
    requested = {each.path.replace("/E", "/{id}").replace("/J", "/{jobId}") for each in zuora.requests}
    named = {code.removeprefix("GET ") for row in table(*_STREAMS).values() for code in codes(row["operation"])}
    # Only an empty list for a named environment needs the environment itself.
    assert requested - {"/test-environments/{id}"} == named


def test_the_readme_names_each_field_of_each_stream() -> None:
    documented = table("stream", "fields")
    assert {name: codes(row["fields"]) for name, row in documented.items()} == {
        name: list(schema["properties"]) for name, schema in SCHEMAS.items()
    }


def test_meltano_knows_each_setting_with_its_kind_default_and_sensitivity() -> None:
    kinds = {"date-time": "date_iso8601", "array": "array", "integer": "integer", "string": "string"}
    given = {setting["name"]: setting for setting in extractor()["settings"]}
    assert list(given) == list(SETTINGS)
    for name, definition in SETTINGS.items():
        kind = "options" if "enum" in definition else kinds[type_name(definition)]
        options = [option["value"] for option in given[name].get("options", [])]
        assert given[name]["kind"] == kind, name
        assert options == definition.get("enum", []), name
        assert given[name].get("sensitive", False) is definition.get("secret", False), name
        assert given[name].get("value") == definition.get("default"), name
        assert given[name]["label"] == definition["title"], name
        assert given[name]["description"] == definition["description"], name


def test_meltano_knows_the_taps_capabilities_and_ways_to_authenticate() -> None:
    plugin = extractor()
    assert plugin["name"] == TapZuoraTestenv.name
    assert plugin["namespace"] == "tap_zuora_testenv"
    assert plugin["capabilities"] == [capability.value for capability in TapZuoraTestenv.capabilities]
    assert plugin["settings_group_validation"] == [
        ["base_url", "client_id", "client_secret"],
        ["base_url", "access_token"],
    ]


def test_meltano_reports_nothing_and_needs_no_hub() -> None:
    project = meltano()
    assert project["send_anonymous_usage_stats"] is False
    for plugins in project["plugins"].values():
        for plugin in plugins:
            assert {"namespace", "pip_url", "settings"} <= plugin.keys()
