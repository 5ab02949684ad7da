"""The JSON schema of `config.json` for editors; as a command, it writes that schema into `schemas/settings.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.generate.tap_settings import about
from tap_zuora_testenv.settings import MUST_BE

FILE = Path(__file__).resolve().parents[2] / "schemas" / "settings.json"
# The draft that every editor supports.
DRAFT = "http://json-schema.org/draft-07/schema#"
# The keys that are kept of singer-sdk's own settings, whose inner schemas are not all valid.
OUTER_KEYS = ("type", "title", "description", "default")


def editor_schema() -> str:
    """Return the schema, made from what the tap prints with `--about`."""
    settings = about()["settings"]
    properties = {
        name: _for_editors(definition)
        if name in MUST_BE
        else {key: definition[key] for key in OUTER_KEYS if key in definition}
        for name, definition in settings["properties"].items()
    }
    schema = {
        "$schema": DRAFT,
        "title": "The settings of tap-zuora-testenv",
        "type": "object",
        # An editor finds this file by it; the tap ignores it.
        "properties": {"$schema": {"type": "string"}} | properties,
        "required": settings["required"],
        "additionalProperties": False,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _for_editors(definition: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
    """Return a part of a schema with patterns that JavaScript, which most editors use, can read."""
    match definition:
        case dict():
            return {
                # JavaScript has no \Z; its $ matches only at the end of the text.
                key: value.replace(r"\Z", "$") if key == "pattern" else _for_editors(value)
                for key, value in definition.items()
                if key != "secret"
            }
        case list():
            return [_for_editors(each) for each in definition]
        case _:
            return definition


if __name__ == "__main__":
    FILE.write_text(editor_schema(), encoding="utf-8")
