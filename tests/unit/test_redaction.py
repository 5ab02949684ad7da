from __future__ import annotations

import html
import html.entities
import io
import json
import logging
import sys
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from typing_extensions import override

from tap_zuora_testenv import redaction
from tap_zuora_testenv.redaction import LONGEST_QUOTE, SHORTEST_SECRET, Redaction, redact_log_records

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
secrets = st.text(letters, min_size=SHORTEST_SECRET, max_size=16)
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


@given(secrets, st.text(letters.filter(str.isprintable), max_size=20).map(lambda text: text.replace("\u2800", "")))
@example("12345678", "a % & \\ + ; &amp; %41 \\u0041 1234567")
def test_a_text_without_a_secret_stays_as_it_is(secret: str, text: str) -> None:
    assume(not any(form(secret).strip('"') in text for form in FORMS))
    assume(all(unicodedata.category(each) not in {"Mn", "Lo"} for each in text))
    assert concealing(secret).redact(text) == text


def named(character: str) -> str:
    return f"&{NAMES[character]}" if character in NAMES else character


def in_json(character: str) -> str:
    """Every character by its number, as some libraries write it."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


NAMES = {character: name for name, character in html.entities.html5.items() if name.endswith(";")}
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda each: "".join(f"%{byte:02X}" for byte in each.encode()),
    "lower-case percent": lambda each: "".join(f"%{byte:02x}" for byte in each.encode()),
    "form": quote_plus,
    "JSON": lambda each: json.dumps(each)[1:-1],
    "JSON by number": in_json,
    "JSON by upper-case number": lambda each: in_json(each).upper().replace("\\U", "\\u"),
    "JSON with slashes escaped": lambda each: json.dumps(each, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    "repr": lambda each: repr(f"{each}'\"")[1:-4],
    "wide": lambda each: f"\\U{ord(each):08x}",
    "HTML": html.escape,
    "HTML by name": named,
    "HTML by decimal number": lambda each: f"&#{ord(each)};",
    "HTML by padded decimal number": lambda each: f"&#00{ord(each)};",
    "HTML by hexadecimal number": lambda each: f"&#x{ord(each):x};",
    "HTML by upper-case hexadecimal number": lambda each: f"&#X{ord(each):X};",
}
# HTML knows no control characters, and repeats no NUL.
visible = st.characters(exclude_characters="*", exclude_categories=["C", "Z"])


@pytest.mark.parametrize("outer", ENCODINGS)
@pytest.mark.parametrize("inner", ENCODINGS)
def test_a_secret_is_concealed_in_one_encoding_within_another(inner: str, outer: str) -> None:
    secret = "S3cret/+=&<>\"'\\%\u00e4\U0001f600"
    text = "".join(ENCODINGS[outer](each) for letter in secret for each in ENCODINGS[inner](letter))
    assert concealing(secret).redact(f"before: {text} after") == "before: *** after"


@given(
    st.lists(st.tuples(visible, *[st.sampled_from(sorted(ENCODINGS))] * 2), min_size=SHORTEST_SECRET, max_size=20),
    st.sampled_from(["once", "twice"]),
)
def test_a_secret_is_concealed_in_every_mixture_of_encodings(
    letters_with_encodings: list[tuple[str, str, str]], times: str
) -> None:
    secret = "".join(letter for letter, _, _ in letters_with_encodings)
    text = "".join(
        "".join(map(ENCODINGS[outer], ENCODINGS[inner](letter))) if times == "twice" else ENCODINGS[inner](letter)
        for letter, inner, outer in letters_with_encodings
    )
    # Plain characters next to encoded ones may look like another encoding: such a secret is ambiguous.
    assume(not any(each in secret for each in "%&\\"))
    assert concealing(secret).redact(f"<{text}>") == "<***>"


@pytest.mark.parametrize("secret", ["a", "1234567", "seven.."])
def test_a_text_too_short_for_a_secret_is_not_concealed(secret: str) -> None:
    assert concealing(secret).redact(f"it is {secret}, or %31") == f"it is {secret}, or %31"


def test_a_secret_that_decodes_to_a_short_text_does_not_conceal_that() -> None:
    assert concealing("%41%42%43").redact("ABC %41%42%43") == "ABC ***"


def test_a_secret_that_looks_encoded_is_concealed_as_it_is_and_as_it_reads() -> None:
    assert concealing("a%2fb%2fc%2fd").redact("a%2fb%2fc%2fd, a%252fb%252fc%252fd") == "***, ***"
    assert concealing("a%2fb%2fc%2fd%2fe").redact("a%2fb/c%252fd/e") == "***"


def test_of_a_very_long_text_the_beginning_is_searched_and_shown() -> None:
    secret = "Sesame-Open"
    said = concealing(secret).redact("&#83;esame-Open" + "x" * 49_980 + f"{secret} {secret}" + "&" * 10_000_000)
    assert said.startswith("***xxx")
    assert said.endswith(("x...", "***..."))
    assert "Ses" not in said
    assert len(said) < 50_010


def test_a_secret_that_holds_another_one_is_concealed_as_a_whole() -> None:
    assert concealing("Sesame", "Sesame-Open").redact("Sesame-Open") == "***"
    assert concealing("Sesame-Open", "Sesame").redact("Sesame-Open") == "***"


def test_secrets_that_come_later_are_concealed_beside_the_earlier_ones() -> None:
    both = concealing("the first")
    both.conceal(["the second"])
    assert both.redact("the first, the second, the third") == "***, ***, the third"


@pytest.mark.parametrize("nothing", [None, "", 5, b"bytes", ["list"], True])
def test_a_value_that_is_not_a_secret_conceals_nothing(nothing: object) -> None:
    assert concealing(nothing).redact("5 bytes True list") == "5 bytes True list"


def test_a_secret_with_half_a_character_is_concealed_too() -> None:
    assert concealing("Sesame\ud800Open").redact("with Sesame\ud800Open") == "with ***"


def test_a_secret_that_means_something_in_patterns_is_taken_as_it_is() -> None:
    assert (
        concealing(".*.*.*.*", "a|b|c|d|e", "((((((((").redact("x a|b|c|d|e (((((((( .*.*.*.* y") == "x *** *** *** y"
    )


# What is quoted.


def test_a_quoted_text_is_one_line_without_control_characters() -> None:
    assert Redaction().quote("  a\r\n\tb\x00\x1b[31mc\x85d\u2028e\ud800f  ") == "a b [31mc d e f"


# Characters that are invisible, or that show a text in another order.
UNSEEN = (
    "\u202e\u2066\u200b\ufeff\u00ad\u2028\u2029\ue000\ud800\x1b\x07\x9b\r"
    "\u3164\u115f\u2800\ufe0f\u034f\U000e0101\U000e0041"
)


@pytest.mark.parametrize("character", UNSEEN, ids=ascii)
def test_an_invisible_character_is_neither_quoted_nor_shown_nor_logged(character: str) -> None:
    assert Redaction().quote(f"a{character}b") == "a b"
    assert Redaction().redact(f"a{character}b") == "a b"
    assert character not in Redaction().show({"a": f"a{character}b"})


@given(st.text(st.characters()))
def test_a_redacted_text_contains_only_visible_characters_line_breaks_and_tabs(text: str) -> None:
    said = Redaction().redact(text)
    assert {unicodedata.category(each) for each in said if each not in "\n\t"}.isdisjoint(
        {"Cc", "Cf", "Cs", "Co", "Zl"}
    )
    assert len(said) == len(text)


def test_a_text_in_another_script_stays_as_it_is() -> None:
    text = "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u6771\u4eac \U0001f680 e\u0301\n\tline"
    assert Redaction().redact(text) == text


def test_a_quoted_text_ends_after_200_characters() -> None:
    assert Redaction().quote("x" * 200) == "x" * 200
    assert Redaction().quote("x" * 201) == "x" * 197 + "..."


def test_no_part_of_a_secret_is_left_where_a_quoted_text_was_cut() -> None:
    for length in range(180, 205):
        assert "Ses" not in concealing("Sesame-Open").quote("x" * length + "Sesame-Open")


def test_a_value_is_shown_as_python_shows_it_and_quoted() -> None:
    assert concealing("Sesame-Open").show({"a": "Sesame-Open"}) == "{'a': '***'}"
    assert len(Redaction().show("x" * 500)) == LONGEST_QUOTE


def test_a_value_that_is_nested_too_deeply_to_show_is_described_as_such() -> None:
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
    """A formatter that reads the parts of the record itself, as those of structured logs do."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        error = repr(record.exc_info[1]) if record.exc_info else ""
        return json.dumps({"message": record.getMessage(), "args": repr(record.args), "error": error})


@pytest.fixture
def concealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A secret of a process whose log records are redacted."""
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(redaction, "REDACTION", concealing("Sesame-Open"))
    redact_log_records()
    yield "Sesame-Open"
    logging.setLogRecordFactory(before)


@pytest.fixture(params=[logging.Formatter("%(levelname)s %(message)s"), OtherFormatter()], ids=["stock", "other"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """The output of a handler of a foreign configuration, with each of the formatters."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(request.param)
    logger = logging.getLogger("test-redaction")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield text
    logger.removeHandler(handler)


def test_invisible_characters_stay_out_of_the_log(concealed: str, log: io.StringIO) -> None:
    logging.getLogger("test-redaction").error("a\u202eb%s", "\u2066c", exc_info=ValueError("d\u200be"))
    assert "a b c" in log.getvalue()
    assert not any(each in log.getvalue() for each in UNSEEN)
    assert concealed not in log.getvalue()


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
def test_the_exception_beside_a_message_is_whole_except_for_the_secret(concealed: str, end: str) -> None:
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
