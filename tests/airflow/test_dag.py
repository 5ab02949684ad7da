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
from zuora_testenv.tenants import VARIABLE, read_tenants, tenants_file

if TYPE_CHECKING:
    from airflow.sdk import DAG

# Airflow's own: it uses a pattern of pathspec by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

DAGS = Path(__file__).resolve().parents[2] / "orchestrate" / "airflow" / "dags"
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
    assert all(name.startswith("acme_eu_") for name in names[2:])


def test_a_task_takes_as_many_slots_of_its_pool_as_it_has_requests_in_flight(dag: DAG) -> None:
    pools = read_tenants(tenants_file()).pools
    for task in loading(dag):
        assert task.pool_slots == int(task.load.settings["TAP_ZUORA_TESTENV_MAX_PARALLEL_REQUESTS"])
        assert task.pool_slots <= pools[task.pool]


def test_a_failure_is_tried_again_later_and_later_and_no_attempt_lasts_for_ever(dag: DAG) -> None:
    for task in loading(dag):
        assert task.retries == 3
        assert task.retry_exponential_backoff == 2
        assert task.execution_timeout == timedelta(minutes=55)


def test_no_load_runs_twice_at_a_time_and_missed_runs_are_not_made_up(dag: DAG) -> None:
    assert {task.max_active_tis_per_dag for task in loading(dag)} == {1}
    assert dag.catchup is False


def test_each_tenant_publishes_one_asset_when_all_of_it_is_there(dag: DAG) -> None:
    published = {task.task_id: [each.name for each in task.outlets] for task in dag.tasks if task.outlets}
    assert published == {
        "acme": ["zuora_testenv_acme"],
        "acme_uk": ["zuora_testenv_acme_uk"],
        "acme_eu_loaded": ["zuora_testenv_acme_eu"],
    }
    assert dag.get_task("acme_eu_loaded").trigger_rule == TriggerRule.ALL_SUCCESS


def test_the_first_shard_makes_the_tables_and_the_others_follow_whatever_came_of_it(dag: DAG) -> None:
    first, *others = [task for task in loading(dag) if task.load.tenant == "acme_eu"]
    assert others
    for other in others:
        assert other.upstream_task_ids == {first.task_id}
        assert other.trigger_rule == TriggerRule.ALL_DONE


def test_nothing_of_a_task_is_a_template(dag: DAG) -> None:
    assert all(not task.template_fields for task in loading(dag))


def test_it_travels_to_the_workers_of_any_executor(dag: DAG) -> None:
    travelled = json.dumps(DagSerialization.to_dict(dag))
    assert '"acme_eu_loaded"' in travelled
    assert '"zuora_acme_eu"' in travelled


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
