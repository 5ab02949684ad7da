"""The tables of README.md, as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dev.generate import tap_settings
from tap_zuora_testenv.tap import TapZuoraTestenv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.generate.tap_settings import Setting

# In a description: a name that the table shows as code, or the list of hosts, which has a separate table.
CODE = re.compile(r"\b(client_id|client_secret|job_ids|Zuora-\w+-Ids?|tap-zuora-testenv/<version>)")
HOSTS = re.compile(r" Production: https://.*")
# By stream: the operations of Zuora's reference.
OPERATIONS = {
    "test_environment_jobs": "`GET /test-environments/{id}/jobs` or `GET /test-environments/{id}/jobs/{jobId}`",
    "test_environments": "`GET /test-environments`",
}


def settings() -> str:
    """Return the table of the settings."""
    own = [each for each in tap_settings.settings() if each.is_own]
    return _table(("setting", "type", "default", "secret", "meaning"), map(_setting, own))


def streams() -> str:
    """Return the table of the streams."""
    found = TapZuoraTestenv(validate_config=False, setup_mapper=False).streams
    return _table(
        ("stream", "operation", "key", "replication"),
        (
            (
                f"`{name}`",
                OPERATIONS[name],
                ", ".join(f"`{key}`" for key in stream.primary_keys),
                f"incremental on `{stream.replication_key}`" if stream.replication_key else "full table",
            )
            for name, stream in sorted(found.items())
        ),
    )


def fields() -> str:
    """Return the table of the streams' fields."""
    found = TapZuoraTestenv(validate_config=False, setup_mapper=False).streams
    return _table(
        ("stream", "fields"),
        (
            (f"`{name}`", ", ".join(f"`{field}`" for field in stream.schema["properties"]))
            for name, stream in sorted(found.items())
        ),
    )


def _setting(setting: Setting) -> tuple[str, ...]:
    definition = setting.definition
    meaning = CODE.sub(r"`\1`", HOSTS.sub("", definition["description"]))
    if "maximum" in definition:
        meaning += f" From {definition['minimum']} to {definition['maximum']}."
    default = f"`{definition['default']}`" if "default" in definition else ""
    return (
        f"`{setting.name}`",
        setting.type_name,
        "required" if setting.is_required else default,
        "yes" if definition.get("secret") else "no",
        meaning,
    )


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(row) for row in (heading, *rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells).replace("|  |", "| |").replace("| --- ", "|---")
