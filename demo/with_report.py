"""What happens in `make demo`: the pipe's story, and at its end the report that `make report` writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from analytics.models import Place
from analytics.report import OUTPUT, write_report
from demo import story

if TYPE_CHECKING:
    from pathlib import Path

    from demo.emulator import Zuora
    from demo.warehouse import Warehouse


def tell(zuora: Zuora, store: Warehouse, folder: Path) -> None:
    """Tell the story of the pipe, then build the models and write the report.

    Raises:
        DemoError: When anything is not as it must be.
    """
    story.tell(zuora, store, folder)
    started = time.monotonic()
    write_report(Place(store.url, store.schema, store.schema), OUTPUT, zuora.now())
    story.say("\n5  Which sandbox is ready, how old are its data, and when may it be refreshed again?\n")
    story.say(f"  {OUTPUT} shows it; open it in a browser. Models and report took {time.monotonic() - started:.1f} s.")
