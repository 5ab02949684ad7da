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
        sys.exit("The report needs an extra: pip install 'tap-zuora-testenv[report]'")
    sys.exit(run())
