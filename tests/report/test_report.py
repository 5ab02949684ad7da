"""The report, as far as it can be checked without a browser; what only a browser shows: report_in_chromium.py."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import secrets
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from datetime import timedelta
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from dev.demo import models_and_report
from dev.testbed.dbt_package import PROJECT
from tap_zuora_testenv.report.charts import timeline
from tap_zuora_testenv.report.marts import Notice, Readiness, ReportError, Rows, _without_password
from tap_zuora_testenv.report.page import KINDS, groups, headline, render
from tap_zuora_testenv.report.report_command import run, write_report
from tests.dbt.engines import DuckDB, Postgres
from tests.report.marts_by_hand import NOW, columns, environment, job, make, many, notice, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dev.testbed.dbt_package import Place
    from tests.report.marts_by_hand import Row, Tables

LARGEST = 1_000_000
CHECKOUT = Path(__file__).resolve().parents[2]


def as_rows(environments: Sequence[Row], notices: Sequence[Row] = ()) -> Rows:
    def of(kind: Any, row: Row) -> Any:
        return kind(**{each.name: row.get(each.name) for each in fields(kind)})

    return Rows([of(Readiness, row) for row in environments], [of(Notice, row) for row in notices])


@pytest.fixture
def make_marts(postgres: Postgres) -> Callable[[Tables], str]:
    def made(tables: Tables) -> str:
        schema = f"marts_{secrets.token_hex(8)}"
        make(postgres, schema, tables)
        return schema

    return made


@pytest.fixture
def write(make_marts: Callable[[Tables], str], database_url: str, tmp_path: Path) -> Callable[[Tables], str]:
    """Return the page of the marts with these rows."""

    def written(tables: Tables) -> str:
        write_report(database_url, make_marts(tables), tmp_path / "report.html", NOW)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    return written


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
    assert headline(rows) == (
        "0 of 3 environments are ready. Check: Development (dev). Busy: UAT <b>&. Off: Development (old)."
    )
    dev = next(row for row in rows.environments if row.test_environment_id == "dev")
    assert headline(Rows([replace(dev, readiness="ready")])) == "1 of 1 environment is ready."
    assert headline(Rows([dev])) == "0 of 1 environment is ready. Check: Development."
    several = [replace(dev, test_environment_id=str(number)) for number in range(1200)]
    assert headline(Rows(several)) == "0 of 1,200 environments are ready. Check: 1,200."


def test_the_count_of_environments_is_that_of_the_rows_below_it(page: Any, rows: Rows) -> None:
    listed = [given for tag, given in page.elements if tag == "tr" and "data-state" in given]
    assert headline(rows).startswith(f"0 of {len(listed)} environments")


def test_notices_are_those_of_the_model_and_are_above_the_table(text: str, rows: Rows) -> None:
    assert [(notice.severity, notice.test_environment_id, notice.kind) for notice in rows.notices] == [
        ("alert", "dev", "refresh_failed"),
        ("warn", "uat", "running_late"),
        ("info", "dev", "refresh_allowed"),
    ]
    places = [text.index(str(escape(notice.sentence))) for notice in rows.notices]
    assert places == sorted(places)
    assert places[-1] < text.index('<table class="readiness"')


def test_notices_that_are_alike_are_one_line() -> None:
    environments = [environment(str(number)) for number in range(15)]
    alike = [notice(str(number), "refresh_failed", "alert", "A refresh failed.") for number in range(15)]
    others = [notice(str(number), "data_old", "warn", f"The data are {number} days old.") for number in range(2)]
    failed, old = groups(as_rows(environments, notices=[*alike, *others]))
    assert (failed.count, failed.is_long, len(failed.lines)) == (15, True, 1)
    assert failed.text == "a refresh failed, and none has succeeded since"
    assert len(failed.lines[0].names) == 15
    assert (old.count, old.is_long, [line.sentence for line in old.lines]) == (
        2, False, ["The data are 0 days old.", "The data are 1 days old."],
    )  # fmt: skip


def test_each_kind_of_notice_of_the_model_has_words() -> None:
    text = (PROJECT / "macros/notices.sql").read_text(encoding="utf-8")
    assert set(re.findall(r"'kind': '(\w+)'", text)) == set(KINDS)


def test_environments_with_notices_come_first(make_marts: Callable[[Tables], str], database_url: str) -> None:
    states = {
        "a": "ready",
        "b": "unavailable",
        "c": "ready",
        "d": "busy",
        "e": "check",
        "f": "ready",
        "g": "unavailable",
    }
    schema = make_marts(
        {
            "readiness": [environment(key, readiness=state) for key, state in states.items()],
            "notices": [
                notice("f", "data_old", "warn", "Old."),
                notice("g", "environment_vanished", "alert", "Gone."),
                notice("c", "refresh_allowed", "info", "Allowed."),
            ],
        }
    )
    assert list(read(database_url, schema).names) == list("gfedacb")


def test_the_table_shows_the_state_of_each_environment(page: Any) -> None:
    assert page.rows["uat"] == (
        "UAT <b>& TEST, FULL copy — ◐ Busy Refresh: SCRUBBING 46 % was to end 10 Mar, 10:00 , 2 h ago requested by bob "
        "34 days old exported on 4 Feb 2026 ● completed 5 Feb, 12:00 requested by ann — —"
    )
    assert page.rows["dev"] == (
        "Development (dev) — ! Check ACTIVE 15 days old exported on 23 Feb 2026 ✕ failed 1 Mar, 00:30 , 2 failed in a "
        "row — allowed now since 10 Mar, 06:00"
    )
    assert page.rows["old"] == "Development (old) — ○ Off DEACTIVATED since 1 Jan, 00:00 — — — —"


def test_a_row_has_the_tenant_the_requester_and_the_scheduled_refresh(
    write: Callable[[Tables], str], read_page: Callable[[str], Any]
) -> None:
    scheduled = environment(
        tenant_id="9123", last_refresh_outcome="failed", last_refresh_ended_at=NOW - timedelta(days=1),
        next_scheduled_refresh_at=NOW + timedelta(days=4), next_refresh_allowed_at=NOW + timedelta(days=3),
    )  # fmt: skip
    jobs = [
        job("good", ended_at=NOW - timedelta(days=9), created_by_id="u1", created_by_name="Ann"),
        job("bad", ended_at=NOW - timedelta(days=1), outcome="failed", created_by_id="u2", created_by_name="Bob"),
        job("made", ended_at=NOW, job_type="CREATE", created_by_name="Eve"),
    ]
    text = write({"readiness": [scheduled], "refreshes": jobs})
    assert read_page(text).rows["uat"] == (
        "Environment uat TEST, FULL copy 9123 ✓ Ready — — ✕ failed 9 Mar, 12:00 requested by Bob 14 Mar, 12:00 "
        "in 4 days in 3 days 13 Mar, 12:00"
    )


def test_a_requester_without_a_name_is_an_id_that_can_be_copied_whole(write: Callable[[Tables], str]) -> None:
    last: Row = {"last_refresh_outcome": "completed", "last_refresh_ended_at": NOW}
    text = write({"readiness": [environment(**last)], "refreshes": [job("j")]})
    assert 'requested by <span class="id">8ad08f0184ab20c20184ab2a9f3d0b1c</span>' in text


def test_environments_of_one_name_are_distinguished_whatever_their_ids_begin_with() -> None:
    keys = ("aaaaaaaa1", "aaaaaaaa2", "bbbbbbbbb")
    names = as_rows([environment(key, environment_name="Same") for key in keys]).names
    assert len(set(names.values())) == 3
    assert names["bbbbbbbbb"] == "Same (bbbbbbbb)"


def test_the_numbers_are_those_of_the_models(page: Any, rows: Rows) -> None:
    for row in rows.refreshes:
        instants = [row.created_at, row.scheduled_at, row.started_at, row.ended_at]
        numbers = [row.wait_hours, row.run_hours, row.days_since_previous_refresh]
        expected = [*(at.isoformat() for at in instants if at), *(str(value) for value in numbers if value is not None)]
        assert page.values[row.job_id] == expected
    for month in rows.months:
        numbers = [month.failure_rate, month.median_run_hours, month.p90_run_hours]
        key = f"{month.test_environment_id}/{month.ended_in_month}"
        assert page.values[key] == [str(value) for value in numbers if value is not None]


def test_the_page_is_self_contained(text: str, page: Any) -> None:
    tags = Counter(tag for tag, _ in page.elements)
    assert not {"link", "iframe", "img", "object", "image", "use", "foreignobject"} & set(tags)
    asked = [
        value for _, given in page.elements for name, value in given.items() if name in ("src", "href", "xlink:href")
    ]
    assert asked == []
    assert not re.findall(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text
    assert len(text) < LARGEST


def test_only_the_script_of_the_page_may_run(text: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert not re.findall(r"fetch|XMLHttpRequest|import|innerHTML|\bon\w+=", script)


def test_a_hostile_name_is_text(text: str) -> None:
    assert "UAT <b>" not in text
    assert "UAT &lt;b&gt;&amp;" in text


def test_what_is_drawn_is_also_described(text: str) -> None:
    said = {unescape(title) for title in re.findall(r'role="img"[^>]*><title>(.*?)</title>', text)}
    assert "UAT <b>&: refresh completed 5 Feb 2026, 12:00 UTC after 10.0 hours" in said
    assert "UAT <b>&: refresh running, 46 percent done, expected to end 10 Mar 2026, 10:00 UTC" in said
    assert "Development (dev): refresh failed 1 Mar 2026, 00:30 UTC after 0.5 hours" in said
    assert "Development (dev): next refresh allowed from 10 Mar 2026, 06:00 UTC" in said


def test_every_heading_of_a_table_has_a_scope_and_no_id_appears_twice(page: Any) -> None:
    assert all(given.get("scope") in ("col", "row") for tag, given in page.elements if tag == "th")
    ids = Counter(given["id"] for _, given in page.elements if given.get("id"))
    assert set(ids.values()) == {1}


def test_colours_are_the_pages_own_so_that_they_follow_light_and_dark(text: str) -> None:
    body = text[text.index("<body>") :]
    assert not re.findall(r'(?:fill|stroke|color|style)="', body)
    rules = re.findall(r"(?:fill|stroke|color|background|border[a-z-]*): ([^;]+);", text[text.index("* { box") :])
    assert [rule for rule in rules if "#" in rule or "rgb" in rule] == []


def test_data_that_were_read_long_ago_are_marked_as_old(rows: Rows) -> None:
    old = '<strong id="old">The data were read 2 days ago: '
    assert old not in render(rows, NOW)
    assert old in render(rows, NOW + timedelta(days=2))


def test_when_the_data_were_read_comes_first(text: str, page: Any) -> None:
    first = next(given for tag, given in page.elements if tag == "time")
    assert (first["id"], first["datetime"]) == ("read", "2026-03-10T11:00:00+00:00")
    assert 'As of <time datetime="2026-03-10T12:00:00+00:00">10 Mar 2026, 12:00</time>: relative times' in text


def test_a_page_of_tables_without_a_time_of_reading_mentions_that(write: Callable[[Tables], str]) -> None:
    assert "Nothing in the tables says when the data were read." in write(
        {"readiness": [environment(extracted_at=None)]}
    )


def test_the_command_prints_where_the_report_is(
    built: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my report.html"
    monkeypatch.setenv("DATABASE_URL", built.url)
    assert run(["--schema", built.models_schema, "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"The report is {output.as_uri()}\n"
    assert output.exists()


def test_the_option_overrides_the_variable(built: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_database_that_cannot_be_reached_is_a_sentence(
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
        (
            "nosuch://me:hush@host/db",
            "No package for databases of the kind nosuch is installed. The form for PostgreSQL",
        ),
        ("mysql+pymysql://me:hush@host/db", "The package pymysql that reads databases of this kind is not installed."),
        ("duckdb:////no/such/file.duckdb", "The tables in the schema zuora_testenv_models cannot be read: "),
        ("postgresql://127.0.0.1:1/db?password=hush", "The tables in the schema zuora_testenv_models cannot be read: "),
    ],
)
def test_a_url_that_is_not_a_database_is_a_sentence_without_the_url(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert run([]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"No report. {reason}")
    assert said.count("\n") == 1
    assert "hush" not in said


@pytest.mark.parametrize("url", ["postgresql://me:hush@host/db", "duckdb:///file?password=hush"])
def test_a_password_in_the_options_is_refused_because_others_can_see_it(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--database", url]) == 1
    said = capsys.readouterr().err
    assert said == (
        "No report. A password in --database can be seen by other users of this machine: set DATABASE_URL to the URL "
        "instead.\n"
    )


def test_a_password_that_the_database_quotes_is_not_printed() -> None:
    url = sa.make_url("postgresql://me:h%40sh@host/db?password=other")
    assert _without_password(url, "h@sh, h%40sh and other") == "***, *** and ***"


@pytest.mark.parametrize("missing", ["jinja2", "sqlalchemy"])
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
    assert done.returncode == 1
    assert done.stderr == (
        "The report needs packages that are not installed. In the checkout, run the command of the tool that installed "
        "the tap: pip install '.[report]', pipx install --force '.[report]' or uv tool install --force '.[report]'.\n"
    )


def test_a_wrong_schema_is_a_sentence_with_the_right_one(tmp_path: Path) -> None:
    make(DuckDB(tmp_path / "marts.duckdb"), "right", many(1, 1))
    with pytest.raises(ReportError) as said:
        write_report(f"duckdb:///{tmp_path / 'marts.duckdb'}", "elsewhere", tmp_path / "report.html")
    assert str(said.value) == (
        "The schema elsewhere has no tables of the dbt package. They are in right: give their schema with --schema."
    )


def test_postgresql_names_a_schema_that_has_the_tables_too(
    make_marts: Callable[[Tables], str], database_url: str, tmp_path: Path
) -> None:
    make_marts({})
    with pytest.raises(ReportError, match=r"^The schema elsewhere has no tables of the dbt package\. They are in \w+"):
        write_report(database_url, "elsewhere", tmp_path / "report.html")


def test_a_missing_table_is_a_sentence(make_marts: Callable[[Tables], str], database_url: str, tmp_path: Path) -> None:
    schema = make_marts({"readiness": [environment()]})
    with psycopg.connect(database_url) as connection:
        connection.execute(f'drop table "{schema}".zuora_test_environments__notices')
    with pytest.raises(ReportError, match=r"has no table zuora_test_environments__notices: build the models with"):
        write_report(database_url, schema, tmp_path / "report.html")


def test_a_missing_column_is_a_sentence(make_marts: Callable[[Tables], str], database_url: str, tmp_path: Path) -> None:
    schema = make_marts({"readiness": [environment()]})
    with psycopg.connect(database_url) as connection:
        connection.execute(f'alter table "{schema}".zuora_test_environments__notices drop column since')
    with pytest.raises(ReportError, match=r"cannot be read: column .*since does not exist"):
        write_report(database_url, schema, tmp_path / "report.html")


def test_a_file_that_cannot_be_written_is_a_sentence(built: Place, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match=r"report\.html cannot be written: "):
        write_report(built.url, built.models_schema, tmp_path / "file" / "report.html")


def test_without_environments_the_page_says_so(write: Callable[[Tables], str], read_page: Callable[[str], Any]) -> None:
    text = write({})
    assert "There is no test environment in the tables: run the tap and dbt first." in text
    assert [tag for tag, _ in read_page(text).elements if tag == "table"] == []


def test_one_row_is_counted_in_the_singular(write: Callable[[Tables], str]) -> None:
    text = write({"readiness": [environment()], "refreshes": [job("only")]})
    assert "<summary>1 job as a table, with requesters</summary>" in text


def test_the_page_lists_the_newest_jobs_and_draws_the_first_environments(write: Callable[[Tables], str]) -> None:
    text = write(many(50, 20))
    assert "<summary>The newest 500 of 1,000 jobs as a table, with requesters</summary>" in text
    assert "<summary>The newest 500 of 1,000 rows by environment and month</summary>" in text
    assert "The chart shows the first 40 environments of the table, and leaves out 10." in " ".join(text.split())
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert [figure.count('role="group"') for figure in figures] == [40, 40]


@pytest.mark.parametrize(("environments", "is_filtered"), [(19, False), (20, True)])
def test_twenty_environments_can_be_filtered(
    environments: int,
    is_filtered: bool,  # noqa: FBT001 - the expected answer
    write: Callable[[Tables], str],
) -> None:
    assert ('<form id="filter" hidden>' in write(many(environments, 0))) == is_filtered


def test_a_far_next_refresh_and_an_old_one_do_not_stretch_the_timeline() -> None:
    far = [environment("far", next_refresh_allowed_at=NOW + timedelta(days=4000))]
    old = [environment("old", next_refresh_allowed_at=NOW - timedelta(days=4000))]
    usual = [environment("usual")]
    charts = [timeline(as_rows(each), NOW) for each in (far, old, usual)]
    assert {chart.ends for chart in charts} == {NOW + timedelta(days=3)}
    assert [chart.tracks[0].marks for chart in charts] == [[], [], []]


def test_a_long_chart_has_its_months_at_both_ends(write: Callable[[Tables], str]) -> None:
    def times(environments: int) -> int:
        figure = re.findall(r"<figure.*?</figure>", write(many(environments, 1)), re.DOTALL)[0]
        return len(re.findall(r">Mar</text>", figure))

    assert (times(5), times(15)) == (1, 2)


@pytest.mark.parametrize("form", ["text", "json"])
def test_notices_are_printed_and_an_alert_is_exit_status_3(
    form: str, built: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", built.url)
    monkeypatch.chdir(tmp_path)
    assert run(["--schema", built.models_schema, "--notices", form]) == 3
    out = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    if form == "text":
        assert [line.split(":")[0:2] for line in out.splitlines()] == [
            ["alert", " Development"], ["warn", " UAT <b>&"], ["info", " Development"],
        ]  # fmt: skip
        return
    first = json.loads(out)[0]
    assert (first["severity"], first["kind"], first["notice_id"]) == ("alert", "refresh_failed", "dev/refresh_failed")
    assert (first["since"], first["as_of"]) == ("2026-02-28T01:00:00+00:00", "2026-03-10T12:00:00+00:00")


def test_notices_without_an_alert_are_exit_status_0_and_a_page_can_be_written_too(
    make_marts: Callable[[Tables], str],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    schema = make_marts({"readiness": [environment()], "notices": [notice("uat", "data_old", "warn", "Two\nlines.")]})
    monkeypatch.setenv("DATABASE_URL", database_url)
    output = tmp_path / "report.html"
    assert run(["--schema", schema, "--notices", "text", "--output", str(output)]) == 0
    assert capsys.readouterr().out == "warn: Environment uat: Two lines.\n"
    assert output.exists()


@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
def test_all_rows_and_columns_are_in_the_csv_and_no_text_is_a_formula(
    kind: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = postgres if kind == "postgres" else DuckDB(tmp_path / "marts.duckdb")
    url = postgres.url if kind == "postgres" else f"duckdb:///{tmp_path / 'marts.duckdb'}"
    schema = f"csv_{secrets.token_hex(8)}"
    tables = many(3, 400)
    names = ("=1+1", "+1", "-1", "@a", "\ttab")
    tables["readiness"] += [environment(str(at), environment_name=name) for at, name in enumerate(names)]
    tables["readiness"][0]["running_job_late_by_hours"] = -2.5
    make(engine, schema, tables)
    monkeypatch.setenv("DATABASE_URL", url)
    assert run(["--schema", schema, "--output", str(tmp_path / "report.html"), "--csv", str(tmp_path / "csv")]) == 0
    read_back = {
        file.stem.removeprefix("zuora_test_environments__"): list(
            csv.DictReader(io.StringIO(file.read_bytes().decode()))
        )
        for file in (tmp_path / "csv").iterdir()
    }
    assert {name: len(rows) for name, rows in read_back.items()} == {name: len(rows) for name, rows in tables.items()}
    assert set(read_back["refreshes"][0]) == set(columns()["zuora_test_environments__refreshes"])
    by_id = {row["test_environment_id"]: row for row in read_back["readiness"]}
    assert [by_id[str(at)]["environment_name"] for at in range(len(names))] == [f"'{name}" for name in names]
    assert float(by_id[tables["readiness"][0]["test_environment_id"]]["running_job_late_by_hours"]) == -2.5
    assert by_id["0"]["as_of"] == "2026-03-10T12:00:00+00:00"


def test_duckdb_gives_the_same_page_as_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    tables, pages = many(5, 30), []
    for engine, url in (
        (postgres, postgres.url),
        (DuckDB(tmp_path / "marts.duckdb"), f"duckdb:///{tmp_path / 'marts.duckdb'}"),
    ):
        make(engine, schema := f"same_{secrets.token_hex(8)}", tables)
        write_report(url, schema, tmp_path / "report.html", NOW)
        pages.append((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
