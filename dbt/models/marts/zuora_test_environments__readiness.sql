{{ config(schema=zuora_testenv_custom_schema()) }}

with environments as (

    select * from {{ ref('int_zuora_test_environments__environments') }}

),

jobs as (

    select * from {{ ref('zuora_test_environments__refreshes') }}

),

running as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by coalesce(started_at, due_at) desc nulls last, job_id
        ) as place
    from jobs
    where outcome = 'running'

),

waiting as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by due_at asc nulls last, job_id
        ) as place
    from jobs
    where outcome = 'waiting'

),

scheduled as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by scheduled_at, job_id
        ) as place
    from jobs
    where outcome = 'waiting' and job_type = 'REFRESH' and scheduled_at is not null

),

creations as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by ended_at desc nulls last, job_id
        ) as place
    from jobs
    where outcome = 'completed' and job_type = 'CREATE'

),

-- How far the end of each refresh is from the environment's last refresh time, in seconds.
ended as (

    select
        jobs.*,
        {{ zuora_testenv_seconds('environments.last_refreshed_at', 'jobs.ended_at') }} as seconds_after_last_refresh,
        row_number() over (
            partition by jobs.test_environment_id
            order by jobs.ended_at desc nulls last, jobs.job_id
        ) as place
    from jobs
    inner join environments
        on jobs.test_environment_id = environments.test_environment_id
    where jobs.outcome in ('completed', 'failed', 'cancelled') and jobs.job_type = 'REFRESH'

),

compared as (

    select
        test_environment_id,
        max(case when outcome = 'completed' and abs(seconds_after_last_refresh) <= 3600 then 1 else 0 end) as is_of_good,
        max(case when outcome = 'completed' and seconds_after_last_refresh > 3600 then 1 else 0 end) as is_overtaken,
        max(case when outcome <> 'completed' and abs(seconds_after_last_refresh) <= 3600 then 1 else 0 end) as is_of_bad
    from ended
    group by test_environment_id

),

-- The end of the last good refresh by the environment, unless the jobs contradict it: a later good one, or one
-- that came to nothing at that time.
given as (

    select
        environments.test_environment_id,
        case
            when compared.is_overtaken = 1 or (compared.is_of_bad = 1 and compared.is_of_good = 0) then null
            else environments.last_refreshed_at
        end as last_refreshed_at
    from environments
    left join compared
        on environments.test_environment_id = compared.test_environment_id

),

good as (

    select
        ended.*,
        row_number() over (
            partition by ended.test_environment_id
            order by
                case when given.last_refreshed_at is null then 0 else abs(ended.seconds_after_last_refresh) end,
                ended.ended_at desc nulls last,
                ended.job_id
        ) as good_place
    from ended
    inner join given
        on ended.test_environment_id = given.test_environment_id
    where
        ended.outcome = 'completed'
        and ended.ended_at is not null
        and (given.last_refreshed_at is null or abs(ended.seconds_after_last_refresh) <= 3600)

),

last_good as (

    select
        given.test_environment_id,
        good.job_id,
        good.created_by_id,
        good.created_by_name,
        good.started_at,
        coalesce(good.ended_at, given.last_refreshed_at) as ended_at
    from given
    left join good
        on given.test_environment_id = good.test_environment_id and good.good_place = 1

),

-- The newest refresh that had started, and with that had deleted the environment's data.
attempts as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by started_at desc, ended_at desc nulls first, job_id
        ) as place
    from jobs
    where job_type = 'REFRESH' and started_at is not null

),

failures as (

    select
        ended.test_environment_id,
        count(*) as failure_streak,
        min(ended.ended_at) as first_failed_at,
        max(ended.ended_at) as last_failed_at
    from ended
    inner join last_good
        on ended.test_environment_id = last_good.test_environment_id
    where ended.outcome = 'failed' and (last_good.ended_at is null or ended.ended_at >= last_good.ended_at)
    group by ended.test_environment_id

),

