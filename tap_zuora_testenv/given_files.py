"""The files that the command line names, and the sentences that refuse them."""

from __future__ import annotations

import json
from io import StringIO
from typing import IO

import click

from tap_zuora_testenv.catalogs import is_catalog


def checked(option: str, file: IO[str] | None) -> IO[str] | None:
    """Return a file with the same text, which is known to be a JSON object; it may be a pipe, which is read once.

    Args:
        option: The option that names the file.
        file: The file, None when the option was not given.

    Raises:
        click.UsageError: It cannot be read, is no JSON object, or is given as a catalog and is none.
    """
    if file is None:
        return None
    try:
        text = file.read()
        # As singer-sdk does with the file of the settings: what is no object cannot be merged into one.
        content = {} | json.loads(text)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise click.UsageError(f"{option} {file.name}: {file_problem(error)}.") from None
    if option == "--catalog" and not is_catalog(content):
        raise click.UsageError(f"{option} {file.name}: the file is no Singer catalog, such as --discover prints.")
    return StringIO(text)


def file_problem(error: Exception) -> str:
    """Say in words why a file could not be read as a JSON object, without showing what stands in it."""
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
