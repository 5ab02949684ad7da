"""The dbt package in another project, and run from a checkout, as dbt/README.md describes both."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dev.testbed.dbt_package import PROJECT, dbt
from dev.testbed.processes import environment
from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.zuora import Zuora
from tests.dbt.engines import MARTS, DuckDB, Postgres, documents_as_rows, fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECKOUT = PROJECT.parent
PAGE = (PROJECT / "README.md").read_text(encoding="utf-8")
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    assert program
    line = [program, "-c", "user.name=test", "-c", "user.email=test@127.0.0.1", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True).stdout  # noqa: S603


def call(folder: Path, *arguments: str, known: Mapping[str, str] | None = None) -> str:
    """Run dbt as a person does in a folder, and return what it printed."""
    line = [*dbt(), "--no-use-colors", *arguments]
    given = environment() | {"PYTHONWARNINGS": "ignore"} | dict(known or {})
    done = subprocess.run(line, env=given, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of the package and what git ignores in it, as a clone has them."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages", "*.duckdb")
    shutil.copytree(PROJECT, folder / "dbt", ignore=ignored)
    shutil.copy(CHECKOUT / ".gitignore", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=The package")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project that has the package by `local:`, on a DuckDB without the target's own columns."""
    folder = tmp_path_factory.mktemp("project")
    engine = DuckDB(folder / "warehouse.duckdb")
    read = datetime.now(UTC) - timedelta(hours=1)
    documents = Zuora(seed=81, clock=Clock(read, 0)).documents()
    fill(engine, "raw", documents_as_rows(documents, read), name=str.lower, sdc=())
    output = {"type": "duckdb", "path": str(engine.path), "schema": "analytics", "threads": 2}
    files: dict[str, Any] = {
        "dbt_project.yml": {
            "name": "theirs",
            "version": "1.0.0",
            "profile": "theirs",
            "flags": {"send_anonymous_usage_stats": False},
            "vars": {
                "zuora_testenv_schema": "raw",
                "zuora_testenv_column_case": "lower",
                "zuora_testenv_models_schema": "sandboxes",
                "zuora_testenv_max_data_age_days": 0,
            },
        },
        "packages.yml": {"packages": [{"local": str(PROJECT)}]},
        "profiles.yml": {"theirs": {"target": "it", "outputs": {"it": output}}},
    }
    for name, contents in files.items():
        # JSON is YAML.
        (folder / name).write_text(json.dumps(contents))
    (folder / "models").mkdir()
    (folder / "models" / "ready.sql").write_text(
        "select * from {{ ref('zuora_test_environments__readiness') }} where readiness = 'ready'"
    )
    call(folder, "deps")
    call(folder, "build")
    return folder


def test_another_project_builds_on_the_package(project: Path) -> None:
    engine = DuckDB(project / "warehouse.duckdb")
    (count,) = {len(engine.read("analytics", "ready"))}
    assert count > 0
    # dbt puts the profile's schema before a custom one.
    tables = {table: engine.read("analytics_sandboxes", table) for table in MARTS}
    assert all(tables.values())
    assert "data_old" in {row["kind"] for row in tables["zuora_test_environments__notices"]}


def test_its_documentation_is_generated_with_every_column(project: Path) -> None:
    call(project, "docs", "generate")
    catalog = json.loads((project / "target" / "catalog.json").read_text())["nodes"]
    manifest = json.loads((project / "target" / "manifest.json").read_text())["nodes"]
    described = {key: node for key, node in manifest.items() if key.startswith("model.zuora_testenv.")}
    assert len(described) == len(list((PROJECT / "models").rglob("*.sql")))
    for key, node in described.items():
        assert node["description"]
        if "int_" not in key:
            assert set(node["columns"]) == set(catalog[key]["columns"]), key
        assert all(column["description"] for column in node["columns"].values()), key


def test_the_marts_have_contracts(project: Path) -> None:
    manifest = json.loads((project / "target" / "manifest.json").read_text())["nodes"]
    for mart in MARTS:
        assert manifest[f"model.zuora_testenv.{mart}"]["config"]["contract"]["enforced"] is True


def test_freshness_without_the_targets_columns_is_that_of_what_zuora_changed(project: Path) -> None:
    call(project, "source", "freshness")
    (result,) = json.loads((project / "target" / "sources.json").read_text())["results"]
    assert result["unique_id"] == "source.zuora_testenv.zuora_testenv.test_environments"
    assert result["status"] == "pass"


def test_it_is_installed_from_a_repository_by_its_folder(checkout: Path, tmp_path: Path) -> None:
    (entry,) = re.findall(r"- git: \S+\n +subdirectory: (\S+)\n", PAGE)
    packages = {"packages": [{"git": checkout.as_uri(), "subdirectory": entry, "revision": "main"}]}
    (tmp_path / "packages.yml").write_text(json.dumps(packages))
    (tmp_path / "dbt_project.yml").write_text(json.dumps({"name": "theirs", "version": "1.0.0", "profile": "theirs"}))
    call(tmp_path, "deps", known={"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
    assert (tmp_path / "dbt_packages" / "zuora_testenv" / "dbt_project.yml").is_file()


def test_the_page_names_the_oldest_dbt_that_the_project_accepts() -> None:
    text = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")
    (oldest,) = re.findall(r"^require-dbt-version: \['>=([0-9.]+)', ", text, re.MULTILINE)
    assert f"dbt {oldest} or newer" in PAGE


def test_the_page_lists_the_variables_and_marts_that_there_are() -> None:
    text = (PROJECT / "dbt_project.yml").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(zuora_testenv_\w+)` \|", PAGE, re.MULTILINE) == re.findall(
        r"^    (zuora_testenv_\w+): ", text, re.MULTILINE
    )
    assert re.findall(r"^\| `(zuora_test_environments__\w+)` \|", PAGE, re.MULTILINE) == list(MARTS)


def test_run_as_the_page_describes_it_leaves_nothing_in_the_checkout_that_git_does_not_ignore(
    checkout: Path, postgres: Postgres
) -> None:
    now = datetime.now(UTC)
    rows = documents_as_rows(Zuora(seed=81, clock=Clock(now, 0)).documents(), now)
    fill(postgres, "checkout", rows)
    commands = [line for line in re.findall(r"^dbt (.*)$", PAGE, re.MULTILINE) if "--target" not in line]
    assert [line.split()[0] for line in commands] == ["build", "source", "docs"]
    known = postgres.environment("checkout", "checkout_models")
    for line in commands:
        call(checkout, *line.split(), known=known)
    (result,) = json.loads((checkout / "dbt" / "target" / "sources.json").read_text())["results"]
    # By `_sdc_extracted_at`, which is now.
    assert result["status"] == "pass"
    assert git(checkout, "status", "--porcelain") == ""
