"""The factory: one DAG per tenant of a file; in a task's process only the DAG of that task."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, get_parsing_context

from tap_zuora_testenv.airflow.loads import loads
from tap_zuora_testenv.airflow.operators import LoadFromZuora, PublishTenant, RefuseTenant
from tap_zuora_testenv.airflow.tenants_file import RefusedTenant, TenantsRefused, read_tenants, tenants_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from airflow.sdk import Context

    from tap_zuora_testenv.airflow.tenants_file import Common, Notifier, Tenant

PREFIX = "zuora_testenv_"
GROUP = "zuora_testenv"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
RETRIES = 3
# The pauses between the attempts, of 70 minutes at most with Airflow's default of 5, and a wait for a free worker.
BESIDES_THE_ATTEMPTS = timedelta(hours=2)
# Airflow's presets that begin on the hour, with the minute left open.
SPREAD = {"@hourly": "{} * * * *", "@daily": "{} 0 * * *", "@weekly": "{} 0 * * 0", "@monthly": "{} 0 1 * *"}
DOCUMENTATION = "The message of a failed task is the tap's last line. See docs/airflow.md of tap-zuora-testenv."


def tenant_dags(dag_file: str | Path) -> list[DAG]:
    """Make the DAGs of the tenants.

    Args:
        dag_file: The file of DAGs that calls this: `__file__`. The file of the tenants is `tenants.yml` beside it, or
            what ZUORA_TESTENV_TENANTS names.

    Returns:
        One DAG per tenant. A tenant that cannot be loaded has one too: its task fails with the reason, so that the DAGs
        of the others stay as they are.

    Raises:
        TenantsRefused: If no tenant can be loaded, because of what they have in common.
    """
    path = tenants_file(dag_file)
    tenants = read_tenants(path)
    notify = _notifier(tenants.common.on_failure, path)
    # A task's process asks for one DAG only. It gets no other, however many tenants there are.
    wanted = get_parsing_context().dag_id
    dags = []
    for tenant in tenants.tenants:
        if wanted in (None, PREFIX + tenant.name):
            try:
                dags.append(_loading(tenant, tenants.common, notify))
            except TenantsRefused as error:
                refused = RefusedTenant(tenant.name, f"{path} refuses {tenant.name}: {error}")
                dags.append(_refusing(refused, tenants.common, notify))
    dags += [
        _refusing(refused, tenants.common, notify)
        for refused in tenants.refused
        if wanted in (None, PREFIX + refused.name)
    ]
    return dags


def tenant_names(dag_file: str | Path) -> list[str]:
    """Return the names of the tenants that can be loaded, for DAGs that follow theirs.

    Args:
        dag_file: As for `tenant_dags`.

    Raises:
        TenantsRefused: As `tenant_dags` does.
    """
    return [tenant.name for tenant in read_tenants(tenants_file(dag_file)).tenants]


def tenant_asset(name: str) -> Asset:
    """Return the asset that is published when something new of a tenant was loaded.

    Args:
        name: The tenant's name. The asset's own is that of the tenant's schema, `zuora_testenv_acme`.
    """
    # A scheme that no provider of Airflow claims.
    return Asset(f"{PREFIX}{name}", uri=f"x-zuora-testenv://{name}", group=GROUP)


def _loading(tenant: Tenant, common: Common, notify: Callable[[Context], None] | None) -> DAG:
    divided = loads(tenant)
    timeout = timedelta(minutes=tenant.timeout_minutes or common.timeout_minutes)
    asset = tenant_asset(tenant.name)
    with _dag(tenant.name, tenant.schedule or common.schedule, timeout, notify) as dag:
        if len(divided) == 1:
            LoadFromZuora(load=divided[0], loader=common.loader, outlets=[asset])
        else:
            tasks = [LoadFromZuora(load=load, loader=common.loader) for load in divided]
            tasks >> PublishTenant(task_id="publish", outlets=[asset])
    return dag


def _refusing(refused: RefusedTenant, common: Common, notify: Callable[[Context], None] | None) -> DAG:
    timeout = timedelta(minutes=common.timeout_minutes)
    with _dag(refused.name, common.schedule, timeout, notify, description=refused.reason, tags=("refused",)) as dag:
        RefuseTenant(task_id="refused", reason=refused.reason)
    return dag


def _dag(
    name: str,
    schedule: str,
    timeout: timedelta,
    notify: Callable[[Context], None] | None,
    *,
    description: str = "The refresh jobs of a tenant's Zuora test environments",
    tags: Sequence[str] = (),
) -> DAG:
    arguments: dict[str, Any] = {
        # Each failure may pass; one that does not, such as a wrong setting, fails the task at once. The first pause is
        # one to two times [core] default_task_retry_delay, each later one twice as long. Keep that at 5 minutes or
        # more: for so long Meltano takes a run whose worker died for one that goes on, and starts no other from the
        # same state.
        "retries": RETRIES,
        "retry_exponential_backoff": 2,
        "execution_timeout": timeout,
        # Two loads from the same state would load the same rows twice. `max_active_runs` does not bind a backfill.
        "max_active_tis_per_dag": 1,
    }
    if notify:
        arguments["on_failure_callback"] = notify
    return DAG(
        PREFIX + name,
        description=description,
        doc_md=DOCUMENTATION,
        schedule=_spread(name, schedule),
        start_date=SINCE,
        # A run asks for everything since the last one that worked, so none is to be made up for.
        catchup=False,
        max_active_runs=1,
        # A task for which there is never a free worker does not fail: its run does, and is then reported.
        dagrun_timeout=timeout * (RETRIES + 1) + BESIDES_THE_ATTEMPTS,
        on_failure_callback=_OnTimeout(notify) if notify else None,
        default_args=arguments,
        tags={"zuora", *tags},
        auto_register=False,
    )


def _spread(name: str, schedule: str) -> str:
    """Replace a preset by its times plus a number of minutes that depends on the tenant's name only.

    Thousands of tenants that begin in the same minute would meet Zuora's 100 tokens per minute and address.
    """
    return SPREAD.get(schedule, "").format(zlib.crc32(name.encode()) % 60) or schedule


def _notifier(given: Notifier | None, path: Path) -> Callable[[Context], None] | None:
    """Make the notifier that the file names.

    Raises:
        TenantsRefused: If it cannot be imported, or not called with these arguments.
    """
    if given is None:
        return None
    module, _, name = given.notifier.rpartition(".")
    try:
        notifier: Callable[[Context], None] = getattr(import_module(module), name)(**given.arguments)
    except Exception as error:
        raise TenantsRefused(
            f"{path} is refused: on_failure cannot use {given.notifier}: {type(error).__name__}: {error}"
        ) from error
    return notifier


class _OnTimeout:
    """Calls the notifier for a run that took too long, which no task of it has reported."""

    def __init__(self, notify: Callable[[Context], None]) -> None:
        self._notify = notify

    def __call__(self, context: Context) -> None:
        if context.get("reason") != "timed_out":
            return
        text = "The run did not end in time: its task waited for a worker, or was tried again and again."
        timed_out: Mapping[str, Any] = {**context, "exception": text}
        self._notify(timed_out)  # type: ignore[arg-type]
