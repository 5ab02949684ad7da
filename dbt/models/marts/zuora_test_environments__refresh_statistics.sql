{{ config(schema=zuora_testenv_custom_schema()) }}

with ended as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'ended_at') }} as date) as ended_in_month
    from {{ ref('zuora_test_environments__refreshes') }}
    where
        job_type = 'REFRESH'
        and outcome in ('completed', 'failed', 'cancelled')
        and ended_at is not null
        and test_environment_id is not null

),

counted as (

    select
        test_environment_id,
        ended_in_month,
        max(environment_name) as environment_name,
        count(*) as refreshes,
        sum(case when outcome = 'completed' then 1 else 0 end) as completed,
        sum(case when outcome = 'failed' then 1 else 0 end) as failed,
        sum(case when outcome = 'cancelled' then 1 else 0 end) as cancelled
    from ended
    group by test_environment_id, ended_in_month

),

placed as (

    select
        test_environment_id,
        ended_in_month,
        run_hours,
        row_number() over (
            partition by test_environment_id, ended_in_month
            order by run_hours, job_id
        ) - 1 as place,
        count(*) over (partition by test_environment_id, ended_in_month) - 1 as last_place
    from ended
    where outcome = 'completed' and run_hours is not null

),

percentiles as (

    select
        test_environment_id,
        ended_in_month,
        {{ zuora_testenv_percentile('0.5') }} as median_run_hours,
        {{ zuora_testenv_percentile('0.9') }} as p90_run_hours
    from placed
    group by test_environment_id, ended_in_month

)

select
    {{ dbt.concat([
        'counted.test_environment_id', "'/'", 'cast(counted.ended_in_month as ' ~ dbt.type_string() ~ ')'
    ]) }} as statistics_id,
    counted.test_environment_id,
    counted.environment_name,
    counted.ended_in_month,
    cast(counted.refreshes as {{ dbt.type_int() }}) as refreshes,
    cast(counted.completed as {{ dbt.type_int() }}) as completed,
    cast(counted.failed as {{ dbt.type_int() }}) as failed,
    cast(counted.cancelled as {{ dbt.type_int() }}) as cancelled,
    cast(1.0 * counted.failed / nullif(counted.completed + counted.failed, 0) as numeric(5, 4)) as failure_rate,
    percentiles.median_run_hours,
    percentiles.p90_run_hours
from counted
left join percentiles
    on
        counted.test_environment_id = percentiles.test_environment_id
        and counted.ended_in_month = percentiles.ended_in_month
