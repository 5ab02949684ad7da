from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE
from tap_zuora_testenv.tap import TapZuoraTestenv
from tap_zuora_testenv.validation import problems, stripped

GOOD: dict[str, Any] = {
    "base_url": "https://rest.na.zuora.com",
    "client_id": "an id",
    "client_secret": "a secret",
}
SCHEMA = deepcopy(CONFIG_JSONSCHEMA)
TapZuoraTestenv.append_builtin_config(SCHEMA)
WITH_TOKEN = {"base_url": "https://rest.na.zuora.com", "access_token": "t0ken-t0ken"}


def found(**settings: Any) -> list[str]:
    return problems({**GOOD, **settings}, SCHEMA)


def refused(setting: str) -> str:
    return f"Setting `{setting}` must be {MUST_BE[setting]}."


@pytest.mark.parametrize("config", [GOOD, WITH_TOKEN])
def test_the_least_that_is_needed_is_enough(config: dict[str, Any]) -> None:
    assert problems(config, SCHEMA) == []


GOOD_VALUES: list[tuple[str, list[Any]]] = [
    (
        "base_url",
        [
            "https://rest.zuora.com",
            "https://rest.zuora.com/",
            "https://REST.zuora.com:8443",
            "https://gateway.example/zuora",
            "https://gateway.example/zuora/v1-proxy/",
            "HTTPS://rest.zuora.com",
            " https://rest.zuora.com\n",
            "\ufeffhttps://rest.zuora.com\u200b",
            "http://127.0.0.1:8080",
            "http://127.8.9.10",
            "http://localhost:8080",
            "http://[::1]:8080",
        ],
    ),
    ("client_id", ["x", "with space", "\u00e9"]),
    ("client_secret", ["8letters", "with space=&+/", "\u00e9" * 8]),
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
    ("base_url", [5, ["https://rest.zuora.com"]]),
    ("client_id", ["", 5, ["x"], True, "\ud800"]),
    ("client_secret", ["", 5, {"x": 1}, False, "abcd\ud800efgh", "7 chars", "  7 chars\n"]),
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


BASE_URLS = [
    ("", "is empty"),
    (" ", "is empty"),
    ("rest.zuora.com", "does not begin with https://"),
    ("//rest.zuora.com", "does not begin with https://"),
    ("ftp://rest.zuora.com", "does not begin with https://"),
    ("https:rest.zuora.com", "does not begin with https://"),
    ("http://rest.zuora.com", "begins with http://, which is only for loopback addresses; a secret needs https://"),
    ("http://localhost.example", "begins with http://, which is only for"),
    ("http://zuora", "begins with http://, which is only for"),
    ("http://10.0.0.1", "begins with http://, which is only for"),
    ("http://0.0.0.0", "begins with http://, which is only for"),
    ("https://", "has no host"),
    ("https:///path", "has no host"),
    ("https://:8443", "has no host"),
    ("https://me:secret@rest.zuora.com", "contains user info (what is before the @)"),
    ("https://me@rest.zuora.com", "contains user info (what is before the @)"),
    ("https://rest.zuora.com?x=1", "contains a query (from the ? on)"),
    ("https://rest.zuora.com?", "contains a query (from the ? on)"),
    ("https://rest.zuora.com#x", "contains a fragment (from the # on)"),
    ("https://rest.zuora.com/v1", "ends with /v1, which the operations for test environments do not have"),
    ("https://gateway.example/zuora/v1/", "ends with /v1, which"),
    ("https://rest.zuora.com/oauth/token", "has the path of an operation or a page, and must end before it"),
    ("https://gateway.example/zuora/oauth/token", "has the path of an operation or a page"),
    ("https://rest.zuora.com/test-environments", "has the path of an operation or a page"),
    ("https://rest.zuora.com/v1/test-environments", "has the path of an operation or a page"),
    ("https://rest.zuora.com/apps/newlogin.do", "has the path of an operation or a page"),
    ("https://rest.zuora.com/anything", "has a path that cannot be right"),
    ("https://gateway.example/a//b", "has a path that cannot be right"),
    ("https://gateway.example/../b", "has a path that cannot be right"),
    ("https://gateway.example/%2e%2e/b", "has a path that cannot be right"),
    ("https://rest.zuora.com\\@evil.example", "contains a backslash"),
    ("https://rest.zuora.com:port", "has a wrong port or a wrong IPv6 address"),
    ("https://rest.zuora.com:99999", "has a wrong port"),
    ("https://rest.zuora.com:0", "has a wrong port"),
    ("https://[::1", "has a wrong port or a wrong IPv6 address"),
    ("https://rest zuora.com", "contains white space"),
    ("https://rest.zu\nora.com", "contains white space"),
    ("https://r\u00e9st.zuora.com", "contains a character that is not visible ASCII"),
    ("https://rest.zu\u200bora.com", "contains a character that is not visible ASCII"),
    ('"https://rest.zuora.com"', "has quotes around it"),
    ("'https://rest.zuora.com'", "has quotes around it"),
]


@pytest.mark.parametrize(("url", "mistake"), BASE_URLS, ids=[ascii(url) for url, _ in BASE_URLS])
def test_a_wrong_base_url_is_refused_by_the_mistake_in_it(url: str, mistake: str) -> None:
    (sentence,) = found(base_url=url)
    assert sentence.startswith(f"Setting `base_url` {mistake}")
    assert sentence.endswith(f"; it must be {MUST_BE['base_url']}.")


@pytest.mark.parametrize("token", ["", "two words", "abcd\nefgh", "\u00e9" * 8, 5, ["t"], "7-chars"], ids=ascii)
def test_a_bad_token_is_refused(token: object) -> None:
    assert problems({**WITH_TOKEN, "access_token": token}, SCHEMA) == [refused("access_token")]


@pytest.mark.parametrize("value", [[], {}, "a", 5, {"id": "a"}], ids=repr)
def test_a_value_that_is_not_a_list_of_test_environments_is_refused(value: object) -> None:
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


def test_each_bad_entry_is_reported() -> None:
    assert len(found(test_environments=["..", "good", "a b"])) == 2


def test_null_means_not_set() -> None:
    everything = dict.fromkeys(MUST_BE)
    assert problems({**everything, **GOOD}, SCHEMA) == []


def test_a_missing_base_url_is_reported() -> None:
    (sentence,) = problems({**GOOD, "base_url": None}, SCHEMA)
    assert sentence == f"Setting `base_url` is missing: it must be {MUST_BE['base_url']}."


@pytest.mark.parametrize(
    ("given_ones", "sentence"),
    [
        ({}, "The credentials are missing"),
        ({"client_id": "x"}, "`client_secret` is missing"),
        ({"client_secret": "xxxxxxxx"}, "`client_id` is missing"),
        ({"access_token": "xxxxxxxx", "client_id": "x", "client_secret": "xxxxxxxx"}, "not both"),
        ({"access_token": "xxxxxxxx", "client_id": "x"}, "not both"),
        ({"access_token": "xxxxxxxx", "client_secret": "xxxxxxxx"}, "not both"),
    ],
)
def test_exactly_one_way_to_authenticate_is_taken(given_ones: dict[str, str], sentence: str) -> None:
    (found_one,) = problems({"base_url": "https://rest.zuora.com", **given_ones}, SCHEMA)
    assert sentence in found_one


def test_an_unknown_setting_is_refused_by_name_with_the_one_it_may_be() -> None:
    (sentence,) = found(max_parallel_request=8)
    assert sentence == "Setting `max_parallel_request` does not exist; did you mean `max_parallel_requests`?"


def test_each_unknown_setting_is_reported() -> None:
    sentences = found(zzz=1, qqq=2)
    assert sorted(sentence.split("`")[1] for sentence in sentences) == ["qqq", "zzz"]


def test_all_mistakes_are_reported_at_once() -> None:
    sentences = problems({"base_url": "x", "max_attempts": 0, "on_missing": "no"}, SCHEMA)
    assert len(sentences) == 4


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(MUST_BE)) | st.text(), anything, max_size=8))
def test_settings_of_any_shape_are_refused_in_lines_that_can_be_written(config: dict[str, Any]) -> None:
    for sentence in problems(config, SCHEMA):
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
    assert MARK not in " ".join(problems(config, SCHEMA))


