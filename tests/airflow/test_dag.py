"""The DAGs: that Airflow can read them, and what the factory makes of the tenants."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.serialization.serialized_objects import DagSerialization

from tap_zuora_testenv.airflow import LoadFromZuora, tenant_asset, tenant_dags
from tap_zuora_testenv.airflow.operators import PublishTenant, RefuseTenant
from tap_zuora_testenv.airflow.tenants_file import VARIABLE

if TYPE_CHECKING:
    from airflow.sdk import Context

# Airflow's own: it uses a pattern of pathspec by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

DAGS = Path(__file__).resolve().parents[2] / "examples" / "airflow"
EXAMPLE = DAGS / "tenants.yml"
TENANT = {"base_url": "https://rest.zuora.com", "connection": "zuora_acme", "max_parallel_requests": 1}


def bag() -> DagBag:
    return DagBag(dag_folder=str(DAGS / "zuora_test_environments.py"), bundle_path=DAGS, bundle_name="tests")


@pytest.fixture
def dags() -> dict[str, DAG]:
    read = bag()
    assert read.import_errors == {}
    return read.dags


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the DAGs be those of another file, which a test writes."""
    path = tmp_path / "tenants.yml"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def write(path: Path, *tenants: dict[str, Any], **more: Any) -> None:
    path.write_text(yaml.safe_dump({"tenants": [TENANT | each for each in tenants]} | more))


def made(path: Path) -> dict[str, DAG]:
    return {dag.dag_id: dag for dag in tenant_dags(path)}


def loading(dags: dict[str, DAG]) -> list[LoadFromZuora]:
    return [task for dag in dags.values() for task in dag.tasks if isinstance(task, LoadFromZuora)]


def test_there_is_one_dag_per_tenant_and_it_has_one_task_per_shard(dags: dict[str, DAG]) -> None:
    tasks = {name: [task.task_id for task in dag.tasks] for name, dag in dags.items()}
    assert tasks.keys() == {"zuora_testenv_acme", "zuora_testenv_acme_uk", "zuora_testenv_acme_eu"}
    assert tasks["zuora_testenv_acme"] == tasks["zuora_testenv_acme_uk"] == ["load"]
    shards = {"load-1-of-3", "load-2-of-3", "load-3-of-3"}
    assert {"publish"} < set(tasks["zuora_testenv_acme_eu"]) <= {"publish", *shards}


def test_a_tasks_process_makes_no_dag_but_its_own(dags: dict[str, DAG], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in dags:
        # Airflow's way to name it, by which get_parsing_context finds it.
        monkeypatch.setitem(os.environ, "_AIRFLOW_PARSING_CONTEXT_DAG_ID", name)
        assert [dag.dag_id for dag in tenant_dags(EXAMPLE)] == [name]


def test_a_failure_is_tried_again_later_and_later_and_each_attempt_has_an_end(dags: dict[str, DAG]) -> None:
    for task in loading(dags):
        assert task.retries == 3
        assert task.retry_exponential_backoff == 2
        minutes = 14 if task.load.tenant == "acme_eu" else 55
        assert task.execution_timeout == timedelta(minutes=minutes)
        assert task.dag.dagrun_timeout == timedelta(minutes=4 * minutes, hours=2)


def test_no_load_runs_twice_at_a_time_and_missed_runs_are_not_made_up(dags: dict[str, DAG]) -> None:
    assert {task.max_active_tis_per_dag for task in loading(dags)} == {1}
    assert {(dag.max_active_runs, dag.catchup) for dag in dags.values()} == {(1, False)}


def test_each_tenant_has_its_minute_and_keeps_it(tenants: Path) -> None:
    names = [f"tenant_{number}" for number in range(600)]
    write(tenants, *({"name": name, "connection": f"zuora_{name}"} for name in names))
    schedules = {name: str(dag.schedule) for name, dag in made(tenants).items()}
    per_minute = Counter(schedules.values())
    assert len(per_minute) == 60
    assert max(per_minute.values()) < 25
    write(tenants, {"name": "tenant_7"})
    assert {name: str(dag.schedule) for name, dag in made(tenants).items()}.items() < schedules.items()


@pytest.mark.parametrize(
    ("schedule", "made_of_it"),
    [
        ("@hourly", "14 * * * *"),
        ("@daily", "14 0 * * *"),
        ("@weekly", "14 0 * * 0"),
        ("@monthly", "14 0 1 * *"),
        ("@once", "@once"),
        ("*/15 6-20 * * *", "*/15 6-20 * * *"),
    ],
)
def test_a_tenants_own_schedule_comes_first(tenants: Path, schedule: str, made_of_it: str) -> None:
    write(tenants, {"name": "acme", "schedule": schedule}, {"name": "other"}, schedule="0 3 * * *")
    dags = made(tenants)
    assert str(dags["zuora_testenv_acme"].schedule) == made_of_it
    assert str(dags["zuora_testenv_other"].schedule) == "0 3 * * *"


def test_each_tenant_publishes_one_asset_when_all_of_it_is_loaded(dags: dict[str, DAG]) -> None:
    for name, dag in dags.items():
        (task,) = [each for each in dag.tasks if each.outlets]
        (asset,) = task.outlets
        tenant = name.removeprefix("zuora_testenv_")
        assert (asset.name, asset.uri, asset.group) == (name, f"x-zuora-testenv://{tenant}", "zuora_testenv")
    last = dags["zuora_testenv_acme_eu"].get_task("publish")
    shards = {task.task_id for task in loading(dags) if task.load.tenant == "acme_eu"}
    assert len(shards) > 1
    assert last.upstream_task_ids == shards
    assert last.trigger_rule == TriggerRule.ALL_SUCCESS


def test_nothing_of_a_task_is_a_template(dags: dict[str, DAG]) -> None:
    assert all(not task.template_fields for task in loading(dags))


def test_airflow_keeps_a_dag_without_the_taps_settings_and_reads_the_same_each_time(dags: dict[str, DAG]) -> None:
    kept = {name: json.dumps(DagSerialization.to_dict(dag)) for name, dag in dags.items()}
    assert '"publish"' in kept["zuora_testenv_acme_eu"]
    assert not any("rest." in each or "zuora_acme" in each for each in kept.values())
    assert {name: json.dumps(DagSerialization.to_dict(dag)) for name, dag in bag().dags.items()} == kept


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"max_parallel_requests": 50}, "max_parallel_requests: Input should be less than or equal to 40"),
        ({"schedule": "every full moon"}, "schedule: must be a cron expression or one of @continuous"),
        ({"test_environments": ["e" * 128] * 1100}, "acme has more test environments than fit into one variable"),
    ],
)
def test_a_tenant_that_is_refused_has_a_dag_that_fails_with_the_reason_and_the_others_are_loaded(
    tenants: Path, wrong: dict[str, Any], reason: str
) -> None:
    write(tenants, {"name": "acme"} | wrong, {"name": "other"})
    read = bag()
    assert read.import_errors == {}
    assert read.dags["zuora_testenv_other"].task_ids == ["load"]
    dag = read.dags["zuora_testenv_acme"]
    assert "refused" in dag.tags
    assert reason in str(dag.description)
    (task,) = dag.tasks
    assert isinstance(task, RefuseTenant)
    with pytest.raises(AirflowFailException) as refused:
        task.execute({})
    assert reason in str(refused.value)
    assert str(refused.value).startswith(str(tenants))


