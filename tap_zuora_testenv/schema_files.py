"""Where the JSON schemas of the streams are."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from singer_sdk.schema.source import SchemaDirectory


def schema_directory() -> SchemaDirectory:
    """Return the folder of the schemas, one file a stream, named after it.

    In a wheel they travel inside the package; in a checkout they stand beside it. The package comes first, so that a
    folder beside an installed package is never taken for ours.
    """
    packaged = resources.files(__package__) / "schemas"
    return SchemaDirectory(packaged if packaged.is_dir() else Path(__file__).parent.parent / "schemas")