def test_half_a_character_in_a_setting_of_singer_sdk_is_refused() -> None:
    (sentence,) = found(stream_maps={"test_environments": {"\ud800": "id"}})
    assert sentence.startswith("Setting `stream_maps` contains half a character")


def test_white_space_around_the_address_and_the_credentials_is_removed() -> None:
    around = {
        "base_url": " a\n",
        "client_id": "\tb ",
        "client_secret": "\u00a0c d\r\n",
        "access_token": "\ufeffe\u200b",
    }
    assert stripped(around) == {"base_url": "a", "client_id": "b", "client_secret": "c d", "access_token": "e"}


def test_only_null_is_removed_from_other_settings() -> None:
    assert stripped({"track_id": " a", "client_id": 5, "start_date": None}) == {"track_id": " a", "client_id": 5}


MEANT = [
    ("BASE_URL", "base_url"),
    ("baseUrl", "base_url"),
    ("url", "base_url"),
    ("clientID", "client_id"),
    ("secret", "client_secret"),
    ("token", "access_token"),
    ("environments", "test_environments"),
    ("max_retries", "max_attempts"),
    ("folder", None),
    ("id", None),
]


@pytest.mark.parametrize(("name", "setting"), MEANT)
def test_an_unknown_name_is_matched_with_the_setting_that_was_meant(name: str, setting: str | None) -> None:
    (sentence,) = found(**{name: 1})
    hint = f"did you mean `{setting}`?" if setting else "`tap-zuora-testenv --about` shows all settings."
    assert sentence == f"Setting `{name}` does not exist; {hint}"


VARIABLES = "TAP_ZUORA_TESTENV_CLIENT_ID and TAP_ZUORA_TESTENV_CLIENT_SECRET are set, but only read with --config=ENV."


@pytest.mark.parametrize(
    ("missing", "unread", "hint"),
    [
        (["base_url"], ["base_url"], "TAP_ZUORA_TESTENV_BASE_URL is set, but only read with --config=ENV."),
        (["client_id", "client_secret"], ["client_id", "client_secret"], VARIABLES),
        (
            ["client_secret"],
            ["base_url", "client_secret"],
            "TAP_ZUORA_TESTENV_CLIENT_SECRET is set, but only read with --config=ENV.",
        ),
    ],
)
def test_a_missing_setting_whose_variable_is_set_gets_a_hint(missing: list[str], unread: list[str], hint: str) -> None:
    config = {name: value for name, value in GOOD.items() if name not in missing}
    (without,) = problems(config, SCHEMA)
    assert problems(config, SCHEMA, unread) == [f"{without} {hint}"]
