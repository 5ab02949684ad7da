"""The JSON schemas of the tap's streams, which are data of this distribution and not code of the tap."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any


@cache
def stream_schema(stream: str) -> dict[str, Any]:
    """Return the schema of a stream: in a wheel, the schemas are inside the package; in a checkout, beside it."""
    packaged = resources.files("tap_zuora_testenv") / "schemas"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"
    schema: dict[str, Any] = json.loads((folder / f"{stream}.json").read_text(encoding="utf-8"))
    return schema
