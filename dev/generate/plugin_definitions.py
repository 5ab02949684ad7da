"""The tap as a plugin, as YAML: the extractor of meltano.yml, and the definition for Meltano's Hub."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from dev.generate.tap_settings import about, settings

if TYPE_CHECKING:
    from dev.generate.tap_settings import Setting

# The settings that must be given, for each of the two ways to authenticate.
WAYS_TO_AUTHENTICATE = [["base_url", "client_id", "client_secret"], ["base_url", "access_token"]]
# In meltano.yml a line has at most this many characters.
WIDTH = 96


def extractor() -> str:
    """Return the capabilities and settings of the extractor, for people: in a fixed order, with long texts folded."""
    lines = ["capabilities:", *(f"- {capability}" for capability in about()["capabilities"])]
    lines += ["# One of the two ways to authenticate.", "settings_group_validation:"]
    lines += [f"- [{', '.join(way)}]" for way in WAYS_TO_AUTHENTICATE]
    lines += ["settings:", *(line for each in settings() if each.is_own for line in _lines(each))]
    return "\n".join(lines) + "\n"


def _lines(setting: Setting) -> list[str]:
    definition = setting.definition
    lines = [f"- name: {setting.name}", f"  kind: {setting.kind}"]
    if "default" in definition:
        lines.append(f"  value: {definition['default']}")
    lines += [f"  label: {definition['title']}", "  description: >-"]
    lines += textwrap.wrap(
        definition["description"],
        WIDTH - len("    "),
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if definition.get("secret"):
        lines.append("  sensitive: true")
    if setting.options:
        lines.append("  options:")
        for option in setting.options:
            lines += [f"  - label: {option['label']}", f"    value: {option['value']}"]
    return lines


def hub() -> str:
    """Return the definition for Meltano's Hub, in the Hub's form: keys in alphabetical order."""
    definition = {
        "name": about()["name"],
        "namespace": "tap_zuora_testenv",
        # The account that publishes it; docs/hub/README.md lists what else to fill in then.
        "variant": "unpublished",
        "label": "Zuora test environments",
        "description": "The refresh jobs of Zuora test environments, and the environments themselves.",
        "pip_url": about()["name"],
        "executable": about()["name"],
        "capabilities": sorted(about()["capabilities"]),
        "domain_url": "https://www.zuora.com/",
        "keywords": sorted(["meltano_sdk", "zuora", "sandbox", "test environment"]),
        "maintenance_status": "beta",
        "settings": [_hub_setting(each) for each in sorted(settings(), key=lambda each: each.name)],
        "settings_group_validation": WAYS_TO_AUTHENTICATE,
        "prereq": 'The user of the OAuth client needs Zuora\'s permission "Refresh Central Sandbox". It can start a '
        "refresh, which erases a sandbox: make a user only for this tap. The tap itself only reads.",
    }
    written: str = yaml.safe_dump(definition, sort_keys=True, allow_unicode=True, default_flow_style=False)
    return written


def _hub_setting(setting: Setting) -> dict[str, Any]:
    definition = setting.definition
    label = definition.get("title") or re.sub(r"[._]", " ", setting.name).capitalize()
    made = {"name": setting.name, "label": label, "kind": setting.kind, "description": definition["description"]}
    if definition.get("secret"):
        made |= {"kind": "password", "sensitive": True}
    if "default" in definition:
        made["value"] = definition["default"]
    if setting.options:
        made["options"] = setting.options
    return made
