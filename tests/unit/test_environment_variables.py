from __future__ import annotations

import json

import pytest

from tap_zuora_testenv.environment_variables import is_set, misspelt, read, variable
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE

PREFIX = "TAP_ZUORA_TESTENV_"
MARK = "Xq7Xq7"
TYPES = {"whole": ["integer", "null"], "flag": ["boolean", "null"], "maps": ["object", "null"], "text": ["string"]}
SCHEMA = {"properties": {name: {"type": types} for name, types in TYPES.items()}}


def in_environment(**variables: str) -> tuple[dict[str, object], list[str]]:
    return read({**{variable(name): value for name, value in variables.items()}, "PATH": "/bin"}, CONFIG_JSONSCHEMA)


def test_each_variable_becomes_a_value_of_its_type() -> None:
    named = ["a", {"id": "b"}]
    given = {
        "max_attempts": "5",
        "test_environments": json.dumps(named),
        "base_url": " x ",
        "client_secret": "[not json",
    }
    settings = {"max_attempts": 5, "test_environments": named, "base_url": " x ", "client_secret": "[not json"}
    assert in_environment(**given) == (settings, [])


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
@pytest.mark.parametrize("setting", MUST_BE)
def test_an_empty_variable_counts_as_unset(setting: str, empty: str) -> None:
    assert in_environment(**{setting: empty}) == ({}, [])
    assert not is_set(setting, {variable(setting): empty})
    assert is_set(setting, {variable(setting): "x"})


@pytest.mark.parametrize("setting", ["max_parallel_requests", "request_timeout", "max_attempts"])
@pytest.mark.parametrize("text", ["many", "8.5", "1e3", "0x10"])
def test_a_variable_that_is_not_a_number_is_named_and_not_shown(setting: str, text: str) -> None:
    sentence = f"The environment variable {variable(setting)} must be {MUST_BE[setting]}."
    assert in_environment(**{setting: text}) == ({}, [sentence])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "is not JSON (line 1, column 1)."),
        ("['a']", "is not JSON (line 1, column 2): JSON needs double quotes, not single ones."),
        ('["a",]', "there is a comma after the last entry."),
        (f"[{MARK}", "is not JSON (line 1, column 2)."),
        (f'["{MARK}', "is not JSON (line 1, column 2)."),
        ("[" * 900 + "]" * 900, "is nested more than 100 levels deep."),
    ],
    ids=["word", "quotes", "comma", "mark", "text", "deep"],
)
def test_a_variable_that_is_not_json_is_named_and_not_shown(text: str, reason: str) -> None:
    _, (sentence,) = in_environment(test_environments=text)
    assert sentence.startswith(f"The environment variable {PREFIX}TEST_ENVIRONMENTS must be a non-empty list")
    assert ", as JSON; its value " in sentence
    assert sentence.endswith(reason)
    assert MARK not in sentence


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("YES", True), ("on", True), ("False", False), ("0", False)]
)
def test_a_boolean_has_several_words(text: str, value: object) -> None:
    assert read({f"{PREFIX}FLAG": text}, SCHEMA) == ({"flag": value}, [])


def test_each_bad_variable_is_named_also_those_of_singer_sdk() -> None:
    environ = {f"{PREFIX}{name}": "{" for name in ("WHOLE", "FLAG", "MAPS", "TEXT")}
    settings, sentences = read(environ, SCHEMA)
    assert settings == {"text": "{"}
    assert [sentence.removeprefix(f"The environment variable {PREFIX}") for sentence in sentences] == [
        "WHOLE must be of the type integer.",
        "FLAG must be of the type boolean: true or false.",
        "MAPS must be of the type object, as JSON; its value is not JSON (line 1, column 2).",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (f"{PREFIX}BASEURL", "BASE_URL"),
        (f"{PREFIX}CLIENT_SECRETS", "CLIENT_SECRET"),
        (f"{PREFIX}TEST_ENVIRONMENT", "TEST_ENVIRONMENTS"),
        (f"{PREFIX}MAX_PARALEL_REQUESTS", "MAX_PARALLEL_REQUESTS"),
        (f"{PREFIX}base_url", "BASE_URL"),
        (f"{PREFIX.lower()}start_date", "START_DATE"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(name: str, meant: str) -> None:
    (sentence,) = misspelt({name: MARK}, CONFIG_JSONSCHEMA)
    assert name in sentence
    assert sentence.endswith(f"did you mean {PREFIX}{meant}?")
    assert MARK not in sentence


@pytest.mark.parametrize(
    "name",
    [
        *map(variable, MUST_BE),
        f"{PREFIX}LOGLEVEL",
        f"{PREFIX}_SELECT",
        f"{PREFIX}_SCHEMA",
        f"{PREFIX}BASE_URL__EXTRA",
        f"{PREFIX}OWNER",
        "TAP_ZUORA_BASE_URL",
        "BASE_URL",
        "LOGLEVEL",
    ],
)
def test_a_variable_that_is_not_like_a_setting_is_ignored(name: str) -> None:
    assert misspelt({name: "x"}, CONFIG_JSONSCHEMA) == []
