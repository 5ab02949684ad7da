from __future__ import annotations

import io
import json
import logging
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typing_extensions import override

from tap_zuora_testenv import redaction
from tap_zuora_testenv.redaction import LONGEST_QUOTE, Redaction, redact_log_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = 'S3cret/+ "\u00e4" it\'s \\n'


def concealing(*secrets: object) -> Redaction:
    made = Redaction()
    made.conceal(secrets)
    return made


FORMS: list[Callable[[str], str]] = [
    str,
    lambda secret: quote(secret, safe=""),
    quote_plus,
    lambda secret: urlencode({"client_secret": secret}),
    json.dumps,
    lambda secret: json.dumps(secret, ensure_ascii=False),
    repr,
]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_a_secret_is_concealed_in_each_form_in_which_the_wire_may_carry_it(number: int) -> None:
    form = FORMS[number](SECRET)
    said = concealing(SECRET).redact(f"before {form} after")
    assert "S3cret" not in said
    assert said.startswith("before ")
    assert said.endswith(" after")


# An asterisk could be part of what a secret is replaced with.
letters = st.characters(exclude_characters="*", exclude_categories=["Cs"])
secrets = st.text(letters, min_size=3, max_size=12)
texts = st.text(letters, max_size=20)


@given(secrets, st.lists(st.tuples(texts, st.integers(0, len(FORMS) - 1)), max_size=4), texts)
def test_no_form_of_a_secret_survives_in_any_text(secret: str, parts: list[tuple[str, int]], end: str) -> None:
    text = "".join(part + FORMS[form](secret) for part, form in parts) + end
    said = concealing(secret).redact(text)
    for form in FORMS[:3]:
        assert form(secret) not in said
    assert json.dumps(secret)[1:-1] not in said
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in said


@given(st.lists(secrets, max_size=4), texts)
def test_no_secret_of_many_survives(many: list[str], text: str) -> None:
    said = concealing(*many).redact(text + "".join(many) + text)
    assert not [secret for secret in many if secret in said]


@given(secrets, texts)
def test_a_text_without_a_secret_stays_as_it_is(secret: str, text: str) -> None:
    assume(not any(form(secret).strip('"') in text for form in FORMS))
    assert concealing(secret).redact(text) == text


def test_a_secret_that_holds_another_one_is_concealed_as_a_whole() -> None:
    assert concealing("Sesame", "Sesame-Open").redact("Sesame-Open") == "***"
    assert concealing("Sesame-Open", "Sesame").redact("Sesame-Open") == "***"


def test_secrets_that_come_later_are_concealed_beside_the_earlier_ones() -> None:
    both = concealing("first")
    both.conceal(["second"])
    assert both.redact("first, second, third") == "***, ***, third"


@pytest.mark.parametrize("nothing", [None, "", 5, b"bytes", ["list"], True])
def test_what_is_no_secret_conceals_nothing(nothing: object) -> None:
    assert concealing(nothing).redact("5 bytes True list") == "5 bytes True list"


def test_a_secret_with_half_a_character_is_concealed_too() -> None:
    assert concealing("Sesame\ud800Open").redact("with Sesame\ud800Open") == "with ***"


def test_a_secret_that_means_something_in_patterns_is_taken_as_it_is() -> None:
    assert concealing(".*", "a|b", "(").redact("x a|b ( .* y") == "x *** *** *** y"


# What is quoted.


def test_a_quoted_text_is_one_line_without_control_characters() -> None:
    assert Redaction().quote("  a\r\n\tb\x00\x1b[31mc\x85d\u2028e\ud800f  ") == "a b [31mc d e f"


def test_a_quoted_text_ends_after_200_characters() -> None:
    assert Redaction().quote("x" * 200) == "x" * 200
    assert Redaction().quote("x" * 201) == "x" * 197 + "..."


def test_no_part_of_a_secret_stands_where_a_quoted_text_was_cut() -> None:
    for length in range(180, 205):
        assert "Ses" not in concealing("Sesame-Open").quote("x" * length + "Sesame-Open")


def test_a_value_is_shown_as_python_shows_it_and_quoted() -> None:
    assert concealing("Sesame-Open").show({"a": "Sesame-Open"}) == "{'a': '***'}"
    assert len(Redaction().show("x" * 500)) == LONGEST_QUOTE


