"""The report: a table and a picture."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dev.benchmarks.results import Results

PACKAGES = ("tap-zuora-testenv", "singer-sdk", "requests", "urllib3", "msgspec")
OURS_COLOUR, OTHER_COLOUR = "#1b6ca8", "#b0b7bf"


def table(results: Results) -> str:
    """Write the table."""
    head = ["measure", "median", "least .. most", "at most", "holds"]
    rows = [head, ["---", "---:", "---:", "---:", "---"], *(row.cells for row in results.rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def described() -> str:
    """Describe the machine, and the versions of what is measured."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    machine = f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()}, Python {platform.python_version()}"
    return f"{machine}; {versions}"


def write(results: Results, folder: Path, *, rounds: int) -> None:
    """Write `RESULTS.md` and `results.svg`.

    Args:
        results: What was measured.
        folder: The folder of the files.
        rounds: How many times each row was measured.
    """
    text = (
        "# Results of `make bench`\n\n"
        f"Medians of {rounds} rounds in turns; ratios are of runs of the same round. {described()}.\n\n"
        f"![Wall time and CPU](results.svg)\n\n{table(results)}"
    )
    (folder / "RESULTS.md").write_text(text)
    _draw(results, folder / "results.svg")


def _draw(results: Results, path: Path) -> None:
    # Not earlier: what is loaded here would count as memory of the programs that are started from here.
    import matplotlib as mpl  # noqa: PLC0415
    import matplotlib.ticker  # noqa: PLC0415

    mpl.use("svg")
    # Equal numbers give an equal file.
    mpl.rcParams |= {"svg.hashsalt": "results", "svg.fonttype": "path", "font.size": 10}
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
    for axes, unsorted, title in (
        (left, results.walls, "1,000 named jobs at 50 ms per request"),
        (middle, results.wire_walls, "200 named jobs over TLS and 80 ms of wire"),
    ):
        walls = dict(sorted(unsorted.items(), key=lambda wall: -wall[1]))
        colours = [OURS_COLOUR if who == results.curves[0].name else OTHER_COLOUR for who in walls]
        bars = axes.barh(list(walls), list(walls.values()), color=colours)
        axes.bar_label(bars, [f" {seconds:.1f} s" for seconds in walls.values()])
        axes.set_title(title, loc="left")
        axes.set_xlabel("seconds")
        axes.margins(x=0.15)
    for curve, colour in zip(results.curves, (OURS_COLOUR, OTHER_COLOUR), strict=True):
        right.plot(list(curve.points), list(curve.points.values()), "o-", color=colour, label=curve.name)
    right.set_title("CPU for named jobs", loc="left")
    right.set_xlabel("jobs")
    right.set_ylabel("seconds of CPU")
    right.set_ylim(bottom=0)
    right.set_xlim(left=0)
    right.xaxis.set_major_locator(mpl.ticker.MultipleLocator(4000))
    right.xaxis.set_major_formatter("{x:,.0f}")
    right.legend(frameon=False)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    sys.stderr.write(f"{path.name} is drawn\n")
