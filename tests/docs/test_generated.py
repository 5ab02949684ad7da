"""What `make docs` writes is what stands there, and fits those who read it."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs_from_code import plugin, readme
from docs_from_code.__main__ import CHECKOUT, generated
from docs_from_code.told import about
from tap_zuora_testenv.settings import MUST_BE

TOLD = about()
FILES = generated(TOLD)
# In our own words what Meltano's Hub wants of a definition (schemas/plugin_definitions and schemas/common of its
# repository): the names it knows, those it needs, and the kinds of settings, among which there is no number.
HUB_NEEDS = {"name", "namespace", "variant", "label"}
HUB_KNOWS = HUB_NEEDS | {
    "capabilities",
    "commands",
    "definition",
    "description",
    "docs",
    "domain_url",
    "executable",
    "hidden",
    "keywords",
    "logo_url",
    "maintenance_status",
    "metadata",
    "next_steps",
    "pip_url",
    "prereq",
    "repo",
    "requires",
    "schema",
    "select",
    "settings",
    "settings_group_validation",
    "settings_preamble",
    "usage",
}
HUB_CAPABILITIES = {
    "properties",
    "catalog",
    "discover",
    "state",
    "about",
    "stream-maps",
    "schema-flattening",
    "activate-version",
    "batch",
    "test",
    "log-based",
    "structured-logging",
}
HUB_SETTING_KNOWS = {"name", "label", "kind", "description", "value", "options", "sensitive"}
HUB_KINDS = {"password", "date_iso8601", "integer", "options", "object", "array", "boolean", "string"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_make_docs_would_change_nothing(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path], "make docs writes it anew"


@pytest.fixture
def told() -> dict[str, Any]:
    """A tap that has grown a setting."""
    told = copy.deepcopy(TOLD)
    properties = told["settings"]["properties"]
    properties["user_agent"] = {"type": ["integer", "null"], "default": 7, "title": "New", "description": "It's new."}
    return told


def test_a_changed_setting_comes_into_the_readme_and_keeps_its_meaning(told: dict[str, Any]) -> None:
    before = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    after = readme.rewritten(before, told)
    (line,) = set(after.splitlines()) - set(before.splitlines())
    assert line == "| `user_agent` | integer | `7` | no | The User-Agent header. |"


def test_a_new_row_has_room_for_its_meaning() -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    without = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("| `track_id` "))
    assert "| `track_id` | string | | no | |\n" in readme.rewritten(without, TOLD)


def test_a_changed_setting_comes_into_meltano_yml(told: dict[str, Any]) -> None:
    text = plugin.rewritten((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"), told)
    settings = yaml.safe_load(text)["plugins"]["extractors"][0]["settings"]
    assert settings[-1] == {
        "name": "user_agent",
        "kind": "integer",
        "value": 7,
        "label": "New",
        "description": "It's new.",
    }


def test_meltano_knows_every_word_of_meltano_yml() -> None:
    installed = list(Path(sys.prefix, "meltano").rglob("meltano/schemas/meltano.schema.json"))
    if not installed:
        pytest.fail("Meltano is not installed here: make test installs it.")
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"))
    jsonschema.validate(project, json.loads(installed[0].read_text(encoding="utf-8")))


def test_the_hub_knows_every_word_of_its_definition() -> None:
    definition = yaml.safe_load((CHECKOUT / "docs/hub/tap-zuora-testenv.yml").read_text(encoding="utf-8"))
    assert definition.keys() >= HUB_NEEDS
    assert definition.keys() <= HUB_KNOWS
    assert set(definition["capabilities"]) <= HUB_CAPABILITIES
    assert definition["maintenance_status"] in {"active", "beta", "development", "inactive", "unknown"}
    names = [setting["name"] for setting in definition["settings"]]
    assert names == sorted(set(names))
    assert set(MUST_BE) <= set(names)
    assert {name for way in definition["settings_group_validation"] for name in way} <= set(names)
    for setting in definition["settings"]:
        assert {"name", "label", "kind", "description"} <= setting.keys() <= HUB_SETTING_KNOWS
        assert setting["kind"] in HUB_KINDS
        assert ("options" in setting) is (setting["kind"] == "options")
        assert setting.get("sensitive", False) is (setting["kind"] == "password")


def test_the_hub_and_meltano_yml_say_the_same_of_each_setting() -> None:
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"))
    hub = {each["name"]: each for each in plugin.hub_definition(TOLD)["settings"]}
    for setting in project["plugins"]["extractors"][0]["settings"]:
        same = hub[setting["name"]] | {"kind": setting["kind"]}
        assert same == setting
