"""Keeps secrets out of every text that leaves the program, and makes foreign text short and clean."""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

CONCEALED = "***"
LONGEST_QUOTE = 200
"""How many characters of a response a message may contain."""

_NOT_PRINTED = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Redaction:
    """The secrets of one process, and the texts without them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def conceal(self, secrets: Iterable[object]) -> None:
        """Keep these texts out of every later message, in each form in which a response may repeat them.

        Args:
            secrets: Secrets, tokens, passwords; values that are empty or are not text are ignored.
        """
        for secret in secrets:
            if isinstance(secret, str) and secret:
                self._forms |= _forms(secret)
        # The longest first: a secret that contains another one is concealed whole.
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by asterisks."""
        return text if self._pattern is None else self._pattern.sub(CONCEALED, text)

    def quote(self, text: str) -> str:
        """Return at most 200 characters of a foreign text, without secrets, control characters and line breaks."""
        # Redacted before it is cut: half a secret would not be found.
        clean = _NOT_PRINTED.sub(" ", self.redact(text)).strip()
        return clean if len(clean) <= LONGEST_QUOTE else f"{clean[: LONGEST_QUOTE - 3]}..."

    def show(self, value: object) -> str:
        """Return the `repr` of a foreign value, as `quote` returns a text."""
        try:
            return self.quote(repr(value))
        except RecursionError:
            # One thread could parse it, but this one is deeper in its own calls.
            return "something nested too deeply to show"


def _forms(secret: str) -> set[str]:
    """Return the forms of a secret in a text: plain, in a form's body, in JSON, and in its `repr`."""
    # A lone surrogate, as in a variable that is not UTF-8, cannot be in a URL, but must not end the program here.
    quoted = {each(secret, safe="", errors="surrogatepass") for each in (quote, quote_plus)}
    escaped = {json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)}
    return {secret, *quoted, *(each[1:-1] for each in escaped)}


REDACTION = Redaction()
"""The secrets of this process: one object for all, as in logging."""


def redact_log_records() -> None:
    """Redact every log record of the process when it is created.

    A filter or a formatter would redact only for those handlers that the user's logging configuration keeps.
    """
    make = logging.getLogRecordFactory()

    def make_redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - as the factory that it wraps
        record = make(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging never breaks its caller, whatever the arguments are
            record.msg, record.args = REDACTION.redact(f"{record.msg} {record.args}"), ()
        else:
            redacted = REDACTION.redact(message)
            if redacted != message:
                record.msg, record.args = redacted, ()
        _redact_exception(record)
        return record

    logging.setLogRecordFactory(make_redacted)


def _redact_exception(record: logging.LogRecord) -> None:
    if record.exc_info is None or record.exc_info[1] is None:
        return
    shown = "".join(traceback.format_exception(record.exc_info[1]))
    redacted = REDACTION.redact(shown)
    if redacted != shown:
        # Formatters use the text; one that reads the exception itself must not find it.
        record.exc_info, record.exc_text = None, redacted.rstrip("\n")
