"""The report, as far as it can be checked without a browser; what only a browser shows: report_in_chromium.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.demo import models_and_report
from dev.testbed.dbt_package import build
from tap_zuora_testenv.report.marts import ReportError, Rows, read
from tap_zuora_testenv.report.page import headline, notices, render
from tap_zuora_testenv.report.report_command import run, write_report
from tests.report.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from dev.testbed.dbt_package import Place

LARGEST = 1_000_000
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def text(built: Place, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("report") / "new" / "report.html"
    write_report(built.url, built.models_schema, output)
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str, read_page: Callable[[str], Any]) -> Any:
    return read_page(text)


@pytest.fixture(scope="module")
def rows(built: Place) -> Rows:
    return read(built.url, built.models_schema)


def test_the_state_of_all_is_one_sentence(rows: Rows) -> None:
    assert headline(rows) == "0 of 2 environments are ready. Busy: UAT <b>&. To be checked: Development (dev)."
    dev = next(row for row in rows.environments if row.test_environment_id == "dev")
    one = Rows([replace(dev, readiness="ready")], [], [])
    assert headline(one) == "1 of 1 environment is ready."


def test_what_is_wrong_stands_above_the_table(rows: Rows) -> None:
    assert [(notice.environment, notice.text) for notice in notices(rows)] == [
        ("Development (dev)", "the last 2 refreshes failed. Zuora sends no mail about that."),
        ("UAT <b>&", "the job that runs is 2 h later than estimated."),
    ]


def test_the_table_says_how_each_environment_stands(page: Any) -> None:
    assert page.rows["uat"] == (
        "UAT <b>& TEST, FULL copy ◐ Busy Refresh: SCRUBBING 46 % was to end 10 Mar, 10:00 , 2 h ago "
        "34 days old exported on 4 Feb 2026 ● completed 5 Feb, 12:00 —"
    )
    assert page.rows["dev"] == (
        "Development (dev) ! Check ACTIVE 15 days old exported on 23 Feb 2026 ✕ failed 1 Mar, 00:30 , 2 failed in a "
        "row allowed now since 10 Mar, 06:00"
    )
    assert page.rows["old"] == "Development (old) ○ Off DEACTIVATED since 1 Jan, 00:00 — — —"


def test_the_numbers_are_those_of_the_models(page: Any, rows: Rows) -> None:
    for job in rows.refreshes:
        instants = [job.created_at, job.started_at, job.ended_at]
        numbers = [job.wait_hours, job.run_hours, job.days_since_previous_refresh]
        expected = [*(at.isoformat() for at in instants if at), *(str(value) for value in numbers if value is not None)]
        assert page.values[job.job_id] == expected
    for month in rows.months:
        numbers = [month.failure_rate, month.median_run_hours, month.p90_run_hours]
        key = f"{month.test_environment_id}/{month.ended_in_month}"
        assert page.values[key] == [str(value) for value in numbers if value is not None]


def test_it_needs_nothing_but_itself(text: str, page: Any) -> None:
    tags = Counter(tag for tag, _ in page.elements)
    assert not {"script", "link", "iframe", "img", "object", "image", "use", "foreignobject"} & set(tags)
    asked = [
        value for _, given in page.elements for name, value in given.items() if name in ("src", "href", "xlink:href")
    ]
    assert asked == []
    assert not re.findall(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text
    assert len(text) < LARGEST


def test_a_hostile_name_is_text(text: str) -> None:
    assert "UAT <b>" not in text
    assert "UAT &lt;b&gt;&amp;" in text


def test_what_is_drawn_is_also_said(page: Any) -> None:
    said = {given["aria-label"] for tag, given in page.elements if tag == "path" and "aria-label" in given}
    assert "UAT <b>&: refresh completed 5 Feb 2026, 12:00 UTC after 10.0 hours" in said
    assert "UAT <b>&: refresh running, 46 percent done, expected to end 10 Mar 2026, 10:00 UTC" in said
    assert "Development (dev): refresh failed 1 Mar 2026, 00:30 UTC after 0.5 hours" in said
    assert "Development (dev): next refresh allowed from 10 Mar 2026, 06:00 UTC" in said


def test_every_heading_of_a_table_says_what_it_heads_and_no_id_stands_twice(page: Any) -> None:
    assert all(given.get("scope") in ("col", "row") for tag, given in page.elements if tag == "th")
    ids = Counter(given["id"] for _, given in page.elements if given.get("id"))
    assert set(ids.values()) == {1}


def test_colours_are_the_pages_own_so_that_they_follow_light_and_dark(text: str) -> None:
    pictures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', pictures))
    assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none", "transparent"}


def test_rows_that_were_read_long_ago_are_said_to_be_old(rows: Rows) -> None:
    assert "The environments were read" not in render(rows, NOW)
    assert "The environments were read 2 days ago" in render(rows, NOW + timedelta(days=2))


def test_the_command_says_where_the_report_is(
    built: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my report.html"
    monkeypatch.setenv("DATABASE_URL", built.url)
    assert run(["--schema", built.models_schema, "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"The report is {output.as_uri()}\n"
    assert output.exists()


def test_the_option_counts_more_than_the_variable(
    built: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "report.html"
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert run(["--database", built.url, "--schema", built.models_schema, "--output", str(output)]) == 0


def test_make_report_builds_the_models_first(
    by_hand: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.html"
    monkeypatch.setenv("DATABASE_URL", by_hand.url)
    monkeypatch.setenv("ZUORA_TESTENV_SCHEMA", by_hand.schema)
    monkeypatch.setenv("ZUORA_TESTENV_MODELS_SCHEMA", f"{by_hand.schema}_for_make")
    assert models_and_report.main(["--output", str(output), "--now", "2026-03-10T12:00:00"]) == 0
    assert capsys.readouterr().out == f"The report is {output.as_uri()}\n"
    assert 'As of <time datetime="2026-03-10T12:00:00+00:00">' in output.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [run, models_and_report.main])
@pytest.mark.parametrize("url", ["postgresql://someone:hu%sh@127.0.0.1/db", "postgresql://someone:hush@127.0.0.1:1/db"])
def test_a_database_that_cannot_be_had_is_a_sentence(
    url: str,
    command: Callable[[list[str]], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert command(["--output", str(tmp_path / "report.html")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("No report. ")
    assert not [word for word in ("Traceback", "hush", "hu%sh") if word in said]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "No database is named: set --database or the environment variable DATABASE_URL."),
        ("somewhere:hush", "The URL of the database is not of the form postgresql://user:password@host:5432/database"),
        ("postgresql://me:hush@host:port/db", "The URL of the database is not of the form postgresql://"),
        ("postgresql://me:hush@[::1/db", "The URL of the database is not of the form postgresql://"),
        ("nosuch://me:hush@host/db", "The URL of the database is not of the form postgresql://"),
        ("mysql+pymysql://me:hush@host/db", "The package pymysql that reads databases of this kind is not installed."),
    ],
)
def test_a_url_that_is_no_database_is_a_sentence_without_it(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert run(["--database", url]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"No report. {reason}")
    assert "hush" not in said


@pytest.mark.parametrize("missing", ["altair", "jinja2", "sqlalchemy"])
def test_without_the_extra_one_sentence_names_it(missing: str, tmp_path: Path) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('none', name='{missing}')")
    done = subprocess.run(
        [sys.executable, "-m", "tap_zuora_testenv.report"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{CHECKOUT}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "The report needs an extra: pip install 'tap-zuora-testenv[report]'\n",
    )


def test_tables_that_are_not_there_are_a_sentence(built: Place, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"^The tables in the schema elsewhere cannot be read: relation .* not exist"):
        write_report(built.url, "elsewhere", tmp_path / "report.html")


def test_a_file_that_cannot_be_written_is_a_sentence(built: Place, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match=r"report\.html cannot be written: "):
        write_report(built.url, built.models_schema, tmp_path / "file" / "report.html")


def test_no_environment_is_a_sentence(
    new_place: Callable[[], Place], fill: Callable[[Place, list[Any], list[Any]], None], tmp_path: Path
) -> None:
    place = new_place()
    fill(place, [], [])
    build(place)
    with pytest.raises(ReportError, match="hold no test environment: run the tap and dbt first"):
        write_report(place.url, place.models_schema, tmp_path / "report.html")
