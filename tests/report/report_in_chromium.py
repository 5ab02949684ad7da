"""The report in a real browser: `make report-test`, which needs Chromium and its driver (Debian: chromium-driver).

Pages of 0 to 1,000 environments have HTML in their names and ten years of history.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tap_zuora_testenv.report.report_command import write_report
from tests.report.marts_by_hand import NOW, environment, job, make, many, notice, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.testbed.dbt_package import Place
    from tests.dbt.engines import Postgres
    from tests.report.marts_by_hand import Row

AXE = Path(sys.prefix, "axe", "axe_playwright_python", "axe.min.js")
SIZES = (0, 1, 5, 50, 1000)
JOBS = 100
LARGEST_PAGE, MOST_MEMORY, LONGEST = 3_000_000, 600 * 2**20, 15
READABLE_WITHIN_MS = 2000
A4 = 718  # 190 mm of A4's 210, at 96 pixels per inch
DESK, PHONE = 1100, 390
LEAST_CONTRAST = 4.5
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps",
)  # fmt: skip
# The values that a person sees as text, for each row of a table.
ROWS = """return Object.fromEntries([...document.querySelectorAll('[data-id]')].map(
  row => [row.dataset.id, [...row.querySelectorAll('data')].map(value => value.value)]))"""
# The least contrast of any text with the page, by WCAG's formula.
CONTRAST = """
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).slice(0, 3).map(
    value => value / 255).map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const paper = light(getComputedStyle(document.body).backgroundColor);
