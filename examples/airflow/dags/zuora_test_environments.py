"""The DAG: every tenant of tenants.yml into the warehouse, each by tasks, a pool, a state and a schema of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset

from zuora_testenv.loads import loads
from zuora_testenv.operator import LoadFromZuora
from zuora_testenv.tenants_file import read_tenants, tenants_file

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
    # So that the runs of a tenant that is always late do not fill up the number of those that may be active.
    dagrun_timeout=timedelta(hours=6),
    default_args={
        # Each failure may pass; one that does not, such as a wrong setting, fails again at once. The first pause is one
        # to two times [core] default_task_retry_delay, each later one twice as long. Keep that at 5 minutes or more: so
        # long Meltano takes a run whose worker died for one that goes on, and begins no other from the same state.
        "retries": 3,
        "retry_exponential_backoff": 2,
        "execution_timeout": timedelta(minutes=55),
        # Two loads from the same state would bring the same rows twice. Other tenants do not wait for a slow one: their
        # next run begins beside it.
        "max_active_tis_per_dag": 1,
    },
    tags=["zuora"],
) as dag:
    # A loop, not a mapped task: Airflow cannot map a pool, its slots, or the id of a task.
    for tenant in tenants.tenants:
        # For what comes after: published when all of the tenant is there.
        asset = Asset(f"zuora_testenv_{tenant.name}")
        divided = loads(tenant)
        is_whole = len(divided) == 1
        tasks = [
            LoadFromZuora(load=load, warehouse=WAREHOUSE, state=STATE, outlets=[asset] if is_whole else [])
            for load in divided
        ]
        if not is_whole:
            tasks >> EmptyOperator(task_id=f"{tenant.name}-loaded", outlets=[asset])
