from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, ENVIRONMENT_PREFIX, MUST_BE
from tap_zuora_testenv.validation import environment_problems, problems

GOOD: dict[str, Any] = {
    "base_url": "https://rest.na.zuora.com",
    "client_id": "an id",
    "client_secret": "a secret",
}
WITH_TOKEN = {"base_url": "https://rest.na.zuora.com", "access_token": "t0ken"}


def found(**settings: Any) -> list[str]:
    return problems({**GOOD, **settings}, CONFIG_JSONSCHEMA)


def refused(setting: str) -> str:
    return f"Setting `{setting}` must be {MUST_BE[setting]}."


@pytest.mark.parametrize("config", [GOOD, WITH_TOKEN])
def test_the_least_that_is_needed_is_enough(config: dict[str, Any]) -> None:
    assert problems(config, CONFIG_JSONSCHEMA) == []


GOOD_VALUES: list[tuple[str, list[Any]]] = [
    (
        "base_url",
        [
            "https://rest.zuora.com",
            "https://rest.zuora.com/",
            "https://REST.zuora.com:8443",
            "https://gateway.example/zuora",
            "http://127.0.0.1:8080",
            "http://127.8.9.10",
            "http://localhost:8080",
            "http://[::1]:8080",
        ],
    ),
    ("client_id", ["x", "with space", "\u00e9"]),
    ("client_secret", ["x", "with space=&+/", "\u00e9"]),
    (
        "test_environments",
        [
            ["a"],
            ["a", "a"],
            [{"id": "a"}],
            [{"id": "a", "job_ids": ["j", "j"]}],
            ["a", {"id": "a", "job_ids": ["j"]}],
            ["2c92c0f9-0000-4000_8000"],
            ["x" * 128],
        ],
    ),
    ("start_date", ["2026-01-31T00:00:00Z", "2026-01-31", "2026-01-31T00:00:00.5+02:00", "2026-01-31 00:00:00"]),
    ("entity_id", ["2c92c0f9-0000", "x" * 128]),
    ("track_id", ["run", "x" * 64, "a b", "a/b#c?d=e&f"]),
    ("max_parallel_requests", [1, 8, 40]),
    ("request_timeout", [1, 120, 600]),
    ("max_attempts", [1, 5, 20]),
    ("on_missing", ["warn", "fail"]),
    ("user_agent", ["x", "tap (me@example.com)"]),
]
BAD_VALUES: list[tuple[str, list[Any]]] = [
    (
        "base_url",
        [
            "",
            " ",
            "rest.zuora.com",
            "//rest.zuora.com",
            "ftp://rest.zuora.com",
            "http://rest.zuora.com",
            "http://localhost.example",
            "http://zuora",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "https://",
            "https:///path",
            "https://me:secret@rest.zuora.com",
            "https://me@rest.zuora.com",
            "https://rest.zuora.com?x=1",
            "https://rest.zuora.com#x",
            "https://rest.zuora.com?",
            "https://rest.zuora.com/v1",
            "https://rest.zuora.com/v1/",
            "https://rest.zuora.com\\@evil.example",
            "https://rest.zuora.com\n",
            "https://rest.zuora.com:port",
            "https://rest.zuora.com:99999",
            "https://[::1",
            "https://rest zuora.com",
            "https://r\u00e9st.zuora.com",
            5,
            ["https://rest.zuora.com"],
        ],
    ),
    ("client_id", ["", 5, ["x"], True, "\ud800"]),
    ("client_secret", ["", 5, {"x": 1}, False, "a\ud800b"]),
    ("start_date", ["", "soon", "2026-02-30", "2026-01-31T25:00:00Z", 5, True]),
    ("entity_id", ["", "a b", "a/b", "..", "x" * 129, "a\n", "\u00e9", 5]),
    ("track_id", ["", " ", "a:b", "a;b", 'a"b', "a'b", "x" * 65, "\u00e9", "a\nb", "a\n", " a", "a ", 5]),
    ("max_parallel_requests", [0, 41, -1, 8.5, "8", True, [8]]),
    ("request_timeout", [0, 601, "120", 1.5]),
    ("max_attempts", [0, 21, "5"]),
    ("on_missing", ["", "Warn", "ignore", 5]),
    ("user_agent", ["", " ", "a\n", "a\nb", "a\r\nX: y", "\u00e9", 5]),
]


@pytest.mark.parametrize(
    ("setting", "value"), [(setting, value) for setting, values in GOOD_VALUES for value in values]
)
def test_a_good_value_passes(setting: str, value: object) -> None:
    assert found(**{setting: value}) == []


@pytest.mark.parametrize(
    ("setting", "value"), [(setting, value) for setting, values in BAD_VALUES for value in values], ids=ascii
)
def test_a_bad_value_is_refused_in_one_sentence_that_says_what_it_must_be(setting: str, value: object) -> None:
    assert found(**{setting: value}) == [refused(setting)]


@pytest.mark.parametrize("token", ["", "two words", "a\n", "\u00e9", 5, ["t"]], ids=ascii)
def test_a_bad_token_is_refused(token: object) -> None:
    assert problems({**WITH_TOKEN, "access_token": token}, CONFIG_JSONSCHEMA) == [refused("access_token")]


