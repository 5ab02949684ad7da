"""Pure: the sentences that refuse settings. None of them shows a value."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_zuora_testenv.environment_variables import variable
from tap_zuora_testenv.given_json import HALF_CHARACTER, has_lone_surrogate
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.settings import CREDENTIALS, MUST_BE
from tap_zuora_testenv.timestamps import instant
from tap_zuora_testenv.values import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from jsonschema import ValidationError

# What is copied along with a text from a page: white space, a zero-width space, a byte order mark.
_AROUND = re.compile(r"\A[\s\u200b\ufeff]+|[\s\u200b\ufeff]+\Z")
# Segments of the paths of Zuora's operations and pages, none of which belongs in the address of the host.
_OPERATIONS = {"oauth", "test-environments", "apps", "rest", "services"}
_VERSION = re.compile(r"v\d+")
_PATTERNED = MUST_BE.keys() - {"client_id", "client_secret"}
_STREAM_MAPS = "see https://sdk.meltano.com/en/latest/stream_maps.html"
# A leading dot, an empty segment or a percent sign could lead to another path.
_SEGMENT = re.compile(r"[\w~-][\w.~-]*", re.ASCII)
_UNWANTED = [
    (re.compile(pattern), mistake)
    for pattern, mistake in (
        (r"\A\Z", "is empty"),
        (r"\A[\"'].*|[\"']\Z", "has quotes around it"),
        (r"\s", "contains white space"),
        (r"[^\x21-\x7e]", "contains a character that is not visible ASCII"),
        (r"\\", "contains a backslash"),
        (r"\A(?!(?i:https?)://)", "does not begin with https://"),
        (r"@", "contains user info (what is before the @), which belongs in client_id and client_secret"),
        (r"\?", "contains a query (from the ? on)"),
        (r"#", "contains a fragment (from the # on)"),
    )
]


def stripped(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without those that are null, and without white space around `base_url` and credentials."""
    return {
        name: _AROUND.sub("", value) if name in {"base_url", *CREDENTIALS} and isinstance(value, str) else value
        for name, value in config.items()
        if value is not None
    }


def problems(config: Mapping[str, Any], schema: Mapping[str, Any], unread: Collection[str] = ()) -> list[str]:
    """Return a sentence for each thing that is wrong with the settings.

    Args:
        config: The settings as they came; null means not set.
        schema: The JSON schema of the settings, singer-sdk's own among them.
        unread: The settings whose environment variables are set, but not read.
    """
    given = stripped(config)
    sentences: list[str] = []
    try:
        for error in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(given):
            sentences += _sentences(error, given, schema, unread)
    except AttributeError:
        # In singer-sdk's schema, the last alternative for `__else__` is not a schema: only a wrong value gets that far.
        sentences.append(f'Setting `stream_maps` is wrong: an `__else__` must be null or "__NULL__"; {_STREAM_MAPS}.')
    if isinstance(url := given.get("base_url"), str) and (mistake := _base_url_mistake(url)):
        sentences.append(f"Setting `base_url` {mistake}; it must be {MUST_BE['base_url']}.")
    if isinstance(start := given.get("start_date"), str) and instant(start) is None:
        sentences.append(_must_be("start_date"))
    # A variable that is not UTF-8 arrives with lone surrogates. The patterns of the other settings refuse them.
    unpatterned = schema["properties"].keys() - _PATTERNED
    halves = [name for name, value in given.items() if name in unpatterned and has_lone_surrogate(value)]
    sentences += [_must_be(name) if name in MUST_BE else f"Setting `{name}` {HALF_CHARACTER}." for name in halves]
    sentences += _authentication_problems(given, unread)
    # Each sentence once, however many rules a value breaks.
    return list(dict.fromkeys(sentences))


def _must_be(setting: str, entry: int | None = None) -> str:
    where = "" if entry is None else f" has a wrong entry (number {entry + 1}); it"
    return f"Setting `{setting}`{where} must be {MUST_BE[setting]}."