joined as (

    select
        environments.*,
        case
            when environments.status = 'DELETED' then 'unavailable'
            when environments.has_vanished then 'unknown'
            when running.job_id is not null or environments.status = 'PROCESSING' then 'busy'
            when environments.status in ('INACTIVE', 'DEACTIVATED') then 'unavailable'
            when environments.status is null or environments.status <> 'ACTIVE' then 'unknown'
            when
                attempts.outcome in ('failed', 'cancelled')
                and (
                    last_good.ended_at is null
                    or last_good.ended_at <= coalesce(attempts.ended_at, attempts.started_at)
                )
                then 'check'
            else 'ready'
        end as readiness,
        running.job_id as running_job_id,
        running.job_type as running_job_type,
        running.status as running_job_status,
        running.progress_percentage as running_job_progress_percentage,
        running.created_by_id as running_job_created_by_id,
        running.created_by_name as running_job_created_by_name,
        running.started_at as running_job_started_at,
        running.estimated_completion_at as running_job_estimated_completion_at,
        running.ran_late as running_job_is_late,
        running.late_by_hours as running_job_late_by_hours,
        waiting.job_id as waiting_job_id,
        waiting.job_type as waiting_job_type,
        waiting.due_at as waiting_job_due_at,
        scheduled.job_id as next_scheduled_refresh_job_id,
        scheduled.scheduled_at as next_scheduled_refresh_at,
        last_good.job_id as last_good_refresh_job_id,
        last_good.created_by_id as last_good_refresh_created_by_id,
        last_good.created_by_name as last_good_refresh_created_by_name,
        last_good.started_at as last_good_refresh_started_at,
        last_good.ended_at as last_good_refresh_at,
        ended.outcome as last_refresh_outcome,
        ended.ended_at as last_refresh_ended_at,
        cast(coalesce(failures.failure_streak, 0) as {{ dbt.type_int() }}) as failure_streak,
        failures.first_failed_at,
        failures.last_failed_at,
        -- It is inferred that a scheduled job also exports the day before its jobStartTime.
        {{ zuora_testenv_days_after(-1, 'cast(case when last_good.ended_at is null then creations.started_at'
            ~ ' else last_good.started_at end as date)') }} as exported_on
    from environments
    left join running
        on environments.test_environment_id = running.test_environment_id and running.place = 1
    left join waiting
        on environments.test_environment_id = waiting.test_environment_id and waiting.place = 1
    left join scheduled
        on environments.test_environment_id = scheduled.test_environment_id and scheduled.place = 1
    left join creations
        on environments.test_environment_id = creations.test_environment_id and creations.place = 1
    left join last_good
        on environments.test_environment_id = last_good.test_environment_id
    left join attempts
        on environments.test_environment_id = attempts.test_environment_id and attempts.place = 1
    left join ended
        on environments.test_environment_id = ended.test_environment_id and ended.place = 1
    left join failures
        on environments.test_environment_id = failures.test_environment_id

),

dated as (

    select
        *,
        case when data_copy_type = 'CONFIGURATION' then null else exported_on end as data_exported_on,
        case when data_copy_type = 'CONFIGURATION' then exported_on end as configuration_exported_on
    from joined

)

select
    test_environment_id,
    environment_name,
    tenant_id,
    environment_type,
    data_copy_type,
    status,
    readiness,
    has_vanished,
    running_job_id,
    running_job_type,
    running_job_status,
    running_job_progress_percentage,
    running_job_created_by_id,
    running_job_created_by_name,
    running_job_started_at,
    running_job_estimated_completion_at,
    running_job_is_late,
    running_job_late_by_hours,
    waiting_job_id,
    waiting_job_type,
    waiting_job_due_at,
    next_scheduled_refresh_job_id,
    next_scheduled_refresh_at,
    last_good_refresh_job_id,
    last_good_refresh_created_by_id,
    last_good_refresh_created_by_name,
    last_good_refresh_started_at,
    last_good_refresh_at,
    data_exported_on,
    configuration_exported_on,
    cast({{ dbt.datediff('data_exported_on', 'cast(as_of as date)', 'day') }} as {{ dbt.type_int() }})
        as data_age_days,
    next_refresh_allowed_at,
    case when readiness in ('ready', 'check') then next_refresh_allowed_at <= as_of else 1 = 0 end as may_refresh_now,
    last_refresh_outcome,
    last_refresh_ended_at,
    failure_streak,
    first_failed_at,
    last_failed_at,
    case when deactivation_at <= as_of then deactivation_at end as deactivated_at,
    case when deactivation_at > as_of then deactivation_at end as deactivation_due_at,
    extracted_at,
    as_of,
    as_of_is_known
from dated
