"""One Airflow DAG per tenant of tenants.yml, which is beside this file or where ZUORA_TESTENV_TENANTS says."""

from __future__ import annotations

from tap_zuora_testenv.airflow import tenant_dags

globals().update({dag.dag_id: dag for dag in tenant_dags(__file__)})
