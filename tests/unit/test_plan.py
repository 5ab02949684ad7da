from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.plan import JobRequest, environments, named_requests


@pytest.mark.parametrize("config", [{}, {"test_environments": None}])
def test_without_the_setting_nothing_is_named(config: dict[str, Any]) -> None:
    assert named_requests(config) is None


@pytest.mark.parametrize(
    ("entries", "requests"),
    [
        (["b", "a"], [("b", None), ("a", None)]),
        ([{"id": "a"}], [("a", None)]),
        ([{"id": "a", "job_ids": ["k", "j"]}], [("a", "k"), ("a", "j")]),
        (["a", "a", "A"], [("a", None)]),
        ([{"id": "a", "job_ids": ["j", "J", "j", "k"]}], [("a", "j"), ("a", "k")]),
        ([{"id": "a", "job_ids": ["j"]}, {"id": "A", "job_ids": ["k", "J"]}], [("a", "j"), ("a", "k")]),
        (["a", {"id": "a", "job_ids": ["j"]}], [("a", None)]),
        ([{"id": "a", "job_ids": ["j"]}, "a"], [("a", None)]),
        ([{"id": "a", "job_ids": ["j"]}, "A", {"id": "a", "job_ids": ["k"]}], [("a", None)]),
        (
            [{"id": "b", "job_ids": ["j"]}, "a", {"id": "B", "job_ids": ["k"]}],
            [("b", "j"), ("b", "k"), ("a", None)],
        ),
    ],
)
def test_each_thing_is_requested_once_in_the_order_of_the_settings_and_a_whole_environment_wins(
    entries: list[Any], requests: list[tuple[str, str | None]]
) -> None:
    named = named_requests({"test_environments": entries})
    assert named == [JobRequest(*request) for request in requests]
    assert environments(named) == list(dict.fromkeys(environment for environment, _ in requests))


entries = st.lists(
    st.sampled_from("abA")
    | st.fixed_dictionaries(
        {"id": st.sampled_from("abA")}, optional={"job_ids": st.lists(st.sampled_from("jkJ"), min_size=1, max_size=4)}
    ),
    min_size=1,
    max_size=6,
)


@given(entries)
def test_the_requests_for_one_environment_are_together_and_no_request_is_made_twice(given_entries: list[Any]) -> None:
    requests = named_requests({"test_environments": given_entries})
    assert requests is not None
    together = [environment for environment, _ in groupby(requests, lambda request: request.environment.lower())]
    assert len(together) == len(set(together)) == len(environments(requests))
    assert len({(request.environment, (request.job or "").lower()) for request in requests}) == len(requests)


def test_of_several_spellings_of_an_id_the_first_is_requested() -> None:
    named = [{"id": "A", "job_ids": ["J"]}, {"id": "a", "job_ids": ["j", "k"]}]
    assert named_requests({"test_environments": named}) == [JobRequest("A", "J"), JobRequest("A", "k")]
