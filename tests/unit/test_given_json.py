from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.given_json import MOST_LEVELS, has_lone_surrogate, parse

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(DOCUMENTS)
def test_json_is_read_as_it_is(document: Any) -> None:
    assert parse(json.dumps(document)) == document


def test_a_number_with_a_fraction_stays_exact() -> None:
    assert parse("[0.1, 1e400]") == [Decimal("0.1"), Decimal("1e400")]


@given(st.text())
def test_any_other_text_is_described_in_one_line_without_the_text(text: str) -> None:
    try:
        parse(f"{text}Xq7Xq7")
    except ValueError as error:
        described = str(error)
        assert described.startswith("is ")
        assert "Xq7" not in described
        assert described.isprintable()
    else:
        pytest.fail("that is not JSON")


def nested(levels: int) -> str:
    return '{"a": [' * (levels // 2) + "]}" * (levels // 2)


def test_as_many_levels_as_anyone_needs_are_read() -> None:
    assert parse(nested(MOST_LEVELS)) == json.loads(nested(MOST_LEVELS))


@pytest.mark.parametrize("levels", [MOST_LEVELS + 2, 900, 100_000])
def test_more_levels_are_refused(levels: int) -> None:
    with pytest.raises(ValueError, match=f"^is nested more than {MOST_LEVELS} levels deep$"):
        parse(nested(levels))


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_that_json_does_not_have_is_named(constant: str) -> None:
    with pytest.raises(ValueError, match=f"^is not JSON: it contains {constant}, which JSON does not have$"):
        parse(f'{{"a": [{constant}]}}')


@pytest.mark.parametrize("text", [r'{"a": "\ud800"}', r'{"\udfff": 1}', r'["\udc00\ud800"]', r'[1.5, "\ud800"]'])
def test_half_a_character_is_found(text: str) -> None:
    assert has_lone_surrogate(parse(text))


def test_both_halves_of_a_character_are_one_character() -> None:
    assert parse(r'"\ud83d\ude00"') == "\U0001f600"
    assert not has_lone_surrogate(parse(r'["\ud83d\ude00", 1.5]'))


MISTAKES = [
    ("", "is empty"),
    (" \n", "is empty"),
    ("a: 1", "is not JSON: it looks like YAML"),
    ("# Acme\n\na_b:\n  - c", "is not JSON: it looks like YAML"),
    ("---\na: 1", "is not JSON: it looks like YAML"),
    ("- a", "is not JSON: it looks like YAML"),
    ("export A=b", "is not JSON: it looks like environment variables, which --config=ENV reads"),
    ("A_B=c", "is not JSON: it looks like environment variables, which --config=ENV reads"),
    ("{a: 1}", "is not JSON (line 1, column 2)"),
    ('{"a": 1 "b": 2}', "is not JSON (line 1, column 9)"),
    ('{"a": 1', "is not JSON (line 1, column 8)"),
    ('{"a": 1} {"b": 2}', "is not JSON (line 1, column 10): there is more after the end of the first value"),
    ('{"a": 1, /* one */ "b": 2}', "is not JSON (line 1, column 10): it has a comment, which JSON does not allow"),
    ('{\n# one\n"a": 1}', "is not JSON (line 2, column 1): it has a comment, which JSON does not allow"),
    ('// one\n{"a": 1}', "is not JSON (line 1, column 1): it has a comment, which JSON does not allow"),
    ("['a']", "is not JSON (line 1, column 2): JSON needs double quotes, not single ones"),
    ('{"a": None}', "is not JSON (line 1, column 7): JSON has only the words true, false and null"),
]


@pytest.mark.parametrize(("text", "described"), MISTAKES, ids=[ascii(text) for text, _ in MISTAKES])
def test_a_usual_mistake_is_described(text: str, described: str) -> None:
    with pytest.raises(ValueError, match=r"^is ") as refused:
        parse(text)
    assert str(refused.value) == described


@pytest.mark.parametrize("text", ["[1,]", "[1 , \n ]", '{"a": 1,}', '{"a": [{"b": 1,}]}'])
def test_a_comma_after_the_last_entry_is_described(text: str) -> None:
    # Versions of Python differ in the column.
    with pytest.raises(
        ValueError, match=r"^is not JSON \(line \d, column \d+\): there is a comma after the last entry$"
    ):
        parse(text)
