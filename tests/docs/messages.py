"""Every message that the installed commands, the installer and the demos can print, as far as their source has it.

A message is a text of at least two words in the source. What is filled in is written as `…` here.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "tap_zuora_testenv"
# Files of the package that contain no messages, with the reason.
WITHOUT_MESSAGES = {
    "emulator/description.py": "the OpenAPI description",
    "emulator/help.py": "the text of `--help`",
    "report/charts.py": "the text of the page",
    "report/page.py": "the text of the page",
    "status_lines.py": "what `zuora-testenv-status` prints on standard output; its page describes it",
}
# Texts that are arguments of these functions are no messages, with the reason.
OTHER_CALLS = {
    "Refusal": "a response of the emulated Zuora; the tap quotes it, and reports what to do in words of its own",
    "cast": "a type",
    "compile": "a pattern",
    "option": "the text of `--help`",
    "add_argument": "the text of `--help`",
    "ArgumentParser": "the text of `--help`",
}
# Texts that are values of these names or keys are no messages, with the reason.
OTHER_NAMES = {
    "EXAMPLE": "the text of `--help`",
    "_HELP_OF_TEST": "the text of `--help`",
    "_HELP": "the text of `--help`",
    "_EPILOG": "the text of `--help`",
    "description": "the description of a setting, which the README's table has",
    "title": "the label of a setting",
    "Unfinished": "a type",
}
