"""The file of the tenants: what it may say, and the sentence that refuses what it may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA, MUST_BE
from zuora_testenv import pools
from zuora_testenv.tenants_file import OTHER_SETTINGS, VARIABLE, TenantsRefused, read_tenants

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "examples" / "airflow" / "tenants.example.yml"
TENANT = {"name": "acme", "base_url": "https://rest.zuora.com", "connection": "zuora_acme", "pool": "zuora_acme"}


def file(folder: Path, *tenants: dict[str, Any], **more: Any) -> Path:
    path = folder / "tenants.yml"
    path.write_text(yaml.safe_dump({"pools": {"zuora_acme": 20}, "tenants": list(tenants)} | more))
    return path


def test_the_example_is_accepted() -> None:
    tenants = read_tenants(EXAMPLE)
    assert [tenant.name for tenant in tenants.tenants] == ["acme", "acme_uk", "acme_eu"]
    assert tenants.tenants[1].settings["start_date"] == "2025-01-01"


def test_a_tenant_needs_no_more_than_name_host_connection_and_pool(tmp_path: Path) -> None:
    (tenant,) = read_tenants(file(tmp_path, TENANT)).tenants
    assert (tenant.max_parallel_requests, tenant.shards, tenant.test_environments) == (8, 1, None)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "Acme EU"}, "tenants.0.name: String should match pattern"),
        ({"name": "models"}, "models cannot be a name: the schema that it makes has another use in meltano.yml"),
        ({"name": "acme_models"}, "acme_models cannot be a name"),
        ({"base_url": ["https://rest.zuora.com"]}, "tenants.0.base_url: Input should be a valid string"),
        ({"max_parallel_requests": True}, "tenants.0.max_parallel_requests: Input should be a valid integer"),
        ({"max_parallel_requests": 41}, "tenants.0.max_parallel_requests: Input should be less than or equal to 40"),
        (
            {"max_parallel_requests": 21},
            "acme asks for 21 slots of zuora_acme, which has 20: Airflow would never",
        ),
        ({"pool": "zuora_other"}, "acme takes its slots from zuora_other, which is not among the pools"),
        ({"test_environments": []}, "tenants.0.test_environments: Tuple should have at least 1 item"),
        ({"test_environments": "all"}, "tenants.0.test_environments: must be a list"),
        ({"test_environments": [{"id": "a"}]}, "tenants.0.test_environments.0.job_ids: Field required"),
        ({"shards": 2}, "only a tenant with test_environments can have shards"),
        ({"shards": 0}, "tenants.0.shards: Input should be greater than or equal to 1"),
        ({"settings": {"client_secret": "hush"}}, "client_secret cannot stand in settings"),
        ({"settings": {"base_url": "hush"}}, "base_url cannot stand in settings"),
        ({"client_secret": "hush"}, "tenants.0.client_secret: Extra inputs are not permitted"),
        ({"test_environments": [{"id": "a", "job_ids": []}]}, "job_ids: Tuple should have at least 1 item"),
    ],
)
def test_a_wrong_tenant_is_a_sentence_that_shows_no_value(tmp_path: Path, wrong: dict[str, Any], sentence: str) -> None:
    path = file(tmp_path, TENANT | wrong)
    with pytest.raises(TenantsRefused) as refused:
        read_tenants(path)
    assert str(refused.value).startswith(f"{path} is refused: ")
    assert sentence in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "tenants: " not in str(refused.value)


@pytest.mark.parametrize("text", ["0123", "0x10", "1_000", "1.10", "12:30:45", "2025-01-01T00:00:00Z", "yes", "null"])
def test_a_setting_is_the_text_that_stands_there(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, TENANT | {"settings": {"entity_id": "WRITTEN"}})
    path.write_text(path.read_text().replace("WRITTEN", text))
    assert read_tenants(path).tenants[0].settings == {"entity_id": text}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"pools": {"zuora_acme": 41}}, "pools.zuora_acme: Input should be less than or equal to 40"),
        ({"tenants": {"acme": {}}}, "tenants: must be a list"),
        ({"pools": {"default_pool": 8}}, "default_pool is Airflow's own"),
        ({"tenants": []}, "tenants: Tuple should have at least 1 item"),
        ({"tenants": [TENANT, TENANT]}, "acme stands there twice: each tenant needs a name of its own"),
        ({"interval": "@daily"}, "interval: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_a_sentence(tmp_path: Path, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TenantsRefused, match=sentence):
        read_tenants(file(tmp_path, **({"tenants": [TENANT]} | more)))


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TenantsRefused, match=f"tenants.example.yml shows, or name another in {VARIABLE}"):
        read_tenants(tmp_path / "tenants.yml")


def test_a_file_of_something_else_says_what_it_must_be(tmp_path: Path) -> None:
    path = tmp_path / "tenants.yml"
    path.write_text("- acme\n")
    with pytest.raises(TenantsRefused, match=r"tenants.yml is refused: must be a mapping of names to values\.$"):
        read_tenants(path)


@pytest.mark.parametrize("content", [b"tenants: [", b"\xff\xfe\x00", b""])
def test_a_file_that_is_no_yaml_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tenants.yml"
    path.write_bytes(content)
    with pytest.raises(TenantsRefused, match=r"tenants.yml is (not YAML|refused)"):
        read_tenants(path)


def test_every_setting_of_the_tap_has_a_place_unless_it_is_a_secret() -> None:
    secrets = {name for name in MUST_BE if CONFIG_JSONSCHEMA["properties"][name].get("secret")}
    assert secrets
    assert MUST_BE.keys() - secrets == OTHER_SETTINGS | {"base_url", "max_parallel_requests", "test_environments"}


def test_the_pools_are_written_as_airflow_imports_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(file(tmp_path, TENANT)))
    pools.main()
    written = json.loads(capsys.readouterr().out)
    assert {name: pool["slots"] for name, pool in written.items()} == {"zuora_acme": 20}

    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing.yml"))
    with pytest.raises(SystemExit, match="The tenants cannot be read"):
        pools.main()
