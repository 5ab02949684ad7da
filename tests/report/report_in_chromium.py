"""The report in a real browser: `make report-test`, which needs Chromium and its driver (Debian: chromium-driver)."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tap_zuora_testenv.report.marts import read
from tap_zuora_testenv.report.report_command import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dev.testbed.dbt_package import Place

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DESK, PHONE = 1100, 390
LEAST_CONTRAST = 4.5
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps",
)  # fmt: skip
# What a person would see as text, for each row of a table.
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


def test_it_asks_for_nothing_but_itself_and_logs_nothing(browser: webdriver.Chrome, report: Path) -> None:
    browser.get_log("performance")  # type: ignore[no-untyped-call]
    show(browser, report)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert asked == {report.as_uri()}
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_its_numbers_are_those_of_the_models(browser: webdriver.Chrome, report: Path, built: Place) -> None:
    show(browser, report)
    shown, rows = ask(browser, ROWS), read(built.url, built.models_schema)
    for environment in rows.environments:
        if environment.data_age_days is not None:
            assert str(environment.data_age_days) in shown[environment.test_environment_id]
    for job in rows.refreshes:
        numbers = [job.wait_hours, job.run_hours, job.days_since_previous_refresh]
        assert shown[job.job_id] == [str(value) for value in numbers if value is not None]
    for month in rows.months:
        numbers = [month.failure_rate, month.median_run_hours, month.p90_run_hours]
        key = f"{month.test_environment_id}/{month.ended_in_month}"
        assert shown[key] == [str(value) for value in numbers if value is not None]


@pytest.mark.parametrize("width", [320, PHONE, 768, DESK])
def test_nothing_reaches_beyond_the_screen(browser: webdriver.Chrome, report: Path, width: int) -> None:
    show(browser, report, width)
    assert ask(browser, "return document.documentElement.scrollWidth") <= width


def test_a_phone_gets_the_narrow_pictures_and_a_desk_the_wide_ones(browser: webdriver.Chrome, report: Path) -> None:
    for width, wide in ((DESK, True), (PHONE, False)):
        show(browser, report, width)
        assert set(visible(browser, ".wide svg")) == {wide}
        assert set(visible(browser, ".narrow svg")) == {not wide}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: webdriver.Chrome, report: Path, scheme: str) -> None:
    show(browser, report, scheme=scheme)
    paper = ask(browser, "return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
    assert ask(browser, CONTRAST) >= LEAST_CONTRAST


def test_marks_are_drawn_in_their_colours(browser: webdriver.Chrome, report: Path) -> None:
    show(browser, report)
    fills = ask(
        browser,
        "return [...document.querySelectorAll('.wide path[aria-label]')].map(each => getComputedStyle(each).fill)",
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
    assert roles.count("columnheader") == 6
    assert ("rowheader", "Development (dev)") in read_out
    assert ("progressbar", "Progress of UAT <b>&") in read_out
    assert any("refresh completed 5 Feb 2026, 12:00 UTC" in str(name) for _, name in read_out)


def test_in_print_the_paper_is_white_whatever_the_screen_is(browser: webdriver.Chrome, report: Path) -> None:
    show(browser, report, width=700, scheme="dark", media="print")
    assert ask(browser, "return getComputedStyle(document.body).color") == "rgb(26, 26, 26)"
    assert set(visible(browser, ".wide svg")) == {True}
    assert set(visible(browser, ".narrow svg")) == {False}
