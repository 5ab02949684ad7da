with jobs as (

    select * from {{ ref('test_environment_refreshes') }}

),

running as (

    select
        *,
        row_number() over (
            partition by test_environment_id order by coalesce(started_at, due_at) desc, job_id
        ) as place
    from jobs
    where outcome = 'running'

),

waiting as (

    select
        *,
        row_number() over (partition by test_environment_id order by due_at, job_id) as place
    from jobs
    where outcome = 'waiting'

),

good as (

    select
        *,
        row_number() over (partition by test_environment_id order by ended_at desc, job_id) as place
    from jobs
    where outcome = 'completed' and job_type = 'REFRESH' and ended_at is not null

),

ended as (

    select
        *,
        row_number() over (partition by test_environment_id order by ended_at desc, job_id) as place
    from jobs
    where outcome in ('completed', 'failed', 'cancelled') and job_type = 'REFRESH' and ended_at is not null

),

creations as (

    select
        test_environment_id,
        max(ended_at) as created_with_data_at
    from jobs
    where outcome = 'completed' and job_type = 'CREATE'
    group by test_environment_id

),

streaks as (

    select
        jobs.test_environment_id,
        count(*) as failure_streak
    from jobs
    left join good
        on jobs.test_environment_id = good.test_environment_id and good.place = 1
    where
        jobs.outcome = 'failed'
        and jobs.job_type = 'REFRESH'
        and (good.ended_at is null or jobs.ended_at > good.ended_at)
    group by jobs.test_environment_id

),

-- An environment may be known by its jobs alone.
ids as (

    select test_environment_id from {{ ref('stg_test_environments') }}
    union
    select test_environment_id from jobs where test_environment_id is not null

),

joined as (

    select
        ids.test_environment_id,
        environments.environment_name,
        environments.environment_type,
        environments.data_copy_type,
        environments.status,
        environments.next_refresh_allowed_at,
        environments.deactivated_at,
        environments.extracted_at,
        case
            when environments.status = 'DELETED' then 'unavailable'
            when running.job_id is not null or environments.status = 'PROCESSING' then 'busy'
            when environments.status = 'ACTIVE' then 'ready'
            when environments.status in ('INACTIVE', 'DEACTIVATED') then 'unavailable'
            else 'unknown'
        end as readiness,
        running.job_id as running_job_id,
        running.job_type as running_job_type,
        running.status as running_job_status,
        running.progress_percentage as running_job_progress_percentage,
        running.created_by_id as running_job_created_by_id,
        running.started_at as running_job_started_at,
        running.estimated_completion_at as running_job_estimated_completion_at,
        running.ran_late as running_job_is_late,
        waiting.job_id as waiting_job_id,
        waiting.job_type as waiting_job_type,
        waiting.due_at as waiting_job_due_at,
        case when environments.last_refreshed_at > good.ended_at then null else good.job_id end
            as last_good_refresh_job_id,
        case when environments.last_refreshed_at > good.ended_at then null else good.created_by_id end
            as last_good_refresh_created_by_id,
        case
            when good.ended_at is null or environments.last_refreshed_at > good.ended_at
                then environments.last_refreshed_at
            else good.ended_at
        end as last_good_refresh_at,
        creations.created_with_data_at,
        ended.outcome as last_refresh_outcome,
        ended.ended_at as last_refresh_ended_at,
        coalesce(streaks.failure_streak, 0) as failure_streak,
        {{ zuora_testenv_now() }} as as_of
    from ids
    left join {{ ref('stg_test_environments') }} as environments
        on ids.test_environment_id = environments.test_environment_id
    left join running
        on ids.test_environment_id = running.test_environment_id and running.place = 1
    left join waiting
        on ids.test_environment_id = waiting.test_environment_id and waiting.place = 1
    left join good
        on ids.test_environment_id = good.test_environment_id and good.place = 1
    left join ended
        on ids.test_environment_id = ended.test_environment_id and ended.place = 1
    left join creations
        on ids.test_environment_id = creations.test_environment_id
    left join streaks
        on ids.test_environment_id = streaks.test_environment_id

),

dated as (

    select
        *,
        coalesce(last_good_refresh_at, created_with_data_at) as data_copied_at
    from joined

)

select
    test_environment_id,
    environment_name,
    environment_type,
    data_copy_type,
    status,
    readiness,
    running_job_id,
    running_job_type,
    running_job_status,
    running_job_progress_percentage,
    running_job_created_by_id,
    running_job_started_at,
    running_job_estimated_completion_at,
    running_job_is_late,
    waiting_job_id,
    waiting_job_type,
    waiting_job_due_at,
    last_good_refresh_job_id,
    last_good_refresh_created_by_id,
    last_good_refresh_at,
    data_copied_at,
    cast({{ zuora_testenv_span('days', 'data_copied_at', 'as_of') }} as numeric(10, 2)) as data_age_days,
    next_refresh_allowed_at,
    case when readiness = 'ready' then next_refresh_allowed_at <= as_of else false end as may_refresh_now,
    last_refresh_outcome,
    last_refresh_ended_at,
    failure_streak,
    deactivated_at,
    extracted_at,
    as_of
from dated
