"""The pages of docs: their links lead somewhere, and their figures are those that were measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted((CHECKOUT / "docs").glob("*.md"))
LINKS = [
    (page, link)
    for page in PAGES
    for link in sorted(set(re.findall(r"\]\(((?!https://)[^)]+)\)", page.read_text(encoding="utf-8"))))
]


def slug(heading: str) -> str:
    """Name a heading as GitHub does in addresses."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.stem}: {link}" for page, link in LINKS])
def test_a_relative_link_of_a_page_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target)


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
            "the answers alone": following["floor"],
            "CPU of the next run": following["CPU"],
            "memory": following["memory"],
            "state": f"{int(following['state'].removesuffix(' B').replace(',', '')) / 1000:.0f} kB",
        }
