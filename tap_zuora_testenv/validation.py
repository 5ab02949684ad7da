"""Pure: the sentences that refuse settings. None of them shows a value."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.settings import MUST_BE
from tap_zuora_testenv.timestamps import instant
from tap_zuora_testenv.values import VISIBLE_ASCII, without_lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

_VISIBLE_ASCII = re.compile(VISIBLE_ASCII)


def problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that is wrong with the settings.

    Args:
        config: The settings as they came; null means not set.
        schema: The JSON schema of the settings, singer-sdk's own among them.
    """
    given = {name: value for name, value in config.items() if value is not None}
    errors = DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(given)
    sentences = [sentence for error in errors for sentence in _sentences(error, given, schema)]
    if isinstance(url := given.get("base_url"), str) and not _is_base_url(url):
        sentences.append(_must_be("base_url"))
    if isinstance(start := given.get("start_date"), str) and instant(start) is None:
        sentences.append(_must_be("start_date"))
    # A variable that is not UTF-8 arrives with lone surrogates, which a form cannot contain.
    texts = {name: str(given.get(name)) for name in ("client_id", "client_secret")}
    sentences += [_must_be(name) for name, text in texts.items() if without_lone_surrogates(text) != text]
    sentences += _authentication_problems(given)
    # Each sentence once, however many rules a value breaks.
    return list(dict.fromkeys(sentences))


def environment_problems(environ: Mapping[str, str], schema: Mapping[str, Any], prefix: str) -> list[str]:
    """Return a sentence for each environment variable whose text is not of its setting's type.

    singer-sdk reads them before it validates anything, and its error does not say which variable it was.

    Args:
        environ: The environment variables.
        schema: The JSON schema of the settings, singer-sdk's own among them.
        prefix: What the variables' names begin with.
    """
    sentences = []
    for name, definition in schema["properties"].items():
        variable, is_integer = f"{prefix}{name.upper()}", "integer" in definition["type"]
        try:
            if is_integer:
                int(environ.get(variable, "0"))
            elif not {"array", "object"}.isdisjoint(definition["type"]):
                json.loads(environ.get(variable, "[]"))
        except ValueError:
            must_be = MUST_BE.get(name, "a value of its type")
            sentences.append(
                f"The environment variable {variable} must be {must_be}{'' if is_integer else ', as JSON'}."
            )
    return sentences


def _must_be(setting: str, entry: int | None = None) -> str:
    where = "" if entry is None else f" has a wrong entry (number {entry + 1}); it"
    return f"Setting `{setting}`{where} must be {MUST_BE.get(setting, 'a value of its type')}."


def _sentences(error: ValidationError, given: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    path = list(error.absolute_path)
    if path:
        entry = path[1] if len(path) > 1 else None
        yield _must_be(str(path[0]), entry if isinstance(entry, int) else None)
    elif error.validator == "required":
        yield from (
            f"Setting `{name}` is missing: it must be {MUST_BE[name]}."
            for name in schema["required"]
            if name not in given
        )
    else:
        known = schema["properties"].keys()
        for name in given.keys() - known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "`tap-zuora-testenv --about` shows all settings."
            yield f"Setting `{REDACTION.quote(name)}` does not exist; {hint}"


def _authentication_problems(given: Mapping[str, Any]) -> list[str]:
    has_id, has_secret, has_token = (name in given for name in ("client_id", "client_secret", "access_token"))
    if has_token and (has_id or has_secret):
        return ["Set either `client_id` and `client_secret`, or `access_token`, not both."]
    if has_token or (has_id and has_secret):
        return []
    if has_id or has_secret:
        missing = "client_secret" if has_id else "client_id"
        return [f"Setting `{missing}` is missing: `client_id` and `client_secret` belong together."]
    return ["The credentials are missing: set `client_id` and `client_secret`, or `access_token` alone."]


def _is_base_url(url: str) -> bool:
    # urlsplit drops line breaks and accepts spaces, so they are looked for first.
    if not _VISIBLE_ASCII.fullmatch(url) or not {"?", "#", "@", "\\"}.isdisjoint(url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    # Zuora's test-environment operations are the ones without /v1 in their path.
    if not host or parts.path.rstrip("/").endswith("/v1"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
