"""What `make docs` writes is up to date, and valid for its readers: Meltano and Meltano's Hub."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from dev.testbed.processes import command
from tap_zuora_testenv.settings import MUST_BE

CHECKOUT = Path(__file__).resolve().parents[2]
# In our own words, what Meltano's Hub requires of a definition (schemas/plugin_definitions and schemas/common of its
# repository): the names it accepts, those it needs, and the kinds of settings, none of which is a number.
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


def generated() -> list[str]:
    """Return the files that `make docs` writes."""
    (names,) = re.findall(r"^GENERATED := (.*)$", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return str(names).split()


def check(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - cog, on our own files
        [*command("cog"), "--check", "-I", CHECKOUT, *names],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_make_docs_would_change_nothing() -> None:
    done = check(CHECKOUT, *generated())
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nmake docs regenerates it"


@pytest.mark.parametrize("name", generated())
def test_a_setting_that_is_changed_by_hand_is_noticed(name: str, tmp_path: Path) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    assert text.count("The User-Agent header.") == 1
    (tmp_path / "changed").write_text(text.replace("The User-Agent header.", "The header."), encoding="utf-8")
    assert check(tmp_path, "changed").returncode != 0


def test_meltano_accepts_every_key_of_meltano_yml() -> None:
    installed = list(Path(sys.prefix, "meltano").rglob("meltano/schemas/meltano.schema.json"))
    if not installed:
        pytest.fail("Meltano is not installed here: make test installs it.")
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"))
    jsonschema.validate(project, json.loads(installed[0].read_text(encoding="utf-8")))


def test_the_hub_accepts_every_key_of_its_definition() -> None:
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


def test_the_hub_and_meltano_yml_describe_each_setting_alike() -> None:
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text(encoding="utf-8"))
    definition = yaml.safe_load((CHECKOUT / "docs/hub/tap-zuora-testenv.yml").read_text(encoding="utf-8"))
    hub = {each["name"]: each for each in definition["settings"]}
    for setting in project["plugins"]["extractors"][0]["settings"]:
        same = hub[setting["name"]] | {"kind": setting["kind"]}
        assert same == setting
