"""One DAG per tenant that builds the dbt models whenever something new of the tenant was loaded, and once a day.

It is for tables in PostgreSQL. `dbt` is on the worker's PATH, with the adapter for PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow.sdk import DAG, AssetOrTimeSchedule, Connection, CronTriggerTimetable, get_parsing_context, task

from tap_zuora_testenv.airflow import WAREHOUSE, tenant_asset, tenant_names

# A refresh becomes late without anything new, so the models are also built when nothing happens.
DAILY = CronTriggerTimetable("0 6 * * *", timezone="UTC")


@task(task_id="build", retries=2, execution_timeout=timedelta(minutes=30))
def build(schema: str) -> None:
    """Run `dbt build` on the tables of a schema; the models go into the schema with `_models` added."""
    project = Path(os.environ["MELTANO_PROJECT_ROOT"], "dbt")
    warehouse = Connection.get(WAREHOUSE)
    where = {
        "PGHOST": warehouse.host or warehouse.extra_dejson.get("host"),
        "PGPORT": warehouse.port,
        "PGUSER": warehouse.login,
        "PGPASSWORD": warehouse.password,
        "PGDATABASE": warehouse.schema,
        "PGSSLMODE": warehouse.extra_dejson.get("sslmode"),
        "PGTZ": "UTC",
        "ZUORA_TESTENV_SCHEMA": schema,
        "ZUORA_TESTENV_MODELS_SCHEMA": f"{schema}_models",
    }
    variables = {name: str(value) for name, value in where.items() if value}
    with TemporaryDirectory() as folder:
        subprocess.run(
            [
                *("dbt", "build", "--exclude-resource-type=unit_test"),
                *(f"--project-dir={project}", f"--profiles-dir={project}"),
                *(f"--target-path={folder}/target", f"--log-path={folder}/logs"),
            ],
            env={"HOME": folder, "PATH": os.environ["PATH"], **variables},
            check=True,
        )


for name in tenant_names(__file__):
    asset = tenant_asset(name)
    dag_id = f"{asset.name}_models"
    if get_parsing_context().dag_id not in (None, dag_id):
        continue
    with DAG(
        dag_id,
        schedule=AssetOrTimeSchedule(timetable=DAILY, assets=[asset]),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags={"zuora"},
    ) as dag:
        build(asset.name)
    globals()[dag_id] = dag
