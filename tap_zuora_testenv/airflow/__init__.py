"""One Airflow DAG per Zuora tenant of a file, for Airflow 3; needs nothing of the tap but Meltano on the workers."""

from __future__ import annotations

from tap_zuora_testenv.airflow.dags import tenant_asset, tenant_dags
from tap_zuora_testenv.airflow.operators import LoadFromZuora

__all__ = ["LoadFromZuora", "tenant_asset", "tenant_dags"]
