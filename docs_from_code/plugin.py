"""The tap as a plugin: the extractor of meltano.yml, and the definition for Meltano's Hub."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import yaml

from docs_from_code.told import DESCRIPTION, LABEL, NAMESPACE, WAYS_TO_AUTHENTICATE, Setting, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

# In meltano.yml a line has at most this many characters.
WIDTH = 96
BEGIN, END = "    # `make docs` writes what follows.\n", "    # So far what `make docs` writes.\n"

KINDS = {"date-time": "date_iso8601"}
OPTIONS = {"warn": "Warn and go on", "fail": "Fetch the rest, then fail"}


def kind(setting: Setting) -> str:
    """Tell what Meltano calls the type of a setting."""
    return "options" if "enum" in setting.definition else KINDS.get(setting.type_name, setting.type_name)


def options(setting: Setting) -> list[dict[str, str]]:
    """List what may be chosen."""
    return [{"label": OPTIONS[value], "value": value} for value in setting.definition.get("enum", [])]


# meltano.yml, which people read: each setting in the same order of keys, long texts folded.


def rewritten(text: str, told: Mapping[str, Any]) -> str:
    """Write the extractor's capabilities and settings in meltano.yml anew.

    Args:
        text: meltano.yml.
        told: What `--about` prints.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError("meltano.yml lacks the markers of what is generated.")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    lines = ["capabilities:", *(f"- {capability}" for capability in told["capabilities"])]
    lines += ["# One of the two ways to authenticate.", "settings_group_validation:"]
    lines += [f"- [{', '.join(way)}]" for way in WAYS_TO_AUTHENTICATE]
    lines += ["settings:", *(line for each in settings(told) if each.is_own for line in _lines(each))]
    return before + BEGIN + textwrap.indent("\n".join(lines) + "\n", "    ") + END + after


def _lines(setting: Setting) -> list[str]:
    definition = setting.definition
    lines = [f"- name: {setting.name}", f"  kind: {kind(setting)}"]
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
    if setting.is_secret:
        lines.append("  sensitive: true")
    if options(setting):
        lines.append("  options:")
        for option in options(setting):
            lines += [f"  - label: {option['label']}", f"    value: {option['value']}"]
    return lines


# The Hub's file, in the Hub's own form: keys in the order of the alphabet.


def hub_definition(told: Mapping[str, Any]) -> dict[str, Any]:
    """Make the definition for a submission to Meltano's Hub.

    Args:
        told: What `--about` prints.
    """
    return {
        "name": told["name"],
        "namespace": NAMESPACE,
        # The account that publishes it; docs/hub/README.md says what else is to be filled in then.
        "variant": "unpublished",
        "label": LABEL,
        "description": DESCRIPTION,
        "pip_url": told["name"],
        "executable": told["name"],
        "capabilities": sorted(told["capabilities"]),
        "domain_url": "https://www.zuora.com/",
        "keywords": sorted(["meltano_sdk", "zuora", "sandbox", "test environment"]),
        "maintenance_status": "beta",
        "settings": [_hub_setting(each) for each in sorted(settings(told), key=lambda each: each.name)],
        "settings_group_validation": WAYS_TO_AUTHENTICATE,
        "prereq": 'The user of the OAuth client needs Zuora\'s permission "Refresh Central Sandbox". It can start a '
        "refresh, which erases a sandbox: make a user for this tap alone. The tap itself only reads.",
    }


def hub_file(told: Mapping[str, Any]) -> str:
    """Write that definition as the Hub's files are written."""
    written: str = yaml.safe_dump(hub_definition(told), sort_keys=True, allow_unicode=True, default_flow_style=False)
    return written


def _hub_setting(setting: Setting) -> dict[str, Any]:
    definition = setting.definition
    label = definition.get("title") or re.sub(r"[._]", " ", setting.name).capitalize()
    made = {"name": setting.name, "label": label, "kind": kind(setting), "description": definition["description"]}
    if setting.is_secret:
        made |= {"kind": "password", "sensitive": True}
    if "default" in definition:
        made["value"] = definition["default"]
    if options(setting):
        made["options"] = options(setting)
    return made
