"""What the tap tells of itself, as `--about --format json` prints it, and its streams."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from tap_zuora_testenv.settings import MUST_BE
from tap_zuora_testenv.streams import ZuoraStream
from tap_zuora_testenv.tap import TapZuoraTestenv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WAYS_TO_AUTHENTICATE = [["base_url", "client_id", "client_secret"], ["base_url", "access_token"]]
"""The settings that must be there, for each of the two ways."""

NAMESPACE = "tap_zuora_testenv"
LABEL = "Zuora test environments"
DESCRIPTION = "The refresh jobs of Zuora test environments, and the environments themselves."


@dataclass(frozen=True)
class Setting:
    """A setting.

    Attributes:
        name: Its name; that of an object's property has a dot.
        definition: Its JSON schema.
        is_required: Whether nothing works without it.
        is_own: Whether it is the tap's, not singer-sdk's.
    """

    name: str
    definition: Mapping[str, Any]
    is_required: bool
    is_own: bool

    @property
    def type_name(self) -> str:
        """Its type in one word; several mean text."""
        if self.definition.get("format") == "date-time":
            return "date-time"
        types = self.definition.get("type", [])
        names = {types} if isinstance(types, str) else set(types) - {"null"}
        return names.pop() if len(names) == 1 else "string"

    @property
    def is_secret(self) -> bool:
        """Whether nobody may see it."""
        return bool(self.definition.get("secret", False))


def about() -> dict[str, Any]:
    """Run `tap-zuora-testenv --about --format json`."""
    done = CliRunner().invoke(TapZuoraTestenv.cli, ["--about", "--format", "json"], catch_exceptions=False)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def settings(told: Mapping[str, Any]) -> list[Setting]:
    """List the settings in their order, objects by their properties."""
    schema = told["settings"]
    return list(_settings(schema["properties"], schema.get("required", [])))


def _settings(properties: Mapping[str, Any], required: list[str], within: str = "") -> Iterator[Setting]:
    for name, definition in properties.items():
        # What a map of a stream holds is named by its writer.
        inner = {key: value for key, value in definition.get("properties", {}).items() if not key.startswith("__")}
        if inner:
            yield from _settings(inner, [], f"{within}{name}.")
        else:
            yield Setting(f"{within}{name}", definition, name in required, is_own=not within and name in MUST_BE)


def streams() -> dict[str, ZuoraStream]:
    """Give the streams by their names, in the order of the alphabet."""
    found = sorted(TapZuoraTestenv(validate_config=False).streams.items())
    return {name: stream for name, stream in found if isinstance(stream, ZuoraStream)}
