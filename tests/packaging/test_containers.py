"""The Dockerfile and the manifests as far as no container engine is needed: what each says of the others is so."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tap_zuora_testenv.emulator.command import DEFAULT_PORT
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA
from tap_zuora_testenv.validation import problems

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text().replace("\\\n", " ")
LINES = DOCKERFILE.splitlines()
# Each stage by its name.
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL))
IMAGES = ("emulator", "sync", "tap")
COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())
MANIFESTS: dict[str, dict[str, Any]] = {
    manifest["kind"]: manifest
    for path in (EXAMPLES / "kubernetes").iterdir()
    for manifest in yaml.safe_load_all(path.read_text())
}
POD: dict[str, Any] = MANIFESTS["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
# Untyped, so by its name.
TARGET: Any = import_module("target_postgres.target").TargetPostgres
SETTINGS = {"config.json": CONFIG_JSONSCHEMA, "target.json": TARGET.config_jsonschema}


def instruction(stage: str, name: str) -> str:
    """Return the argument of an instruction that a stage has once."""
    (found,) = re.findall(rf"^{name} (.*)$", STAGES[stage], re.MULTILINE)
    return str(found)


def folder() -> str:
    """Return the folder that the image `sync` looks for its files in."""
    (path,) = json.loads(instruction("sync", "CMD"))
    return str(path)


def mounted() -> dict[str, Path]:
    """Return the files that the service `sync` of Compose is given, by the names they get."""
    pairs = (volume.split(":") for volume in COMPOSE["services"]["sync"]["volumes"] if volume.startswith("."))
    return {target.removeprefix(f"{folder()}/"): EXAMPLES / source for source, target, _ in pairs}


def test_the_images_are_made_of_files_that_are_there_and_let_in() -> None:
    copied = {
        name for line in LINES if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    let_in = re.findall(r"^!(.*)$", (CHECKOUT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)
    assert all((CHECKOUT / name).exists() for name in let_in)


def test_the_packages_of_the_images_come_by_hash() -> None:
    from_index = [line for line in re.findall(r"pip [^&\n]*install [^&\n]*", DOCKERFILE) if "--no-index" not in line]
    assert len(from_index) == 4
    assert all("--require-hashes --only-binary :all:" in line for line in from_index)


def test_no_image_runs_as_root_and_the_tap_only_is_the_default() -> None:
    assert [instruction(name, "USER") for name in IMAGES] == ["10001:10001"] * len(IMAGES)
    assert list(STAGES)[-1] == "tap"


def test_the_cronjob_runs_as_the_user_of_the_image() -> None:
    context = POD["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == instruction("sync", "USER")
    assert context["fsGroup"] == context["runAsGroup"]


def test_the_cronjob_names_the_claim_the_secret_and_the_container_that_are_there() -> None:
    (container,) = POD["containers"]
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert (
        volumes["state"]["persistentVolumeClaim"]["claimName"] == MANIFESTS["PersistentVolumeClaim"]["metadata"]["name"]
    )
    assert volumes["settings"]["secret"]["secretName"] == MANIFESTS["Secret"]["metadata"]["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    fail, _ = MANIFESTS["CronJob"]["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert fail["onExitCodes"]["containerName"] == container["name"]


def test_the_state_and_the_settings_are_mounted_where_the_image_looks_for_them() -> None:
    (container,) = POD["containers"]
    mounts = {mount["mountPath"]: mount.get("subPath") for mount in container["volumeMounts"]}
    assert mounts == {folder(): None} | {f"{folder()}/{name}": name for name in MANIFESTS["Secret"]["stringData"]}
    assert f"state:{folder()}" in COMPOSE["services"]["sync"]["volumes"]
    assert mounted().keys() == MANIFESTS["Secret"]["stringData"].keys() == SETTINGS.keys()


def test_the_tap_and_the_target_have_the_settings_of_the_examples() -> None:
    given = [
        (name, json.loads(text.replace("...", "x" * 8))) for name, text in MANIFESTS["Secret"]["stringData"].items()
    ]
    given += [(name, json.loads(path.read_text())) for name, path in mounted().items()]
    assert len(given) == 4
    for name, settings in given:
        assert settings.keys() <= SETTINGS[name]["properties"].keys()
        assert name != "config.json" or problems(settings, CONFIG_JSONSCHEMA) == []


def test_compose_hands_the_sync_what_the_emulator_and_the_database_accept() -> None:
    services = COMPOSE["services"]
    config, target = (json.loads(mounted()[name].read_text()) for name in ("config.json", "target.json"))
    assert services["sync"]["network_mode"] == "service:emulator"
    assert config == {
        "base_url": f"http://127.0.0.1:{DEFAULT_PORT}",
        "client_id": DEMO_CLIENT_ID,
        "client_secret": DEMO_CLIENT_SECRET,
    }
    database = services["postgres"]["environment"]
    assert target["host"] in services
    assert [target["user"], target["password"], target["database"]] == [
        database[f"POSTGRES_{name}"] for name in ("USER", "PASSWORD", "DB")
    ]


@pytest.mark.parametrize("service", ["emulator", "sync"])
def test_compose_builds_stages_that_are_there(service: str) -> None:
    build = COMPOSE["services"][service]["build"]
    assert (EXAMPLES / build["context"]).resolve() == CHECKOUT
    assert build["target"] in IMAGES
