from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.ids import PATH_SEGMENT, folded, is_path_segment, row_id


@pytest.mark.parametrize(
    ("value", "folded_id"), [("A", "a"), (7, "7"), ("", None), (True, None), (1.5, None), ([], None)]
)
def test_an_id_is_compared_without_case_and_must_be_text_or_a_number(value: object, folded_id: str | None) -> None:
    assert row_id({"id": value}) == folded_id


@pytest.mark.parametrize("row", [None, [], "id", 5, {}])
def test_a_value_that_is_not_a_row_with_an_id_has_none(row: object) -> None:
    assert row_id(row) is None


@pytest.mark.parametrize("value", ["a", "A-b_9", "x" * 128])
def test_a_plain_id_may_be_a_segment_of_a_path(value: str) -> None:
    assert is_path_segment(value)


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "a?b", "a#b", "a%2f", "a b", "é", "a\n", "x" * 129, None, 5])
def test_an_id_that_could_lead_to_another_path_may_not(value: object) -> None:
    assert not is_path_segment(value)


@given(st.text(st.characters(max_codepoint=127)))
def test_ids_that_differ_only_in_case_are_the_same(text: str) -> None:
    assert folded(text.upper()) == folded(text.lower())


@given(st.text(st.characters()))
def test_the_pattern_of_the_settings_accepts_the_same_ids(text: str) -> None:
    assert (re.search(PATH_SEGMENT, text) is not None) is is_path_segment(text)


@pytest.mark.parametrize(("value", "compared"), [(7, "7"), ("STRASSE", "strasse"), ("Stra\u00dfe", "strasse")])
def test_a_number_is_compared_as_its_digits_and_a_text_without_regard_to_case(value: object, compared: str) -> None:
    assert folded(value) == compared


def test_an_id_with_half_a_character_is_compared_in_a_form_that_can_be_written() -> None:
    assert folded("A\ud800") == folded("A\0") == folded("A\ufffd") == "a\ufffd"
