with ended as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'ended_at') }} as date) as ended_in_month,
        case when outcome = 'completed' then run_hours end as completed_run_hours
    from {{ ref('test_environment_refreshes') }}
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
        sum(case when outcome = 'cancelled' then 1 else 0 end) as cancelled,
        percentile_cont(0.5) within group (order by completed_run_hours) as median_run_hours,
        percentile_cont(0.9) within group (order by completed_run_hours) as p90_run_hours
    from ended
    group by test_environment_id, ended_in_month

)

select
    {{ dbt.concat(['test_environment_id', "'/'", 'cast(ended_in_month as ' ~ dbt.type_string() ~ ')']) }}
        as statistics_id,
    test_environment_id,
    environment_name,
    ended_in_month,
    refreshes,
    completed,
    failed,
    cancelled,
    cast(1.0 * failed / nullif(completed + failed, 0) as numeric(5, 4)) as failure_rate,
    cast(median_run_hours as numeric(10, 2)) as median_run_hours,
    cast(p90_run_hours as numeric(10, 2)) as p90_run_hours
from counted
