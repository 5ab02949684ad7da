"""The file of the tenants: what it may contain, and the sentence that refuses what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_zuora_testenv.airflow.tenants_file import (
    OTHER_SETTINGS,
    VARIABLE,
    TenantsRefused,
    read_tenants,
    tenants_file,
)
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "examples" / "airflow" / "tenants.yml"
TENANT = {"name": "acme", "base_url": "https://rest.zuora.com", "connection": "zuora_acme"}
OTHER = {"name": "other", "base_url": "https://rest.zuora.com", "connection": "zuora_other"}


def file(folder: Path, *tenants: dict[str, Any], **more: Any) -> Path:
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump({"tenants": list(tenants)} | more))
    return path


def test_the_example_is_accepted() -> None:
    tenants = read_tenants(EXAMPLE)
    assert [tenant.name for tenant in tenants.tenants] == ["acme", "acme_uk", "acme_eu"]
    assert tenants.tenants[1].settings["start_date"] == "2025-01-01"
    assert tenants.refused == []


def test_a_tenant_needs_no_more_than_name_host_and_connection(tmp_path: Path) -> None:
    (tenant,) = read_tenants(file(tmp_path, TENANT)).tenants
    assert (tenant.max_parallel_requests, tenant.shards, tenant.test_environments) == (8, 1, None)


def test_what_the_file_says_of_the_loader_by_default_is_what_the_example_shows(tmp_path: Path) -> None:
    shown, default = read_tenants(EXAMPLE).common, read_tenants(file(tmp_path, TENANT)).common
    assert shown.loader == default.loader
    assert (shown.schedule, shown.timeout_minutes) == (default.schedule, default.timeout_minutes)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "Acme_EU"}, "tenant 2, Acme_EU: name: String should match pattern"),
        ({"name": "Acme EU"}, "tenant 2, -2: name: String should match pattern"),
        ({"name": ["acme"]}, "tenant 2, -2: name: Input should be a valid string"),
        ({"name": "models"}, "models cannot be a name: the schema that it makes has another use in meltano.yml"),
        ({"name": "acme_models"}, "acme_models cannot be a name"),
        ({"base_url": ["https://rest.zuora.com"]}, "acme: base_url: Input should be a valid string"),
        ({"max_parallel_requests": True}, "acme: max_parallel_requests: Input should be a valid integer"),
        ({"max_parallel_requests": 41}, "acme: max_parallel_requests: Input should be less than or equal to 40"),
        ({"connection": "slack"}, "connection must begin with zuora_ and be neither zuora_testenv_warehouse nor"),
        ({"connection": "zuora_testenv_warehouse"}, "connection must begin with zuora_ and be neither"),
        ({"connection": "zuora_testenv_state"}, "its password is sent to base_url"),
        ({"test_environments": []}, "test_environments: Tuple should have at least 1 item"),
        ({"test_environments": "all"}, "test_environments: must be a list"),
        ({"test_environments": [{"id": "a"}]}, "test_environments.0.job_ids: Field required"),
        ({"test_environments": [{"id": "a", "job_ids": []}]}, "job_ids: Tuple should have at least 1 item"),
        ({"shards": 2}, "only a tenant with test_environments can have shards"),
        ({"shards": 0}, "shards: Input should be greater than or equal to 1"),
        (
            {"shards": 9, "test_environments": ["a"]},
            "9 shards cannot share 8 parallel requests: each needs one",
        ),
        ({"timeout_minutes": 0}, "timeout_minutes: Input should be greater than or equal to 1"),
        ({"settings": {"client_secret": "hush"}}, "settings cannot contain client_secret, only entity_id"),
        ({"settings": {"base_url": "hush"}}, "settings cannot contain base_url"),
        ({"client_secret": "hush"}, "client_secret: is not known here"),
        ({"pool": "hush"}, "pool: is not needed any more: remove it"),
    ],
)
def test_a_wrong_tenant_is_a_sentence_that_shows_no_value_and_no_other_is_refused(
    tmp_path: Path, wrong: dict[str, Any], sentence: str
) -> None:
    path = file(tmp_path, OTHER, TENANT | wrong)
    tenants = read_tenants(path)
    assert [tenant.name for tenant in tenants.tenants] == ["other"]
    (refused,) = tenants.refused
    assert refused.reason.startswith(f"{path} refuses tenant 2, {refused.name}: ")
    assert sentence in refused.reason
    assert "hush" not in refused.reason
    assert "\n" not in refused.reason


def test_an_entry_that_is_not_a_mapping_is_refused_by_its_number(tmp_path: Path) -> None:
    path = file(tmp_path, OTHER)
    path.write_text(f"{path.read_text()}- acme\n")
    tenants = read_tenants(path)
    assert [tenant.name for tenant in tenants.tenants] == ["other"]
    (refused,) = tenants.refused
    assert (refused.name, refused.reason) == (
        "-2",
        f"{path} refuses tenant 2, -2: must be a mapping of names to values.",
    )


def test_two_tenants_of_one_name_are_both_refused(tmp_path: Path) -> None:
    tenants = read_tenants(file(tmp_path, TENANT, OTHER, TENANT))
    assert [tenant.name for tenant in tenants.tenants] == ["other"]
    (refused,) = tenants.refused
    assert refused.name == "acme"
    assert "acme is in the list 2 times: each tenant needs its own name" in refused.reason


def test_entries_of_one_connection_have_together_what_zuora_allows_a_tenant(tmp_path: Path) -> None:
    entities = [TENANT | {"name": f"acme_{number}", "max_parallel_requests": 16} for number in range(3)]
    small = TENANT | {"name": "small", "max_parallel_requests": 8}
    tenants = read_tenants(file(tmp_path, *entities, small, OTHER | {"max_parallel_requests": 40}))
    assert [tenant.name for tenant in tenants.tenants] == ["acme_0", "acme_1", "small", "other"]
    (refused,) = tenants.refused
    assert refused.name == "acme_2"
    assert "with its max_parallel_requests those of zuora_acme are 48, and Zuora allows a tenant 40" in refused.reason


@pytest.mark.parametrize("text", ["0123", "0x10", "1_000", "1.10", "12:30:45", "2025-01-01T00:00:00Z", "yes", "null"])
def test_a_setting_is_the_text_that_is_in_the_file(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, TENANT | {"settings": {"entity_id": "WRITTEN"}})
    path.write_text(path.read_text().replace("WRITTEN", text))
    assert read_tenants(path).tenants[0].settings == {"entity_id": text}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"tenants": {"acme": {}}}, "tenants: must be a list"),
        ({"tenants": []}, "tenants: List should have at least 1 item"),
        ({"interval": "@daily"}, "interval: is not known here"),
        ({"pools": {"zuora_acme": 8}}, "pools: is not needed any more: remove it"),
        ({"timeout_minutes": "soon"}, "timeout_minutes: Input should be a valid integer"),
        ({"loader": {"name": "Target Postgres"}}, "loader.name: String should match pattern"),
        (
            {"loader": {"settings": {"password": "{secret}", "schema": "{schema}"}}},
            "loader.settings: secret is not a field: there are database, host,",
        ),
        (
            {"loader": {"settings": {"default_target_schema": "zuora"}}},
            "one of them must contain {schema} or {tenant}: two tenants cannot share their tables",
        ),
        ({"on_failure": {"notifier": "Slack"}}, "on_failure.notifier: String should match pattern"),
    ],
)
def test_what_is_common_to_all_and_wrong_refuses_the_file(tmp_path: Path, more: dict[str, Any], sentence: str) -> None:
    path = file(tmp_path, **({"tenants": [TENANT]} | more))
    with pytest.raises(TenantsRefused) as refused:
        read_tenants(path)
    assert str(refused.value).startswith(f"{path} is refused: ")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TenantsRefused, match=f"tenants.yml shows, or name another in {VARIABLE}"):
        read_tenants(tmp_path / "missing.yml")


def test_a_file_of_something_else_says_what_it_must_be(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yml"
    path.write_text("- acme\n")
    with pytest.raises(TenantsRefused, match=r"tenants.yml is refused: must be a mapping of names to values\.$"):
        read_tenants(path)


@pytest.mark.parametrize("content", [b"tenants: [", b"\xff\xfe\x00", b""])
def test_a_file_that_is_not_yaml_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tenants.yml"
    path.write_bytes(content)
    with pytest.raises(TenantsRefused, match=r"tenants.yml is (not YAML|refused)"):
        read_tenants(path)


def test_every_setting_of_the_tap_has_a_place_unless_it_is_a_secret() -> None:
    secrets = {name for name in MUST_BE if CONFIG_JSONSCHEMA["properties"][name].get("secret")}
    assert secrets
    assert MUST_BE.keys() - secrets == OTHER_SETTINGS | {"base_url", "max_parallel_requests", "test_environments"}


def test_the_file_is_beside_that_of_the_dags_or_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tenants_file(tmp_path / "dags.py") == tmp_path.resolve() / "tenants.yml"
    monkeypatch.setenv(VARIABLE, "/etc/tenants.yml")
    assert tenants_file(tmp_path / "dags.py") == Path("/etc/tenants.yml")