return Math.min(...[...document.querySelectorAll('body *')].filter(
  each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(each => {
    const style = getComputedStyle(each);
    const ink = light(each.closest('svg') ? style.fill : style.color);
    return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
  }));"""


@pytest.fixture(scope="module")
def report(built: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "report.html"
    write_report(built.url, built.models_schema, output)
    return output


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.fail("This needs Chromium and its driver on the PATH; Debian: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


def show(
    browser: webdriver.Chrome, report: Path, width: int = DESK, scheme: str = "light", media: str = "screen"
) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    browser.get(report.as_uri())


def visible(browser: webdriver.Chrome, selector: str) -> list[bool]:
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.getClientRects().length > 0)"
    found: list[bool] = browser.execute_script(script, selector)
    return found


def ask(browser: webdriver.Chrome, script: str) -> Any:
    return browser.execute_script(script)


def test_the_page_requests_nothing_else_and_logs_nothing(browser: webdriver.Chrome, report: Path) -> None:
    browser.get_log("performance")  # type: ignore[no-untyped-call]
    show(browser, report)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    # The page that a new browser shows first is Chromium's own.
    asked = {url for url in sent if not url.startswith("chrome://")}
    assert asked == {report.as_uri()}
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_its_numbers_are_those_of_the_models(browser: webdriver.Chrome, report: Path, built: Place) -> None:
    show(browser, report)
    shown, rows = ask(browser, ROWS), read(built.url, built.models_schema)
    for row in rows.environments:
        if row.data_age_days is not None:
            assert str(row.data_age_days) in shown[row.test_environment_id]
    for done in rows.refreshes:
        numbers = [done.wait_hours, done.run_hours, done.days_since_previous_refresh]
        assert shown[done.job_id] == [str(value) for value in numbers if value is not None]
    for month in rows.months:
        numbers = [month.failure_rate, month.median_run_hours, month.p90_run_hours]
        key = f"{month.test_environment_id}/{month.ended_in_month}"
        assert shown[key] == [str(value) for value in numbers if value is not None]


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
def test_nothing_reaches_beyond_the_screen(browser: webdriver.Chrome, report: Path, width: int) -> None:
    show(browser, report, width)
    assert ask(browser, "return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, PHONE, DESK])
def test_each_chart_is_drawn_once_and_fits_a_phone_and_a_desktop(
    browser: webdriver.Chrome, report: Path, width: int
) -> None:
    show(browser, report, width)
    assert ask(browser, "return document.querySelectorAll('figure').length") == 2
    assert set(visible(browser, ".track > svg")) == {True}
    edges = "return [...document.querySelectorAll('figure path')].map(each => each.getBoundingClientRect().right)"
    assert max(ask(browser, edges)) <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: webdriver.Chrome, report: Path, scheme: str) -> None:
    show(browser, report, scheme=scheme)
    paper = ask(browser, "return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
    assert ask(browser, CONTRAST) >= LEAST_CONTRAST


def test_marks_are_drawn_in_their_colours(browser: webdriver.Chrome, report: Path) -> None:
    show(browser, report)
    fills = ask(
        browser, "return [...document.querySelectorAll('path[role=img]')].map(each => getComputedStyle(each).fill)"
    )
    assert {"rgb(0, 128, 93)", "rgb(196, 74, 0)", "rgb(0, 114, 178)", "rgb(26, 26, 26)"} <= set(fills)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_screen_reader_gets_a_table_with_headings(browser: webdriver.Chrome, report: Path, width: int) -> None:
    show(browser, report, width)
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    read_out = [
        (node.get("role", {}).get("value"), node.get("name", {}).get("value")) for node in nodes if not node["ignored"]
    ]
    roles = [role for role, _ in read_out]
    assert roles.count("table") == 1
    assert roles.count("columnheader") == 8
    assert ("rowheader", "Development (dev)") in read_out
    assert ("progressbar", "Progress of UAT <b>&") in read_out
    assert any("refresh completed 5 Feb 2026, 12:00 UTC" in str(name) for _, name in read_out)


def test_in_print_the_paper_is_white_whatever_the_screen_is(browser: webdriver.Chrome, report: Path) -> None:
    show(browser, report, width=A4, scheme="dark", media="print")
    assert ask(browser, "return getComputedStyle(document.body).color") == "rgb(26, 26, 26)"
    assert set(visible(browser, ".track > svg")) == {True}


# The tests from here on need no dbt.


@pytest.fixture(scope="module")
def page(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the file of a page of that many environments, each with ten years of refreshes."""
    made: dict[tuple[int, int], Path] = {}

    def of(environments: int, jobs: int = JOBS) -> Path:
        if (environments, jobs) not in made:
            schema = f"chromium_{secrets.token_hex(8)}"
            make(postgres, schema, many(environments, jobs))
            made[environments, jobs] = tmp_path_factory.mktemp("page") / f"{environments}.html"
            write_report(postgres.url, schema, made[environments, jobs], NOW)
        return made[environments, jobs]

    return of


def test_a_thousand_environments_with_a_hundred_jobs_keep_the_bounds(postgres: Postgres, tmp_path: Path) -> None:
    schema, output = f"chromium_{secrets.token_hex(8)}", tmp_path / "report.html"
    make(postgres, schema, many(1000, JOBS))
    code = (
        "import resource, sys\nfrom tap_zuora_testenv.report.report_command import run\nrun(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    line = [sys.executable, "-c", code, "--schema", schema, "--output", str(output)]
    begins, took = time.monotonic(), []
    for options in ([], ["--csv", str(tmp_path / "csv")]):
        done = subprocess.run(  # noqa: S603 - it is ours
            [*line, *options],
            env=os.environ | {"DATABASE_URL": postgres.url},
            check=True,
            capture_output=True,
            text=True,
        )
        took.append(time.monotonic() - begins)
        assert int(done.stdout.splitlines()[-1]) * 1024 < MOST_MEMORY
    assert took[0] < LONGEST
    assert output.stat().st_size < LARGEST_PAGE


@pytest.mark.parametrize("size", SIZES)
def test_a_page_can_be_read_within_two_seconds_and_requests_nothing(
    browser: webdriver.Chrome, page: Callable[..., Path], size: int
) -> None:
    file = page(size)
    browser.get_log("performance")  # type: ignore[no-untyped-call]
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    show(browser, file)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    # The page that a new browser shows first is Chromium's own.
    asked = {url for url in sent if not url.startswith("chrome://")}
    assert asked == {file.as_uri()}
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]

    def painted() -> float:
        show(browser, file)
        after: float = browser.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => setTimeout(() => done(performance.now())))"
        )
        return after

    # Other work of the machine does not count.
    assert min(painted() for _ in range(3)) < READABLE_WITHIN_MS


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("width", "scheme", "media"),
    [(DESK, "light", "screen"), (DESK, "dark", "screen"), (PHONE, "light", "screen"), (A4, "light", "print")],
)
def test_axe_finds_no_violation(
    browser: webdriver.Chrome,
    page: Callable[..., Path],
    size: int,
    width: int,
    scheme: str,
    media: str,
) -> None:
    # A few jobs show everything that many show, and axe-core looks at each of them.
    show(browser, page(size, 3 if size > 1 else JOBS), width, scheme, media)
    ask(browser, "document.querySelectorAll('details').forEach(each => { each.open = true; })")
    browser.set_script_timeout(300)
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    # The thousand have the same colours as the fifty, and axe-core would compute them for minutes.
    found = browser.execute_async_script(
        "const [contrast, done] = arguments; axe.run({resultTypes: ['violations'], rules: {'color-contrast': "
        "{enabled: contrast}}}).then(found => done("
        "[found.passes.length, found.violations.map(each => [each.id, ...each.nodes.map(node => node.html)])]),"
        " error => done([0, String(error)]))",
        size < max(SIZES),
    )
    assert found[1] == []
    assert found[0] > 10


@pytest.mark.parametrize("size", [5, 50])
def test_html_in_a_name_is_text(browser: webdriver.Chrome, page: Callable[..., Path], size: int) -> None:
    show(browser, page(size))
    assert ask(browser, "return document.querySelectorAll('b').length") == 0
    names = ask(browser, "return [...document.querySelectorAll('.readiness tbody th')].map(each => each.innerText)")
    assert [name for name in names if not name.startswith("Acme <b>")] == []


