from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.values import VISIBLE_ASCII, storable, without_lone_surrogates


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain", "plain"), ("\u00e9\U0001f600", "\u00e9\U0001f600"), ("a\ud800b\udfff", "a\ufffdb\ufffd")],
    ids=ascii,
)
def test_half_a_character_becomes_a_replacement_character(text: str, expected: str) -> None:
    assert without_lone_surrogates(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("a\0b\0", "a\ufffdb\ufffd"), ("\0\ud800", "\ufffd\ufffd")], ids=ascii)
def test_nul_becomes_a_replacement_character_where_a_text_is_stored(text: str, expected: str) -> None:
    assert storable(text) == expected


@given(st.text(st.characters()))
def test_a_storable_text_stays_as_it_is(text: str) -> None:
    assert storable(storable(text)) == storable(text)
    assert (storable(text) == text) is not ("\0" in text or text != without_lone_surrogates(text))


@given(st.text(st.characters()))
def test_every_text_becomes_one_of_the_same_length_that_can_be_written(text: str) -> None:
    changed = without_lone_surrogates(text)
    assert len(changed) == len(text)
    assert changed.encode().decode() == changed
    assert without_lone_surrogates(changed) == changed


@pytest.mark.parametrize(("text", "matches"), [("t0ken!~", True), ("", False), ("a b", False), ("a\n", False)])
def test_the_pattern_of_visible_characters_matches_words_of_them(text: str, *, matches: bool) -> None:
    assert (re.search(VISIBLE_ASCII, text) is not None) is matches