def _sentences(
    error: ValidationError, given: Mapping[str, Any], schema: Mapping[str, Any], unread: Collection[str]
) -> Iterator[str]:
    # Of a value that may have several forms, the most precise reason is the deepest one.
    path = list(max([error, *(error.context or [])], key=lambda each: len(each.absolute_path)).absolute_path)
    if path and path[0] in MUST_BE:
        entry = path[1] if len(path) > 1 else None
        yield _must_be(str(path[0]), entry if isinstance(entry, int) else None)
    elif path:
        # One of singer-sdk's own settings.
        where = f" is wrong at `{REDACTION.quote('.'.join(map(str, path[1:])))}`" if path[1:] else " is wrong"
        yield f"Setting `{path[0]}`{where}; {_STREAM_MAPS}."
    elif error.validator == "required":
        yield from (
            f"Setting `{name}` is missing: it must be {MUST_BE[name]}.{_unread([name], unread)}"
            for name in schema["required"]
            if name not in given
        )
    else:
        for name in sorted(given.keys() - schema["properties"].keys()):
            meant = _meant(name, list(schema["properties"]))
            hint = f"did you mean `{meant}`?" if meant else "`tap-zuora-testenv --about` shows all settings."
            yield f"Setting `{REDACTION.quote(name)}` does not exist; {hint}"


def _meant(name: str, settings: list[str]) -> str | None:
    """Return the setting that a name was meant to be, None if it resembles none: `clientId`, `secret`, `URL`."""
    lower = name.lower()
    close = difflib.get_close_matches(lower, settings, n=1)
    return next(iter([*close, *(each for each in settings if len(lower) > 2 and lower in each)]), None)  # noqa: PLR2004


def _unread(settings: Iterable[str], unread: Collection[str]) -> str:
    """Return the hint that the variable of a missing setting is set, empty if none is."""
    names = [variable(name) for name in settings if name in unread]
    are = "are" if len(names) > 1 else "is"
    return f" {' and '.join(names)} {are} set, but only read with --config=ENV." if names else ""


def _authentication_problems(given: Mapping[str, Any], unread: Collection[str]) -> list[str]:
    has_id, has_secret, has_token = (name in given for name in CREDENTIALS)
    if has_token and (has_id or has_secret):
        return ["Set either `client_id` and `client_secret`, or `access_token`, not both."]
    if has_token or (has_id and has_secret):
        return []
    if has_id or has_secret:
        missing = "client_secret" if has_id else "client_id"
        sentence = f"Setting `{missing}` is missing: `client_id` and `client_secret` belong together."
        return [sentence + _unread([missing], unread)]
    sentence = "The credentials are missing: set `client_id` and `client_secret`, or only `access_token`."
    return [sentence + _unread(CREDENTIALS, unread)]


def _base_url_mistake(url: str) -> str | None:
    """Return the mistake in the address of the host, None if there is none; completes "Setting `base_url` ..."."""
    # urlsplit drops line breaks and accepts spaces and backslashes, so these are checked first.
    if mistake := next((mistake for pattern, mistake in _UNWANTED if pattern.search(url)), None):
        return mistake
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "has a wrong port or a wrong IPv6 address"
    if not host or port == 0:
        return "has no host" if not host else "has a wrong port or a wrong IPv6 address"
    if parts.scheme == "http" and not is_loopback_host(host):
        return "begins with http://, which is only for loopback addresses; a secret needs https://"
    return _path_mistake(parts.path, host)


def _path_mistake(path: str, host: str) -> str | None:
    segments = path.strip("/").split("/")
    if _VERSION.fullmatch(segments[-1]):
        # Zuora's operations for test environments are those without /v1 in their path.
        return f"ends with /{segments[-1]}, which the operations for test environments do not have"
    if not _OPERATIONS.isdisjoint(segments):
        return "has the path of an operation or a page, and must end before it"
    if path.strip("/") and (host.endswith(".zuora.com") or not all(map(_SEGMENT.fullmatch, segments))):
        return "has a path that cannot be right"
    return None
