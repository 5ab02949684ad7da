"""The examples of settings: each is what its program accepts, and git ignores what a person makes of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from target_postgres.target import TargetPostgres  # type: ignore[import-untyped]

from dev.generate.editor_schema import editor_schema
from tap_zuora_testenv.settings import CONFIG_JSONSCHEMA
from tap_zuora_testenv.validation import problems

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"
SCHEMA: dict[str, Any] = json.loads((CHECKOUT / "schemas" / "settings.json").read_text(encoding="utf-8"))
CONFIGS = sorted(EXAMPLES.glob("config*.json"))
# Of targets that are not installed here: their settings as they print them, with the version of the page.
TARGETS = json.loads(Path(__file__).with_name("target_settings.json").read_text(encoding="utf-8"))
PAGE = (CHECKOUT / "docs" / "targets.md").read_text(encoding="utf-8")
BASE = {"base_url": "https://rest.na.zuora.com", "access_token": "eyJhbGciOi"}
GIT = shutil.which("git")


def read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_the_schema_for_editors_is_what_make_docs_writes() -> None:
    assert (CHECKOUT / "schemas" / "settings.json").read_text(encoding="utf-8") == editor_schema()
    Draft7Validator.check_schema(SCHEMA)


def test_the_patterns_for_editors_are_those_of_javascript() -> None:
    patterns = re.findall(r'"pattern": (".*")', editor_schema())
    assert len(patterns) > 5
    # What only Python has: the ends of the text, named groups, and options for a part.
    assert not [each for each in map(json.loads, patterns) if re.search(r"\\[AZz]|\(\?[a-zP]", each)]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_an_example_of_a_configuration_is_valid_for_the_tap_and_for_an_editor(path: Path) -> None:
    config = read(path)
    assert (path.parent / config["$schema"]).resolve() == CHECKOUT / "schemas" / "settings.json"
    Draft7Validator(SCHEMA).validate(config)
    del config["$schema"]
    assert problems(config, CONFIG_JSONSCHEMA) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 21},
        {"max_paralel_requests": 4},
        {"test_environments": []},
        {"test_environments": [{"id": "a/b"}]},
        {"test_environments": [{"id": "a", "jobs": ["b"]}]},
        {"track_id": "a:b"},
        {"track_id": "a" * 65},
        {"on_missing": "ignore"},
        {"access_token": "short"},
    ],
    ids=str,
)
def test_an_editor_marks_what_the_tap_refuses(wrong: dict[str, Any]) -> None:
    assert Draft7Validator(SCHEMA).is_valid(BASE)
    assert not Draft7Validator(SCHEMA).is_valid(BASE | wrong)
    assert problems(BASE | wrong, CONFIG_JSONSCHEMA) != []


def test_each_target_of_the_page_has_an_example() -> None:
    linked = set(re.findall(r"\]\(\.\./examples/targets/([a-z0-9]+)\.json\)", PAGE))
    assert linked == {path.stem for path in (EXAMPLES / "targets").iterdir()} == {*TARGETS, "postgres"}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_an_example_of_a_target_is_valid_by_the_settings_that_the_target_has(name: str) -> None:
    Draft7Validator(TARGETS[name]["settings"]).validate(read(EXAMPLES / "targets" / f"{name}.json"))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_page_names_the_version_whose_settings_were_read(name: str) -> None:
    assert f"`{TARGETS[name]['package']}" in PAGE


def test_the_example_of_postgresql_is_valid_by_the_settings_that_the_target_has() -> None:
    schema = TargetPostgres.config_jsonschema
    example = read(EXAMPLES / "targets" / "postgres.json")
    Draft7Validator(schema).validate(example)
    assert example.keys() <= schema["properties"].keys()


@pytest.mark.skipif(GIT is None or not (CHECKOUT / ".git").exists(), reason="this is not a git checkout")
def test_git_ignores_what_may_hold_secrets_or_is_written_by_a_run() -> None:
    ignored = [
        *("config.json", "config.tenant.json", "target.json", ".env", "state.json", "out.jsonl", "states.jsonl"),
        *("tap.log", "target.log", "sync.lock", "warehouse.duckdb", "output/test_environments.jsonl", ".meltano/x"),
    ]
    kept = [path.relative_to(CHECKOUT).as_posix() for path in EXAMPLES.rglob("*.json")]
    assert kept
    done = subprocess.run(  # noqa: S603 - ours
        [str(GIT), "check-ignore", "--no-index", *ignored, *kept],
        cwd=CHECKOUT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ignored
