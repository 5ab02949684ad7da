"""`python -m docs_from_code`: write anew what is generated, and say which files have changed."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs_from_code import plugin, readme
from docs_from_code.told import about

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parent.parent


def generated(told: Mapping[str, Any]) -> dict[Path, str]:
    """Give the text of each file that is generated, or of which a part is.

    Args:
        told: What `--about` prints.
    """
    paths = {
        CHECKOUT / "README.md": readme.rewritten,
        CHECKOUT / "meltano.yml": plugin.rewritten,
    }
    texts = {path: rewrite(path.read_text(encoding="utf-8"), told) for path, rewrite in paths.items()}
    return texts | {CHECKOUT / "docs" / "hub" / "tap-zuora-testenv.yml": plugin.hub_file(told)}


def main() -> None:
    """Write the files."""
    logging.disable()
    for path, text in generated(about()).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(CHECKOUT)} has changed.\n")


if __name__ == "__main__":
    main()
