"""Keeps secrets out of every text that leaves the program, and makes foreign text short and clean."""

from __future__ import annotations

import html
import json
import logging
import re
import traceback
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONCEALED = "***"
LONGEST_QUOTE = 200
"""How many characters of a response a message may contain."""
SHORTEST_SECRET = 8
"""A shorter text is not concealed: with a secret of one letter, each such letter would vanish from the log."""

# How much of a text is shown. To find a secret across the end, more of the text is searched.
_LONGEST_TEXT, _SEARCHED = 50_000, 100_000
# One encoding in another: JSON in HTML in a URL, and two more.
_LEVELS = 5
_ENCODED = re.compile(
    rb"%[0-9A-Fa-f]{2}"
    rb"|\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
    rb"|\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4}|.)"
    rb"|&#?[0-9A-Za-z]{1,32};?",
    re.DOTALL,
)
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
# What `str.isprintable` accepts and nobody sees: Unicode's Default_Ignorable_Code_Point, and the empty Braille pattern.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class Redaction:
    """The secrets of one process, and the texts without them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[bytes] | None = None

    def conceal(self, secrets: Iterable[object]) -> None:
        """Keep these texts out of every later message, in each encoding in which a response may repeat them.

        Args:
            secrets: Secrets, tokens, passwords; values that are not text or too short for a secret are ignored.
        """
        for secret in secrets:
            if isinstance(secret, str) and len(secret) >= SHORTEST_SECRET:
                self._forms |= _forms(secret)
        # The longest first: a secret that contains another one is concealed whole.
        longest_first = sorted(map(_bytes, self._forms), key=len, reverse=True)
        # In the body of a form, a plus is a space.
        forms = (re.sub(rb"\\[ +]", b"[ +]", re.escape(form)) for form in longest_first)
        self._pattern = re.compile(b"|".join(forms)) if longest_first else None

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by asterisks, and each invisible character by a space.

        A character that is not printable, such as one that changes the direction of a text, is invisible. Line breaks
        and tabs stay. Only the beginning of a very long text is returned.
        """
        shown = self._without_secrets(text) if len(text) <= _SEARCHED else f"{self._without_secrets(text)}..."
        return shown if shown.isprintable() and not _UNSEEN.search(shown) else _visible(shown)

    def quote(self, text: str) -> str:
        """Return at most 200 characters of a foreign text on one line, without secrets and invisible characters."""
        # Redacted before it is cut: half a secret would not be found.
        clean = " ".join(self.redact(text).split())
        return clean if len(clean) <= LONGEST_QUOTE else f"{clean[: LONGEST_QUOTE - 3]}..."

    def show(self, value: object) -> str:
        """Return the `repr` of a foreign value, as `quote` returns a text."""
        try:
            return self.quote(repr(value))
        except RecursionError:
            # One thread could parse it, but this one is deeper in its own calls.
            return "something nested too deeply to show"

    def _without_secrets(self, text: str) -> str:
        data = _bytes(text[:_SEARCHED])
        end = len(data) if len(text) <= _SEARCHED else len(_bytes(text[:_LONGEST_TEXT]))
        pieces, done = [], 0
        for start, stop in sorted(self._secrets(data)):
            if start >= end:
                break
            if start >= done:
                pieces += [data[done:start], CONCEALED.encode()]
            done = max(done, stop)
        return b"".join([*pieces, data[done:end]]).decode(errors="surrogatepass")

    def _secrets(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Return where the secrets are, in whatever mixture of encodings."""
        if self._pattern is None:
            return
        levels: list[list[_Character]] = []
        while True:
            for match in self._pattern.finditer(data):
                start, end = match.span()
                for characters in reversed(levels):
                    start, end = _origin(characters, start)[0], _origin(characters, end - 1)[1]
                yield start, end
            decoded, characters = _decoded(data)
            if decoded == data or len(levels) == _LEVELS:
                return
            levels.append(characters)
            data = decoded


def _forms(secret: str) -> set[str]:
    """Return a secret, itself as decoded, and as a URL, a form's body, JSON and its `repr` show it.

    These are found whatever surrounds them. In other encodings, a character before the secret may change its meaning.
    """
    # A lone surrogate, as in a variable that is not UTF-8, cannot be in a URL, but must not end the program here.
    quoted = {each(secret, safe="", errors="surrogatepass") for each in (quote, quote_plus)}
    escaped = {json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)}
    decoded = _bytes(secret)
    for _ in range(_LEVELS):
        decoded = _decoded(decoded)[0]
    forms = {secret, decoded.decode(errors="replace"), *quoted, *(each[1:-1] for each in escaped)}
    return {form for form in forms if len(form) >= SHORTEST_SECRET}


class _Character(NamedTuple):
    """A character that was encoded.

    Attributes:
        at: Where it is in the decoded bytes.
        length: How many of them it is.
        start: Where its encoded form starts.
        end: Where its encoded form ends.
    """

    at: int
    length: int
    start: int
    end: int


def _decoded(data: bytes) -> tuple[bytes, list[_Character]]:
    """Return the bytes without one level of encoding, and the characters that were encoded."""
    pieces: list[bytes] = []
    characters: list[_Character] = []
    size = done = 0
    for match in _ENCODED.finditer(data):
        start, end = match.span()
        piece = _character(match[0])
        size += start - done
        characters.append(_Character(size, len(piece), start, end))
        pieces += [data[done:start], piece]
        size += len(piece)
        done = end
    return b"".join([*pieces, data[done:]]), characters


def _character(encoded: bytes) -> bytes:
    if encoded.startswith(b"%"):
        return bytes.fromhex(encoded[1:].decode())
    if encoded.startswith(b"&"):
        return _bytes(html.unescape(encoded.decode()))
    if len(encoded) == len(b"\\n"):
        return _ESCAPES.get(encoded[1:], encoded[1:])
    # A character beyond the first 65,536 is two halves in JSON.
    halves = "".join(chr(int(each[1:], 16)) for each in encoded.split(b"\\")[1:])
    return _bytes(halves.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"))


def _origin(characters: list[_Character], index: int) -> tuple[int, int]:
    """Return where a decoded byte comes from: the start and the end."""
    before = bisect_right(characters, index, key=attrgetter("at"))
    if before == 0:
        return index, index + 1
    at, length, start, end = characters[before - 1]
    if index < at + length:
        return start, end
    return end + index - at - length, end + index - at - length + 1


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _visible(text: str) -> str:
    return _UNSEEN.sub(" ", "".join(each if each.isprintable() or each in "\n\t" else " " for each in text))


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
