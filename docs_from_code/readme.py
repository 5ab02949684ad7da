"""The tables of README.md. A cell that only a person can write (None here) stays as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from docs_from_code.told import Setting, settings, streams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows: TypeAlias = dict[str, Sequence[str | None]]


def rewritten(text: str, told: Mapping[str, Any]) -> str:
    """Write the tables anew.

    Args:
        text: README.md.
        told: What `--about` prints.
    """
    for name, rows in tables(told).items():
        begin, end = f"<!-- `make docs` writes this table: {name} -->\n", "<!-- end -->"
        pattern = re.compile(re.escape(begin) + r"(.*?)" + re.escape(end), re.DOTALL)
        match = pattern.search(text)
        if match is None:
            raise ValueError(f"README.md lacks the markers of the table of {name}.")
        table = _table(match[1].strip().splitlines(), rows)
        text = f"{text[: match.start()]}{begin}{table}{end}{text[match.end() :]}"
    return text


def tables(told: Mapping[str, Any]) -> dict[str, Rows]:
    """Give the cells of each table, by the code in the first cell of a row."""
    return {
        "settings": {each.name: _setting(each) for each in settings(told) if each.is_own},
        "streams": {
            name: [
                None,
                ", ".join(f"`{key}`" for key in stream.primary_keys),
                f"incremental on `{stream.replication_key}`" if stream.replication_key else "full table",
            ]
            for name, stream in streams().items()
        },
        "fields": {
            name: [", ".join(f"`{field}`" for field in stream.schema["properties"])]
            for name, stream in streams().items()
        },
    }


def _setting(setting: Setting) -> Sequence[str | None]:
    default = setting.definition.get("default")
    told = "required" if setting.is_required else None if default is None else f"`{default}`"
    return [setting.type_name, told, "yes" if setting.is_secret else "no", None]


def _table(lines: Sequence[str], rows: Rows) -> str:
    heading, rule, *body = lines
    before = {cells[0].strip("`"): cells for cells in map(_cells, body)}
    written = [heading, rule]
    for name, cells in rows.items():
        kept = before.get(name, [f"`{name}`", *[""] * len(cells)])
        new = [old if cell is None else cell for old, cell in zip(kept[1:], cells, strict=True)]
        written.append("| " + " | ".join([f"`{name}`", *new]) + " |")
    return "\n".join(re.sub(r"\|  \|", "| |", line) for line in written) + "\n"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
