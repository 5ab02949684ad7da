"""The DAG: every tenant of tenants.yml into the warehouse, each by tasks, a pool, a state and a schema of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, TriggerRule

from zuora_testenv.loads import loads
from zuora_testenv.operator import LoadFromZuora
from zuora_testenv.tenants import read_tenants, tenants_file

# Airflow's connections: where the rows go, and where Meltano keeps its state.
WAREHOUSE = "zuora_testenv_warehouse"
STATE = "zuora_testenv_state"

tenants = read_tenants(tenants_file())

with DAG(
    "zuora_test_environments",
    description="The refresh jobs of Zuora test environments, of all tenants",
    doc_md="See docs/scale.md of tap-zuora-testenv. The message of a failed task is the tap's last line.",
    schedule=tenants.schedule,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    # A run asks for everything since the last one that worked, so none is to be made up for.
    catchup=False,
    default_args={
        # Each failure is tried again, later and later (first after [core] default_task_retry_delay): it may pass, and
        # one that does not, such as a wrong setting, fails again at once and costs no request.
        "retries": 3,
        "retry_exponential_backoff": 2,
        "execution_timeout": timedelta(minutes=55),
        # Two loads from the same state would bring the same rows twice. Other tenants need not wait for a slow one.
        "max_active_tis_per_dag": 1,
    },
    tags=["zuora"],
) as dag:
    # A loop, not a mapped task: Airflow cannot map a pool, its slots, or the id of a task.
    for tenant in tenants.tenants:
        first, *others = [LoadFromZuora(load=load, warehouse=WAREHOUSE, state=STATE) for load in loads(tenant)]
        # For what comes after: published when all of the tenant is there.
        loaded = Asset(f"zuora_testenv_{tenant.name}")
        if not others:
            first.outlets = [loaded]
            continue
        # The first makes the tables, which two at a time cannot; the others follow, whatever came of it.
        for other in others:
            other.trigger_rule = TriggerRule.ALL_DONE
        first >> others >> EmptyOperator(task_id=f"{tenant.name}_loaded", outlets=[loaded])