def test_a_value_that_is_nested_too_deeply_to_show_is_told_as_such() -> None:
    nested: list[object] = []
    for _ in range(200_000):
        nested = [nested]
    assert Redaction().show(nested) == "something nested too deeply to show"


@given(st.text(st.characters(), max_size=500))
def test_whatever_is_quoted_is_short_and_can_be_written(text: str) -> None:
    said = Redaction().quote(text)
    assert len(said) <= LONGEST_QUOTE
    assert len(f"<{said.encode().decode()}>".splitlines()) == 1
    assert said == said.strip()


# Log records.


class OtherFormatter(logging.Formatter):
    """A formatter that looks at the record's parts itself, as those of structured logs do."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        error = repr(record.exc_info[1]) if record.exc_info else ""
        return json.dumps({"message": record.getMessage(), "args": repr(record.args), "error": error})


@pytest.fixture
def concealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A secret of the process, whose log records are redacted."""
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(redaction, "REDACTION", concealing("Sesame-Open"))
    redact_log_records()
    yield "Sesame-Open"
    logging.setLogRecordFactory(before)


@pytest.fixture(params=[logging.Formatter("%(levelname)s %(message)s"), OtherFormatter()], ids=["stock", "other"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What a handler of a foreign configuration writes, with one formatter or another."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(request.param)
    logger = logging.getLogger("test-redaction")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield text
    logger.removeHandler(handler)


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.ERROR])
def test_a_secret_in_a_message_is_concealed_at_every_level(concealed: str, log: io.StringIO, level: int) -> None:
    logging.getLogger("test-redaction").log(level, f"with {concealed} in it")  # noqa: G004 - so that it is in the message
    assert "with *** in it" in log.getvalue()
    assert concealed not in log.getvalue()


def test_a_secret_in_the_arguments_is_concealed(concealed: str, log: io.StringIO) -> None:
    logger = logging.getLogger("test-redaction")
    logger.info("with %s in it", concealed)
    logger.info("with %(secret)s in it", {"secret": concealed})
    logger.info("with %s in it", ValueError(concealed))
    assert log.getvalue().count("with *** in it") + log.getvalue().count("with ValueError('***') in it") == 3
    assert concealed not in log.getvalue()


def test_a_secret_that_is_made_of_the_message_and_an_argument_is_concealed(concealed: str, log: io.StringIO) -> None:
    logging.getLogger("test-redaction").info("with Sesame-%s in it", "Open")
    assert concealed not in log.getvalue()


def test_a_secret_in_the_exception_beside_a_message_is_concealed(concealed: str, log: io.StringIO) -> None:
    logging.getLogger("test-redaction").error("it failed", exc_info=ValueError(concealed))
    assert "it failed" in log.getvalue()
    assert concealed not in log.getvalue()


def test_the_exception_beside_a_message_is_shown(concealed: str, log: io.StringIO) -> None:
    del concealed
    logging.getLogger("test-redaction").error("it failed", exc_info=ValueError("harmless"))
    assert "harmless" in log.getvalue()


def test_a_record_without_a_secret_stays_as_it_is(concealed: str) -> None:
    del concealed
    record = logging.getLogRecordFactory()("n", logging.INFO, "p", 1, "%d of %d", (1, 2), None)
    assert (record.msg, record.args) == ("%d of %d", (1, 2))


def test_a_record_whose_arguments_do_not_fit_breaks_nothing_and_shows_no_secret(
    concealed: str, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("test-redaction").info("%d of them", concealed)
    assert concealed not in log.getvalue() + capsys.readouterr().err


@pytest.mark.parametrize("end", ["", " ", "X"])
def test_the_exception_beside_a_message_is_whole_but_for_the_secret(concealed: str, end: str) -> None:
    try:
        raise ValueError(f"{concealed}{end}")  # noqa: TRY301 - with a traceback
    except ValueError as error:
        record = logging.getLogRecordFactory()("n", logging.ERROR, "p", 1, "m", (), sys.exc_info())
        shown = logging.Formatter().formatException((type(error), error, error.__traceback__))
    assert record.exc_text == shown.replace(concealed, "***")


def test_a_record_is_made_with_all_that_its_maker_is_given(concealed: str) -> None:
    del concealed
    record = logging.getLogRecordFactory()("n", logging.INFO, "p", 1, "m", (), None, func="f")
    assert record.funcName == "f"
