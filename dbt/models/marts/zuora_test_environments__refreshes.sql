{{ config(schema=zuora_testenv_custom_schema()) }}

with jobs as (

    select
        jobs.*,
        users.user_name as created_by_name,
        environments.environment_name,
        environments.tenant_id,
        coalesce(environments.as_of, {{ zuora_testenv_as_of('jobs.extracted_at') }}) as as_of,
        coalesce(environments.as_of_is_known, {{ zuora_testenv_as_of_is_known('jobs.extracted_at') }})
            as as_of_is_known
    from {{ ref('stg_zuora_test_environments__jobs') }} as jobs
    left join {{ ref('int_zuora_test_environments__environments') }} as environments
        on jobs.test_environment_id = environments.test_environment_id
    left join {{ ref('stg_zuora_test_environments__users') }} as users
        on jobs.created_by_id = users.user_id

),

judged as (

    select
        *,
        case
            when status = 'COMPLETED' then 'completed'
            when status = 'FAILED' then 'failed'
            when status = 'CANCELLED' then 'cancelled'
            when status in ('NEW', 'SCHEDULED') then 'waiting'
            when status is null then 'unknown'
            else 'running'
        end as outcome,
        case when scheduled_at > created_at or created_at is null then scheduled_at else created_at end as due_at,
        -- A job that has ended without an end time ended at its last sync or before.
        case when status in ('COMPLETED', 'FAILED', 'CANCELLED') then coalesce(ended_at, updated_at) end
            as finished_at
    from jobs

),

spanned as (

    select
        *,
        coalesce(started_at, due_at, updated_at) as began_at,
        coalesce(started_at, finished_at, as_of) as waited_until,
        coalesce(finished_at, case when outcome = 'running' then as_of end) as ran_until,
        case
            when outcome = 'completed' then finished_at
            when outcome in ('waiting', 'running') then as_of
        end as arrived_or_now
    from judged

),

ordered as (

    select
        *,
        max(case when job_type = 'REFRESH' and outcome = 'completed' then finished_at end) over (
            partition by test_environment_id
            order by began_at asc nulls first, job_id
            rows between unbounded preceding and 1 preceding
        ) as refresh_before_at
    from spanned

)

select
    job_id,
    test_environment_id,
    environment_name,
    tenant_id,
    job_type,
    status,
    outcome,
    progress_percentage,
    created_by_id,
    created_by_name,
    created_at,
    scheduled_at,
    due_at,
    started_at,
    finished_at as ended_at,
    estimated_completion_at,
    updated_at,
    cast(
        case
            when waited_until > due_at then {{ zuora_testenv_span('hours', 'due_at', 'waited_until') }}
            when started_at is not null or finished_at is not null then 0
        end as numeric(10, 2)
    ) as wait_hours,
    cast(
        case when ran_until >= started_at then {{ zuora_testenv_span('hours', 'started_at', 'ran_until') }} end
        as numeric(10, 2)
    ) as run_hours,
    arrived_or_now > estimated_completion_at as ran_late,
    cast({{ zuora_testenv_span('hours', 'estimated_completion_at', 'arrived_or_now') }} as numeric(10, 2))
        as late_by_hours,
    cast(
        case
            when job_type = 'REFRESH' and test_environment_id is not null and refresh_before_at <= began_at
                then {{ zuora_testenv_span('days', 'refresh_before_at', 'began_at') }}
        end as numeric(10, 2)
    ) as days_since_previous_refresh,
    as_of,
    as_of_is_known
from ordered