def test_a_tenant_without_a_name_has_a_dag_of_its_number(tenants: Path) -> None:
    write(tenants, {"name": "other"}, {"name": "?"})
    assert made(tenants).keys() == {"zuora_testenv_other", "zuora_testenv_-2"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schedule": "every full moon"}, "schedule: must be a cron expression or one of @continuous"),
        ({"tenants": "all"}, "tenants: must be a list"),
        (
            {"on_failure": {"notifier": "airflow.nowhere.Notifier"}},
            "on_failure cannot use airflow.nowhere.Notifier: ModuleNotFoundError",
        ),
        (
            {"on_failure": {"notifier": "fractions.Fraction", "arguments": {"text": "Failed."}}},
            "on_failure cannot use fractions.Fraction: TypeError",
        ),
    ],
)
def test_a_file_that_is_refused_is_an_import_error_that_says_why(
    tenants: Path, change: dict[str, Any], sentence: str
) -> None:
    write(tenants, {"name": "acme"}, **change)
    read = bag()
    assert read.dags == {}
    ((_, error),) = read.import_errors.items()
    assert sentence in error


NOTIFIED: list[Context] = []


class Notifier:
    """Keeps what it is called with."""

    def __init__(self, to: str) -> None:
        self.to = to

    def __call__(self, context: Context) -> None:
        NOTIFIED.append(context)


def test_each_task_has_the_notifier_and_a_run_that_takes_too_long_calls_it_too(tenants: Path) -> None:
    on_failure = {"notifier": f"{__name__}.Notifier", "arguments": {"to": "somebody"}}
    write(tenants, {"name": "acme"}, {"name": "models"}, on_failure=on_failure)
    for dag in made(tenants).values():
        (task,) = dag.tasks
        of_the_task: Any = task.on_failure_callback
        assert [each.to for each in of_the_task] == ["somebody"]
        NOTIFIED.clear()
        of_the_run: Any = dag.on_failure_callback
        of_the_run({"dag": dag, "reason": "task_failure"})
        assert NOTIFIED == []
        of_the_run({"dag": dag, "reason": "timed_out"})
        (context,) = NOTIFIED
        assert "did not end in time" in str(context["exception"])


class TaskInstance:
    """Has what the tasks before have returned."""

    def __init__(self, returned: dict[str, Any]) -> None:
        self._returned = returned

    def xcom_pull(self, task_ids: str) -> object:
        return self._returned[task_ids]


@pytest.mark.parametrize("is_new", [False, True])
def test_the_asset_of_a_tenant_in_shards_is_published_if_one_of_them_loaded_something_new(*, is_new: bool) -> None:
    asset = tenant_asset("acme")
    with DAG("acme", schedule=None):
        last = PublishTenant(task_id="publish", outlets=[asset])
        [EmptyOperator(task_id="one"), EmptyOperator(task_id="two")] >> last
    done = {
        "one": {"rows": {"test_environment_jobs": 3}, "is_new": False},
        "two": {"rows": {"test_environment_jobs": 4, "test_environments": 1}, "is_new": is_new},
    }
    accessors = OutletEventAccessors()
    context: Any = {"ti": TaskInstance(done), "outlet_events": accessors}
    total = {"test_environment_jobs": 7, "test_environments": 1}
    assert last.execute(context) == {"rows": total, "is_new": is_new}
    assert last.outlets == ([asset] if is_new else [])
    assert accessors[asset].extra == (total if is_new else {})