@pytest.mark.parametrize("value", [[], {}, "a", 5, {"id": "a"}], ids=repr)
def test_what_is_no_list_of_test_environments_is_refused(value: object) -> None:
    assert found(test_environments=value) == [refused("test_environments")]


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "..",
        "a/b",
        "a?b",
        "a#b",
        "a%2Fb",
        "a b",
        "a\n",
        "\u00e9",
        "x" * 129,
        5,
        None,
        [],
        {},
        {"id": ""},
        {"id": 5},
        {"job_ids": ["j"]},
        {"id": "a", "job_ids": []},
        {"id": "a", "job_ids": None},
        {"id": "a", "job_ids": "j"},
        {"id": "a", "job_ids": ["j", ".."]},
        {"id": "a", "job_ids": [5]},
        {"id": "a", "jobs": ["j"]},
    ],
    ids=repr,
)
def test_a_bad_entry_is_refused_by_its_number(entry: object) -> None:
    (sentence,) = found(test_environments=["good", entry])
    assert sentence.startswith("Setting `test_environments` has a wrong entry (number 2); it must be ")


def test_each_bad_entry_is_told() -> None:
    assert len(found(test_environments=["..", "good", "a b"])) == 2


def test_null_means_not_set() -> None:
    everything = dict.fromkeys(MUST_BE)
    assert problems({**everything, **GOOD}, CONFIG_JSONSCHEMA) == []


def test_a_missing_base_url_is_told() -> None:
    (sentence,) = problems({**GOOD, "base_url": None}, CONFIG_JSONSCHEMA)
    assert sentence == f"Setting `base_url` is missing: it must be {MUST_BE['base_url']}."


@pytest.mark.parametrize(
    ("given_ones", "sentence"),
    [
        ({}, "The credentials are missing"),
        ({"client_id": "x"}, "`client_secret` is missing"),
        ({"client_secret": "x"}, "`client_id` is missing"),
        ({"access_token": "x", "client_id": "x", "client_secret": "x"}, "not both"),
        ({"access_token": "x", "client_id": "x"}, "not both"),
        ({"access_token": "x", "client_secret": "x"}, "not both"),
    ],
)
def test_exactly_one_way_to_authenticate_is_taken(given_ones: dict[str, str], sentence: str) -> None:
    (told,) = problems({"base_url": "https://rest.zuora.com", **given_ones}, CONFIG_JSONSCHEMA)
    assert sentence in told


def test_an_unknown_setting_is_refused_by_name_with_the_one_it_may_be() -> None:
    (sentence,) = found(max_parallel_request=8)
    assert sentence == "Setting `max_parallel_request` does not exist; did you mean `max_parallel_requests`?"


def test_each_unknown_setting_is_told() -> None:
    sentences = found(zzz=1, qqq=2)
    assert sorted(sentence.split("`")[1] for sentence in sentences) == ["qqq", "zzz"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    sentences = problems({"base_url": "x", "max_attempts": 0, "on_missing": "no"}, CONFIG_JSONSCHEMA)
    assert len(sentences) == 4


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(MUST_BE)) | st.text(), anything, max_size=8))
def test_settings_of_any_shape_are_refused_in_lines_that_can_be_written(config: dict[str, Any]) -> None:
    for sentence in problems(config, CONFIG_JSONSCHEMA):
        assert sentence.encode()
        assert len(sentence.splitlines()) == 1
        assert len(sentence) < 500


MARK = "Xq7Xq7"
holding_the_mark = st.recursive(
    st.text().map(lambda text: f"{text}{MARK}\n"),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.just("id"), inner, min_size=1),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(list(MUST_BE)), holding_the_mark))
def test_no_sentence_shows_a_value(config: dict[str, Any]) -> None:
    assert MARK not in " ".join(problems(config, CONFIG_JSONSCHEMA))


# The environment's variables.


def in_environment(**variables: str) -> list[str]:
    environ = {f"{ENVIRONMENT_PREFIX}{name.upper()}": value for name, value in variables.items()}
    return environment_problems({**environ, "PATH": "/bin"}, CONFIG_JSONSCHEMA, ENVIRONMENT_PREFIX)


def test_variables_that_can_be_read_are_not_complained_of() -> None:
    assert in_environment() == []
    good = {
        "max_attempts": "5",
        "test_environments": json.dumps(["a", {"id": "b"}]),
        "base_url": "anything",
        "client_secret": "[not json",
    }
    assert in_environment(**good) == []


@pytest.mark.parametrize("setting", ["max_parallel_requests", "request_timeout", "max_attempts"])
@pytest.mark.parametrize("text", ["", "many", "8.5", "1e3", "0x10"])
def test_a_variable_that_is_no_number_is_named_and_not_shown(setting: str, text: str) -> None:
    (sentence,) = in_environment(**{setting: text})
    assert sentence == f"The environment variable {ENVIRONMENT_PREFIX}{setting.upper()} must be {MUST_BE[setting]}."


@pytest.mark.parametrize("text", ["", "a", "a,b", "['a']", "[", "[Xq7Xq7"])
def test_a_variable_that_is_no_json_is_named_and_not_shown(text: str) -> None:
    (sentence,) = in_environment(test_environments=text)
    assert sentence.startswith("The environment variable TAP_ZUORA_TESTENV_TEST_ENVIRONMENTS must be a list")
    assert sentence.endswith(", as JSON.")
    assert MARK not in sentence


def test_each_bad_variable_is_told() -> None:
    assert len(in_environment(max_attempts="x", request_timeout="y", test_environments="z")) == 3


def test_a_variable_of_a_setting_that_only_singer_sdk_knows_is_named_too() -> None:
    schema = {"properties": {"maps": {"type": ["object", "null"]}}}
    sentence = "The environment variable TAP_MAPS must be a value of its type, as JSON."
    assert environment_problems({"TAP_MAPS": "{"}, schema, "TAP_") == [sentence]
