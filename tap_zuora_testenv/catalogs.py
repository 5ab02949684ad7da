"""Whether a file is a catalog, and what one asks for in its metadata that singer-sdk does not see."""

from __future__ import annotations

from typing import Any

from singer_sdk.singerlib import Catalog


def is_catalog(content: dict[str, Any]) -> bool:
    """Say whether singer-sdk can read a catalog from a JSON object."""
    try:
        Catalog.from_dict(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    # singer-sdk takes an object without streams for an empty catalog, and a run would emit nothing and call it done.
    return "streams" in content


def without_keys_as_told(catalog: Catalog) -> None:
    """Take the key from each stream whose metadata say that it has none: `"table-key-properties": []`.

    That is how Meltano's rules for metadata are written. They leave `key_properties` as they were discovered, where
    singer-sdk looks first, and it takes an empty list for none.
    """
    for entry in catalog.streams:
        told = entry.metadata.root.table_key_properties if () in entry.metadata else None
        if told is not None and not told:
            entry.key_properties = []
