"""docs/airflow.md shows what is so: its commands, its keys, its files and its messages."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from airflow.cli.cli_parser import get_parser

from tap_zuora_testenv.airflow import dags, meltano_command, operators, tenants_file
from tap_zuora_testenv.airflow.tenants_file import Common, Tenant, read_tenants

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "airflow.md").read_text(encoding="utf-8")
DOCKERFILE = CHECKOUT / "examples" / "airflow" / "worker.Dockerfile"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def commands() -> Iterator[str]:
    for block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield from (each.strip() for each in line.split("&&") if each.strip().startswith("airflow "))
    yield from (each for each in re.findall(r"`(airflow [^`]+)`", PAGE) if "…" not in each)


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_airflow_has_the_commands_of_the_page(command: str) -> None:
    assert get_parser().parse_args(shlex.split(command)[1:]).func


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_file_of_the_tenants_takes_what_the_page_shows(tmp_path: Path, text: str) -> None:
    tenant = {"name": "acme", "base_url": "https://rest.zuora.com", "connection": "zuora_acme"}
    path = tmp_path / "tenants.yml"
    path.write_text(text + yaml.safe_dump({"tenants": [tenant]}))
    assert [each.name for each in read_tenants(path).tenants] == ["acme"]


def test_the_page_describes_each_key() -> None:
    rows = re.findall(r"^\| (…?) ?((?:`\w+`(?:, )?)+) \|", PAGE.partition("## tenants.yml")[2], re.MULTILINE)
    keys = {(bool(within), key) for within, cell in rows for key in re.findall(r"`(\w+)`", cell)}
    table = {key for within, key in keys if not within}
    assert set(Common.model_fields) | {"tenants"} <= table
    assert {key for within, key in keys if within} == set(Tenant.model_fields)
    (settings,) = re.findall(r"other settings of the tap: (.*?) \|", PAGE)
    assert set(re.findall(r"`(\w+)`", settings)) == tenants_file.OTHER_SETTINGS


def test_the_messages_of_the_page_are_those_of_the_code() -> None:
    (table,) = re.findall(r"^\| message \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    messages = [text for row in table.split("\n|")[2:] for text in re.findall(r"`([^`]+)`", row.partition("|")[0])]
    code = "".join(map(inspect.getsource, (dags, meltano_command, operators, tenants_file)))
    code = code.replace("{meltano_command.PROJECT}", meltano_command.PROJECT).replace("{STATE}", tenants_file.STATE)
    code = code.replace("{self.load.connection}", "zuora_acme").replace('"\n                f"', "")
    ours = [each for each in messages if re.match(r"A |The connection|There|This|MELTANO|Meltano", each)]
    assert len(ours) == 7
    for each in ours:
        for part in filter(None, (piece.strip() for piece in each.split("…"))):
            assert part in code, part


def test_the_image_is_made_of_files_that_exist_and_are_let_in() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1] if word[0] != "-"]
    assert copied
    ignored = (DOCKERFILE.parent / f"{DOCKERFILE.name}.dockerignore").read_text().splitlines()
    for each in copied:
        assert (CHECKOUT / each).exists(), each
        assert f"!{each}" in ignored


def test_the_page_on_scale_has_the_figures_that_were_measured() -> None:
    results = (CHECKOUT / "dev" / "benchmarks" / "AIRFLOW_RESULTS.md").read_text(encoding="utf-8")
    table = results[results.index("|") :]
    assert table in (CHECKOUT / "docs" / "scale.md").read_text(encoding="utf-8")
