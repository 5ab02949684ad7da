"""A report on test environments, made of the tables of the dbt package; it imports nothing else of this package."""

from __future__ import annotations

import sys

EXTRA = {"jinja2", "sqlalchemy"}


def main() -> None:
    """Run the command `zuora-testenv-report`."""
    try:
        from tap_zuora_testenv.report.report_command import run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.exit(
            "The report needs packages that are not installed. In the checkout, run the command of the tool that "
            "installed the tap: pip install '.[report]', pipx install --force '.[report]' or "
            "uv tool install --force '.[report]'."
        )
    sys.exit(run())
