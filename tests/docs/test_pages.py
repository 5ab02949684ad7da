"""The pages: their links lead somewhere, their examples post to loopback only, their figures are those measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tap_zuora_testenv import status
from tap_zuora_testenv.report import report_command
from tests.documentation import blocks

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = sorted((CHECKOUT / "docs").glob("*.md"))
PAGES = [*DOCS, *sorted(CHECKOUT.glob("*.md")), CHECKOUT / "dbt" / "README.md"]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
LINKS = [
    (page, link)
    for page in PAGES
    for link in sorted(set(re.findall(r"\]\(((?!https://)[^)]+)\)", page.read_text(encoding="utf-8"))))
]


def commands(page: Path) -> list[str]:
    """Return each command line of the shell examples of a page, continued lines joined."""
    return [line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines()]


COMMANDS = [(page, line) for page in PAGES for line in commands(page)]
# Whatever sends a request without being the tap; all shell examples use curl.
ASKS = [(page, line) for page, line in COMMANDS if re.search(r"\b(curl|wget|http|https)\b(?!:)", line)]
SENDS = re.compile(r"\s(-d|--data\S*|--json|-F|-T|-X|--request)\b")
POSTS = [(page, line) for page, line in ASKS if SENDS.search(line)]


OPTION = re.compile(r"--[a-z]+\b")


def slug(heading: str) -> str:
    """Name a heading as GitHub does in addresses."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}: {link}" for page, link in LINKS])
def test_a_relative_link_of_a_page_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_begins_with_what_its_reader_can_do_afterwards(page: Path) -> None:
    _, _, text = page.read_text(encoding="utf-8").partition("\n\n")
    assert text.startswith("After reading ")


def test_the_readme_leads_to_each_page() -> None:
    assert {page.name for page in DOCS} <= {Path(link).name for link in re.findall(r"\]\((docs/[^)#]+)", README)}


def test_there_are_examples_that_post() -> None:
    assert POSTS


@pytest.mark.parametrize(("page", "line"), POSTS)
def test_an_example_that_posts_goes_only_to_loopback(page: Path, line: str) -> None:
    # Spelled out, not hidden in a variable that a reader may have set to something else.
    hosts = re.findall(r"(?<![\w./\"])((?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?)/", line)
    assert hosts, page
    assert {re.sub(r"^https?://|:\d+$", "", host) for host in hosts} == {"127.0.0.1"}, page


def test_no_shell_example_names_a_host_of_zuora() -> None:
    assert not [(page, line) for page, line in COMMANDS if "zuora.com" in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    lines = [*code, *(line for where, line in COMMANDS if where == page)]
    named = {match[1] for line in lines if (match := re.match(r"(?:\w+=\S+ )*make ([a-z-]+)\b", line))}
    # Somebody else's, in the example of a pipeline.
    assert named - {"integration-tests"} <= targets


def test_the_page_on_status_has_the_exit_codes_of_its_help() -> None:
    rows = table(CHECKOUT / "docs" / "status.md", "code")
    documented = {row["code"]: row["first word of the last line"].strip("`") for row in rows}
    assert documented == dict(re.findall(r"^  (\d[\d, ]*?) {2,}(\w+)", str(status.command.help), re.MULTILINE))


def test_the_page_on_the_report_has_each_option() -> None:
    options = {
        name for row in table(CHECKOUT / "docs" / "report.md", "option") for name in OPTION.findall(row["option"])
    }
    assert options == set(OPTION.findall(report_command.parser().format_usage()))


def table(path: Path, first_cell: str) -> list[dict[str, str]]:
    """Read the table of a page whose heading begins with a cell."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_cell} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    head, _, *rest = rows
    return [dict(zip(head, row, strict=True)) for row in rest]


def test_the_page_on_scale_shows_the_figures_that_were_measured() -> None:
    measured = {
        (row["environments"], row["in flight"], row["run"]): row
        for row in table(CHECKOUT / "dev" / "benchmarks" / "SCALE_RESULTS.md", "environments")
    }
    documented = table(CHECKOUT / "docs" / "scale.md", "environments")
    assert len(documented) * 2 == len(measured)
    for row in documented:
        first, following = (measured[row["environments"], row["in flight"], run] for run in ("first", "next"))
        assert row == {
            "environments": following["environments"],
            "in flight": following["in flight"],
            "first run": first["wall"],
            "next run": following["wall"],
            "responses only": following["floor"],
            "CPU of the next run": following["CPU"],
            "memory": following["memory"],
            "state": f"{int(following['state'].removesuffix(' B').replace(',', '')) / 1000:.0f} kB",
        }


def test_the_readme_has_the_figures_that_were_measured() -> None:
    measured = {row["measure"]: row["median"] for row in table(CHECKOUT / "dev/benchmarks/RESULTS.md", "measure")}
    (speed,) = re.findall(r"^## Speed\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    figures = re.findall(r"\d[\d.]* s\b", speed)
    assert figures == [measured["the same jobs, this tap"], measured["the same jobs, the stock way"]]
