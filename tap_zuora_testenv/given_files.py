"""The files that the command line names: what is refused of them, and what singer-sdk does not read from a catalog."""

from __future__ import annotations

import json
from io import StringIO
from typing import IO, Any

import click
from singer_sdk.singerlib import Catalog
from singer_sdk.singerlib.catalog import StreamMetadata


def checked(option: str, file: IO[str] | None) -> IO[str] | None:
    """Return a file with the same text, which is a JSON object. The given file may be a pipe, which can be read once.

    Args:
        option: The option that names the file.
        file: The file, None if the option was not given.

    Raises:
        click.UsageError: The file cannot be read, is not a JSON object, or is given as a catalog and is none.
    """
    if file is None:
        return None
    try:
        text = file.read()
        # As singer-sdk does with the file of the settings: only an object can be merged into one.
        content = {} | json.loads(text)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise click.UsageError(f"{option} {file.name}: {file_problem(error)}.") from None
    if option == "--catalog" and not is_catalog(content):
        raise click.UsageError(f"{option} {file.name}: the file is no Singer catalog, such as --discover prints.")
    return StringIO(text)


def file_problem(error: Exception) -> str:
    """Describe why a file could not be read as a JSON object, without showing its content."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case OSError():
            return f"the file cannot be read ({error.strerror})"
        case UnicodeDecodeError():
            return "the file is not text in UTF-8"
        case ValueError():
            line = getattr(error, "lineno", None)
            return "the file is not JSON" + (f" (line {line}, column {getattr(error, 'colno', 1)})" if line else "")
        case _:
            return "the file is not a JSON object"


def is_catalog(content: dict[str, Any]) -> bool:
    """Return whether singer-sdk can read a catalog from a JSON object."""
    try:
        Catalog.from_dict(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    # singer-sdk takes an object without streams for an empty catalog: a run would emit nothing and report success.
    return "streams" in content


def remove_keys(catalog: Catalog) -> None:
    """Remove the key from each stream whose metadata says that it has none: `"table-key-properties": []`.

    Meltano's rules for metadata are written like that. They leave `key_properties` as discovered, which singer-sdk
    reads first, and an empty list there counts as absent.
    """
    for entry in catalog.streams:
        keys = entry.metadata.root.table_key_properties if () in entry.metadata else None
        if keys is not None and not keys:
            entry.key_properties = []


def select_fields(catalog: Catalog) -> None:
    """Select the fields of each stream whose metadata do not describe the stream itself.

    singer-sdk takes such a stream for selected and each of its fields for deselected: its records would be empty, and
    targets refuse a record without its key.
    """
    for entry in catalog.streams:
        entry.metadata.setdefault((), StreamMetadata(selected=True))
