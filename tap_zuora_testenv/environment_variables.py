"""Pure: the settings that environment variables contain, and which of the variables are misspelt.

singer-sdk's own function is not used: it reads a `.env` file as well, the first one in the folders above its own, and
lets it override the environment.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from tap_zuora_testenv.given_json import parse
from tap_zuora_testenv.settings import ENVIRONMENT_PREFIX, MUST_BE

if TYPE_CHECKING:
    from collections.abc import Mapping

# singer-sdk's words for true, and their opposites.
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
LOG_LEVELS = (f"{ENVIRONMENT_PREFIX}LOGLEVEL", "LOGLEVEL")
"""The variables from which singer-sdk takes the level of the log; the first that has one counts."""


def variable(setting: str) -> str:
    """Return the name of a setting's environment variable."""
    return f"{ENVIRONMENT_PREFIX}{setting.upper()}"


def is_set(setting: str, environ: Mapping[str, str]) -> bool:
    """Return whether a setting's environment variable has a value; an empty one counts as unset."""
    return bool(environ.get(variable(setting), "").strip())


def read(environ: Mapping[str, str], schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that environment variables contain, and a sentence for each variable that cannot be read.

    Args:
        environ: The environment variables.
        schema: The JSON schema of the settings, singer-sdk's own among them.
    """
    settings: dict[str, Any] = {}
    sentences = []
    for name, definition in schema["properties"].items():
        if not is_set(name, environ):
            continue
        try:
            settings[name] = _value(environ[variable(name)], definition["type"])
        except ValueError as error:
            must_be = MUST_BE.get(name) or f"of the type {definition['type'][0]}"
            sentences.append(f"The environment variable {variable(name)} must be {must_be}{error}.")
    return settings, sentences


def _value(text: str, types: list[str]) -> Any:  # noqa: ANN401 - whatever JSON may be
    """Return the value of a variable.

    Raises:
        ValueError: The text is not of the setting's type; the error's text ends the sentence "The variable must be …".
    """
    if "integer" in types:
        try:
            return int(text)
        except ValueError:
            raise ValueError("") from None
    if "boolean" in types:
        try:
            return _BOOLEANS[text.strip().lower()]
        except KeyError:
            raise ValueError(": true or false") from None
    if {"array", "object"}.isdisjoint(types):
        return text
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f", as JSON; its value {error}") from None


def misspelt(environ: Mapping[str, str], schema: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each environment variable that looks like a setting's, but is not.

    Args:
        environ: The environment variables.
        schema: The JSON schema of the settings, singer-sdk's own among them.
    """
    known = [variable(name) for name in schema["properties"]]
    sentences = []
    for name in sorted(environ.keys() - {*known, *LOG_LEVELS}):
        # Meltano's own variables begin with a second underscore, or contain two.
        if name.upper().startswith(ENVIRONMENT_PREFIX) and "__" not in name:
            setting = name.upper().removeprefix(ENVIRONMENT_PREFIX)
            meant = difflib.get_close_matches(setting, [each.removeprefix(ENVIRONMENT_PREFIX) for each in known], n=1)
            if meant:
                sentences.append(
                    f"The environment variable {name} is not read, because no setting has that name; "
                    f"did you mean {ENVIRONMENT_PREFIX}{meant[0]}?"
                )
    return sentences
