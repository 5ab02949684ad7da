"""Which loads a tenant consists of, and the settings of the tap for each."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tap_zuora_testenv.airflow.loads import LONGEST_LIST, loads, shares
from tap_zuora_testenv.airflow.tenants_file import Tenant, TenantsRefused

LIST = "TAP_ZUORA_TESTENV_TEST_ENVIRONMENTS"
IDS = st.lists(st.uuids().map(str), min_size=1, max_size=40, unique=True)


def tenant(**more: Any) -> Tenant:
    return Tenant(name="acme", base_url="https://rest.zuora.com", connection="zuora_acme", **more)


def test_a_tenant_without_a_list_is_one_load_of_all_that_can_be_seen() -> None:
    (load,) = loads(tenant(max_parallel_requests=12, settings={"entity_id": "7", "max_attempts": "2"}))
    assert (load.task, load.state, load.schema) == ("load", "acme", "zuora_testenv_acme")
    assert (load.tenant, load.connection, load.base_url) == ("acme", "zuora_acme", "https://rest.zuora.com")
    assert load.settings == {
        "TAP_ZUORA_TESTENV_BASE_URL": "https://rest.zuora.com",
        "TAP_ZUORA_TESTENV_MAX_PARALLEL_REQUESTS": "12",
        "TAP_ZUORA_TESTENV_ENTITY_ID": "7",
        "TAP_ZUORA_TESTENV_MAX_ATTEMPTS": "2",
    }


def test_a_list_is_passed_on_as_it_is() -> None:
    named = {"id": "b", "job_ids": ["1", "2"]}
    (load,) = loads(tenant(test_environments=["a", named]))
    assert json.loads(load.settings[LIST]) == ["a", named]


@given(IDS, st.integers(2, 6))
def test_shards_share_a_list_with_nothing_lost_and_nothing_twice(ids: list[str], shards: int) -> None:
    divided = loads(tenant(test_environments=ids, shards=shards))
    assert sorted(each for load in divided for each in json.loads(load.settings[LIST])) == sorted(ids)
    assert len({load.state for load in divided}) == len({load.task for load in divided}) == len(divided)
    assert all(json.loads(load.settings[LIST]) for load in divided)
    assert {load.schema for load in divided} == {"zuora_testenv_acme"}


@given(IDS, st.integers(2, 6), st.integers(6, 40))
def test_the_tasks_of_a_tenant_have_together_no_more_in_flight_than_it_may(
    ids: list[str], shards: int, width: int
) -> None:
    divided = loads(tenant(test_environments=ids, shards=shards, max_parallel_requests=width))
    widths = [int(load.settings["TAP_ZUORA_TESTENV_MAX_PARALLEL_REQUESTS"]) for load in divided]
    assert min(widths) > 0
    assert width - len(divided) < sum(widths) <= width


@given(IDS, st.integers(2, 6), st.data())
def test_one_environment_less_moves_no_other_to_another_shard(ids: list[str], shards: int, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(ids))
    before = shares(tenant(test_environments=ids, shards=shards))
    after = shares(tenant(test_environments=[each for each in ids if each != gone] or ["other"], shards=shards))
    assert [[each for each in share if each != gone] for share in before] == [
        [each for each in share if each != "other"] for share in after
    ]


def test_the_same_environment_goes_to_the_same_shard_in_whatever_case_and_form() -> None:
    forms: list[Any] = ["AB-12", "ab-12", {"id": "Ab-12", "job_ids": ["1"]}]
    assert sorted(map(len, shares(tenant(test_environments=forms, shards=5)))) == [0, 0, 0, 0, 3]


def test_no_tenant_can_be_named_like_the_shard_of_another() -> None:
    names = {load.state for load in loads(tenant(test_environments=["a", "b", "c"], shards=2))}
    for name in names:
        with pytest.raises(ValidationError, match="pattern"):
            Tenant(name=name, base_url="https://rest.zuora.com", connection="zuora_acme")


def test_many_environments_are_spread_evenly() -> None:
    ids = [f"6edee495-5b81-4a87-beb1-{number:012}" for number in range(10_000)]
    sizes = sorted(map(len, shares(tenant(test_environments=ids, shards=10, max_parallel_requests=10))))
    assert sizes[0] > 850
    assert sizes[-1] < 1150


def test_more_than_a_variable_can_hold_is_refused_with_what_to_do() -> None:
    ids = [f"6edee495-5b81-4a87-beb1-{number:012}" for number in range(5_000)]
    with pytest.raises(TenantsRefused, match=r"acme has more test environments .* raise its shards, which are 1"):
        loads(tenant(test_environments=ids))
    assert len(loads(tenant(test_environments=ids, shards=2))) == 2


def test_the_longest_list_fits_into_a_variable() -> None:
    started = subprocess.run([sys.executable, "-c", "pass"], env={LIST: "x" * LONGEST_LIST}, check=False)
    assert started.returncode == 0
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run([sys.executable, "-c", "pass"], env={LIST: "x" * (LONGEST_LIST + 256)}, check=False)
