"""The files that the command line names: which are refused, and what singer-sdk does not read from a catalog."""

from __future__ import annotations

import errno
import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.singerlib import Catalog
from singer_sdk.singerlib.catalog import StreamMetadata
from typing_extensions import override

from tap_zuora_testenv import given_json
from tap_zuora_testenv.outcome import NOUNS, RunEnded
from tap_zuora_testenv.redaction import REDACTION

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a secret or a configuration does not look like.
_FILE_NAME = re.compile(r"[^\r\n\"'{}=,;]{1,1000}\.json")
# There is no file of that name, or there cannot be one.
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class JsonFile(click.File):
    """The type of an option that names a file with a JSON object; its value is the open text of that file.

    click's own type decodes according to the locale, keeps a byte order mark, and repeats the option's text if
    there is no such file.
    """

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        option = param.opts[0] if param is not None else ""
        text, content = _read(option, value)
        if given_json.has_lone_surrogate(content):
            raise _refusal(option, value, given_json.HALF_CHARACTER)
        if option == "--catalog" and not is_catalog(content):
            raise _refusal(option, value, "is not a Singer catalog, such as --discover prints")
        return StringIO(text)


def merged(option: str, paths: Iterable[str]) -> dict[str, Any]:
    """Return what several files contain together; if several have a key, the last file's value counts.

    The key `$schema` is left out: by it an editor finds the JSON schema of the file, such as `schemas/settings.json`.

    Args:
        option: The option that names the files.
        paths: The option's texts.

    Raises:
        RunEnded: One of them is not the path of a file with a JSON object in UTF-8.
    """
    content: dict[str, Any] = {}
    for path in paths:
        content |= _read(option, path)[1]
    content.pop("$schema", None)
    return content


def is_catalog(content: dict[str, Any]) -> bool:
    """Return whether singer-sdk can read a catalog from a JSON object."""
    try:
        Catalog.from_dict(content)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    # singer-sdk takes an object without streams for an empty catalog: a run would emit nothing and report success.
    return "streams" in content


def catalog_problem(catalog: Catalog) -> str | None:
    """Return why singer-sdk would not find one of our streams in a catalog that names it, None if it would."""
    for entry in catalog.streams:
        if entry.tap_stream_id in NOUNS and entry.stream not in {None, entry.tap_stream_id}:
            return (
                f"the `stream` of `{entry.tap_stream_id}` must be the same name; "
                "to rename a stream, use `__alias__` in the setting `stream_maps`"
            )
    return None


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


def _read(option: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a file and the JSON object in it. The file may be a pipe, which can be read only once.

    Args:
        option: The option that names the file.
        path: The option's text; `-` is the standard input.

    Raises:
        RunEnded: It is not the path of a file with a JSON object in UTF-8.
    """
    if not path.strip():
        raise RunEnded.misconfigured(f"{option} is empty and must name a file; is a variable of your shell unset?")
    try:
        with click.open_file(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        # A ValueError if the text contains a NUL.
        if not isinstance(error, OSError) or error.errno in _NO_FILE:
            raise RunEnded.misconfigured(_no_such_file(option, path)) from None
        raise _refusal(option, path, f"cannot be read ({error.strerror})") from None
    try:
        text = data.decode("utf-8-sig")
        content = given_json.parse(text)
    except UnicodeDecodeError:
        hint = " (it looks like UTF-16, which PowerShell writes)" if data.startswith(_UTF_16) else ""
        raise _refusal(option, path, f"is not text in UTF-8{hint}") from None
    except ValueError as error:
        raise _refusal(option, path, str(error)) from None
    if not isinstance(content, dict):
        raise _refusal(option, path, "is not a JSON object")
    return text, content


def _refusal(option: str, path: str, problem: str) -> RunEnded:
    return RunEnded.misconfigured(f"{option} {REDACTION.quote(path)}: the file {problem}.")


def _no_such_file(option: str, path: str) -> str:
    """Return the sentence for a text that names no file; it repeats the text only if that is certainly not a secret."""
    if option == "--config" and path.upper() == "ENV":
        return "--config must name a file, or be ENV in capitals to read the environment variables."
    if _FILE_NAME.fullmatch(path):
        return f"{option} {REDACTION.quote(path)}: there is no such file."
    what = "JSON" if path.lstrip().startswith(("{", "[")) else f"a text of {len(path):,} characters"
    return f"{option} must name a file; its value is {what}, and there is no file of that name."
