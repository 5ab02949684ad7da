"""What a catalog asks for in its metadata that singer-sdk does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog


def without_keys_as_told(catalog: Catalog) -> None:
    """Take the key from each stream whose metadata say that it has none: `"table-key-properties": []`.

    That is how Meltano's rules for metadata are written. They leave `key_properties` as they were discovered, where
    singer-sdk looks first, and it takes an empty list for none.
    """
    for entry in catalog.streams:
        told = entry.metadata.root.table_key_properties if () in entry.metadata else None
        if told is not None and not told:
            entry.key_properties = []
