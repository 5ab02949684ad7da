"""The settings of the tap, as `tap-zuora-testenv --about --format json` prints them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from tap_zuora_testenv.settings import MUST_BE
from tap_zuora_testenv.tap import TapZuoraTestenv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPTIONS = {"warn": "Warn and go on", "fail": "Fetch the rest, then fail"}


@dataclass(frozen=True)
class Setting:
    """A setting.

    Attributes:
        name: Its name; that of a property of an object has a dot.
        definition: Its JSON schema.
        is_required: Whether the tap needs it.
        is_own: Whether it is a setting of the tap, not one of singer-sdk.
    """

    name: str
    definition: Mapping[str, Any]
    is_required: bool
    is_own: bool

    @property
    def type_name(self) -> str:
        """Its type in one word; several types are text."""
        if self.definition.get("format") == "date-time":
            return "date-time"
        types = self.definition.get("type", [])
        names = {types} if isinstance(types, str) else set(types) - {"null"}
        return names.pop() if len(names) == 1 else "string"

    @property
    def kind(self) -> str:
        """Its type in Meltano's terms."""
        return "options" if "enum" in self.definition else self.type_name.replace("date-time", "date_iso8601")

    @property
    def options(self) -> list[dict[str, str]]:
        """Its options with their labels."""
        return [{"label": OPTIONS[value], "value": value} for value in self.definition.get("enum", [])]


@cache
def about() -> dict[str, Any]:
    """Run `tap-zuora-testenv --about --format json`."""
    done = CliRunner().invoke(TapZuoraTestenv.cli, ["--about", "--format", "json"], catch_exceptions=False)
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def settings() -> list[Setting]:
    """Return all settings in their order; an object is represented by its properties."""
    schema = about()["settings"]
    return list(_settings(schema["properties"], schema.get("required", [])))


def _settings(properties: Mapping[str, Any], required: list[str], within: str = "") -> Iterator[Setting]:
    for name, definition in properties.items():
        # The properties of a stream map are named by its author.
        inner = {key: value for key, value in definition.get("properties", {}).items() if not key.startswith("__")}
        if inner:
            yield from _settings(inner, [], f"{within}{name}.")
        else:
            yield Setting(f"{within}{name}", definition, name in required, is_own=not within and name in MUST_BE)
