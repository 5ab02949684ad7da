from __future__ import annotations

import pytest

from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE

PROPERTIES = CONFIG_JSONSCHEMA["properties"]
HOSTS = [
    "rest.zuora.com",
    "rest.na.zuora.com",
    "rest.eu.zuora.com",
    "rest.ap.zuora.com",
    "rest.apisandbox.zuora.com",
    "rest.sandbox.na.zuora.com",
    "rest.sandbox.eu.zuora.com",
    "rest.test.zuora.com",
    "rest.test.eu.zuora.com",
    "rest.test.ap.zuora.com",
]


def test_the_settings_are_those_of_the_contract() -> None:
    assert list(MUST_BE) == [
        "base_url",
        "client_id",
        "client_secret",
        "access_token",
        "test_environments",
        "start_date",
        "entity_id",
        "track_id",
        "max_parallel_requests",
        "request_timeout",
        "max_attempts",
        "on_missing",
        "user_agent",
    ]
    assert MUST_BE.keys() <= PROPERTIES.keys()


def test_one_setting_is_required() -> None:
    assert CONFIG_JSONSCHEMA["required"] == ["base_url"]


def test_an_unknown_setting_is_refused() -> None:
    assert CONFIG_JSONSCHEMA["additionalProperties"] is False


def test_the_secrets_are_marked_as_such() -> None:
    secret = {name for name in MUST_BE if PROPERTIES[name].get("secret")}
    assert secret == {"client_id", "client_secret", "access_token"}


def test_the_defaults_are_those_of_the_contract() -> None:
    defaults = {name: PROPERTIES[name]["default"] for name in MUST_BE if "default" in PROPERTIES[name]}
    assert defaults == {"max_parallel_requests": 8, "request_timeout": 120, "max_attempts": 5, "on_missing": "warn"}


@pytest.mark.parametrize("host", HOSTS)
def test_each_known_host_is_in_the_description(host: str) -> None:
    assert f"https://{host}" in PROPERTIES["base_url"]["description"]


@pytest.mark.parametrize("name", MUST_BE)
def test_each_setting_has_a_title_and_a_description(name: str) -> None:
    assert PROPERTIES[name]["title"]
    assert PROPERTIES[name]["description"].endswith((".", "."))
