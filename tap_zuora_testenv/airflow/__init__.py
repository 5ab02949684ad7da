"""One Airflow DAG per Zuora tenant of a file, for Airflow 3; needs nothing of the tap but Meltano on the workers."""

from __future__ import annotations

from tap_zuora_testenv.airflow.dags import tenant_asset, tenant_dags, tenant_names
from tap_zuora_testenv.airflow.operators import LoadFromZuora
from tap_zuora_testenv.airflow.tenants_file import WAREHOUSE

__all__ = ["WAREHOUSE", "LoadFromZuora", "tenant_asset", "tenant_dags", "tenant_names"]
