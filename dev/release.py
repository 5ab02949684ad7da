"""`python dev/release.py v1.2.3`: check that a tag is the version to release, and print what changed in it.

The version is only in pyproject.toml; what changed is in CHANGELOG.md.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(rc[1-9][0-9]*)?")
_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}))?$", re.MULTILINE)


def notes(tag: str, pyproject: str, changelog: str) -> str:
    """Return what changed in the version of a tag.

    Args:
        tag: The tag, for example `v1.2.3`.
        pyproject: The text of pyproject.toml.
        changelog: The text of CHANGELOG.md.

    Raises:
        ValueError: The tag may not be released; the text says why.
    """
    version = str(tomllib.loads(pyproject)["project"]["version"])
    if _VERSION.fullmatch(version) is None:
        raise ValueError(f"the version {version} in pyproject.toml is not of the form 1.2.3 or 1.2.3rc1")
    if tag != f"v{version}":
        raise ValueError(f"the tag {tag} is not that of the version {version} in pyproject.toml, v{version}")
    headings = list(_HEADING.finditer(changelog))
    ends = [*(heading.start() for heading in headings[1:]), len(changelog)]
    sections = {
        heading["name"]: (heading["date"], changelog[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    }
    date, changes = sections.get(version, (None, ""))
    if date is None or not changes:
        raise ValueError(f"CHANGELOG.md has nothing under a heading `## [{version}] - <date>`")
    if sections.get("Unreleased", (None, ""))[1]:
        raise ValueError(f"CHANGELOG.md still has changes under `## [Unreleased]`: they are released with {version}")
    return changes


def main() -> None:
    """Print what changed in the version of the tag that is named, or end with 1 and say why it may not be released."""
    here = Path(__file__).resolve().parents[1]
    files = ((here / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "CHANGELOG.md"))
    try:
        (tag,) = sys.argv[1:] or [""]
        changes = notes(tag, *files)
    except ValueError as refused:
        sys.exit(f"Not released: {refused}.")
    sys.stdout.write(f"{changes}\n")


if __name__ == "__main__":
    main()
