"""The DAG: that Airflow can read it, and what it makes of the tenants."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import TriggerRule
from airflow.serialization.serialized_objects import DagSerialization

from zuora_testenv.operator import LoadFromZuora
from zuora_testenv.tenants_file import VARIABLE, tenants_file

if TYPE_CHECKING:
    from airflow.sdk import DAG

# Airflow's own: it uses a pattern of pathspec by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

DAGS = Path(__file__).resolve().parents[2] / "examples" / "airflow" / "dags"
NAME = "zuora_test_environments"


def bag() -> DagBag:
    return DagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="tests")


@pytest.fixture
def dag() -> DAG:
    read = bag()
    assert read.import_errors == {}
    (dag,) = read.dags.values()
    return dag


def loading(dag: DAG) -> list[LoadFromZuora]:
    return [task for task in dag.tasks if isinstance(task, LoadFromZuora)]


def test_there_is_one_dag_and_it_has_one_task_a_tenant_and_shard(dag: DAG) -> None:
    assert dag.dag_id == NAME
    names = [task.task_id for task in dag.tasks]
    assert names[:2] == ["acme", "acme_uk"]
    assert set(names[2:]) <= {"acme_eu-1-of-3", "acme_eu-2-of-3", "acme_eu-3-of-3", "acme_eu-loaded"}


def test_a_task_takes_as_many_slots_of_its_pool_as_it_has_requests_in_flight(dag: DAG) -> None:
    taken = {task.load.tenant: (task.pool, task.pool_slots) for task in loading(dag)}
    assert taken == {"acme": ("zuora_acme", 8), "acme_uk": ("zuora_acme", 8), "acme_eu": ("zuora_acme_eu", 10)}
    for task in loading(dag):
        assert task.load.settings["TAP_ZUORA_TESTENV_MAX_PARALLEL_REQUESTS"] == str(task.pool_slots)


def test_a_failure_is_tried_again_later_and_later_and_no_attempt_lasts_for_ever(dag: DAG) -> None:
    for task in loading(dag):
        assert task.retries == 3
        assert task.retry_exponential_backoff == 2
        assert task.execution_timeout == timedelta(minutes=55)


def test_no_load_runs_twice_at_a_time_and_missed_runs_are_not_made_up(dag: DAG) -> None:
    assert {task.max_active_tis_per_dag for task in loading(dag)} == {1}
    assert dag.catchup is False
    assert dag.dagrun_timeout == timedelta(hours=6)


def test_each_tenant_publishes_one_asset_when_all_of_it_is_there(dag: DAG) -> None:
    published = {task.task_id: [each.name for each in task.outlets] for task in dag.tasks if task.outlets}
    assert published == {
        "acme": ["zuora_testenv_acme"],
        "acme_uk": ["zuora_testenv_acme_uk"],
        "acme_eu-loaded": ["zuora_testenv_acme_eu"],
    }
    shards = {task.task_id for task in loading(dag) if task.load.tenant == "acme_eu"}
    assert len(shards) > 1
    assert dag.get_task("acme_eu-loaded").upstream_task_ids == shards
    assert dag.get_task("acme_eu-loaded").trigger_rule == TriggerRule.ALL_SUCCESS


def test_nothing_of_a_task_is_a_template(dag: DAG) -> None:
    assert all(not task.template_fields for task in loading(dag))


def test_airflow_keeps_it_without_what_the_tap_is_told_and_reads_the_same_each_time(dag: DAG) -> None:
    kept = json.dumps(DagSerialization.to_dict(dag))
    assert '"acme_eu-loaded"' in kept
    assert "rest.eu.zuora.com" not in kept
    (again,) = bag().dags.values()
    assert json.dumps(DagSerialization.to_dict(again)) == kept


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schedule": "every full moon"}, "AirflowTimetableInvalid"),
        ({"pools": {}}, "takes its slots from zuora_acme, which is not among the pools"),
    ],
)
def test_a_file_that_is_refused_is_an_import_error_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], sentence: str
) -> None:
    document = yaml.safe_load(tenants_file().read_text())
    path = tmp_path / "tenants.yml"
    path.write_text(yaml.safe_dump(document | change))
    monkeypatch.setenv(VARIABLE, str(path))
    read = bag()
    assert read.dags == {}
    ((_, said),) = read.import_errors.items()
    assert sentence in said