def test_environments_are_filtered_by_name_tenant_and_state(
    browser: webdriver.Chrome, page: Callable[..., Path]
) -> None:
    def shown(name: str, state: str) -> tuple[int, str]:
        browser.execute_script(
            "const [name, state] = arguments; document.getElementById('name').value = name;"
            "document.getElementById('state').value = state;"
            "document.getElementById('filter').dispatchEvent(new Event('input'))", name, state,
        )  # fmt: skip
        return sum(visible(browser, ".readiness tbody tr")), ask(
            browser, "return document.querySelector('output').value"
        )

    show(browser, page(50))
    assert visible(browser, "#filter") == [True]
    assert shown("", "") == (50, "50 of 50 shown")
    assert shown("ACME <b>4", "") == (11, "11 of 50 shown")
    assert shown("91004", "") == (10 - 9, "1 of 50 shown")
    assert shown("acme", "busy") == (5, "5 of 50 shown")
    assert shown("nowhere", "") == (0, "0 of 50 shown")


def test_without_script_everything_is_there(browser: webdriver.Chrome, page: Callable[..., Path]) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, page(50))
        assert visible(browser, "#filter") == [False]
        assert visible(browser, ".readiness tbody tr") == [True] * 50
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(hours=5), ""),
        (timedelta(days=1), "The data were read 24 hours ago: this page may be out of date."),
        (timedelta(days=9), "The data were read 9 days ago: this page may be out of date."),
    ],
)
def test_a_page_that_is_opened_later_shows_how_old_its_data_are(
    browser: webdriver.Chrome, page: Callable[..., Path], later: timedelta, said: str
) -> None:
    clock = f"Date.now = () => {int((NOW + later).timestamp() * 1000)}"
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": clock})
    try:
        show(browser, page(5))
        assert ask(browser, "return document.getElementById('old').innerText") == said
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


@pytest.fixture(scope="module")
def long_names(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of an environment whose name has 180 characters without a space, and of one that is busy."""
    schema, output = f"chromium_{secrets.token_hex(8)}", tmp_path_factory.mktemp("long") / "report.html"
    name = "Umgebung" * 22 + "1234"
    given: Row = {
        "tenant_id": "12345678901234567890", "next_scheduled_refresh_at": NOW + timedelta(days=4),
        "next_refresh_allowed_at": NOW + timedelta(days=4000), "last_refresh_outcome": "completed",
        "last_refresh_ended_at": NOW - timedelta(days=9),
    }  # fmt: skip
    busy: Row = {
        "readiness": "busy", "running_job_type": "REFRESH", "running_job_status": "SCRUBBING",
        "running_job_progress_percentage": 46, "running_job_estimated_completion_at": NOW,
        "running_job_created_by_id": name,
    }  # fmt: skip
    tables = {
        "readiness": [
            environment(environment_name=name, **given),
            environment("busy", environment_name=f"{name}x", **given, **busy),
        ],
        "refreshes": [job("one", created_by_name=name), job("two", "busy", outcome="failed")],
        "notices": [notice("uat", "data_old", "warn", "The data are 91 days old.")],
    }  # fmt: skip
    make(postgres, schema, tables)
    write_report(postgres.url, schema, output, NOW)
    return output


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
def test_long_names_break(browser: webdriver.Chrome, long_names: Path, width: int) -> None:
    show(browser, long_names, width)
    assert ask(browser, "return document.documentElement.scrollWidth") <= width
    if width in (PHONE, DESK):
        table = "const table = document.querySelector('.scroll'); return table.scrollWidth - table.clientWidth"
        assert ask(browser, table) == 0


def test_a4_portrait_prints_the_table_and_the_details(
    browser: webdriver.Chrome, page: Callable[..., Path], long_names: Path
) -> None:
    for file in (page(5), page(50), long_names):
        show(browser, file, A4, media="print")
        assert ask(browser, "return document.documentElement.scrollWidth") <= A4
        for table in ("readiness", "jobs", "months"):
            rows = ask(
                browser,
                f"return [...document.querySelectorAll('.{table} tbody tr')].map(each => each.getBoundingClientRect())"
                ".map(each => [each.height, each.right])",
            )
            assert min(height for height, _ in rows) > 0 if rows else table == "months"
            assert max((right for _, right in rows), default=0) <= A4


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_an_id_is_copied_whole(browser: webdriver.Chrome, page: Callable[..., Path], width: int) -> None:
    show(browser, page(5), width)
    copied = ask(
        browser,
        "const id = document.querySelector('.readiness .id'); getSelection().selectAllChildren(id);"
        "return [getSelection().toString(), id.scrollWidth > id.clientWidth]",
    )
    assert len(copied[0]) == 32
    assert copied[1]
