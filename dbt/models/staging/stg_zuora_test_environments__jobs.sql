{{ config(schema=zuora_testenv_custom_schema()) }}

{%- set table = source('zuora_testenv', 'test_environment_jobs') -%}
{%- set columns = zuora_testenv_columns(table) %}

with loaded as (

    select
        {{ zuora_testenv_text(table, columns, 'id') }} as job_id,
        {{ zuora_testenv_text(table, columns, 'testEnvironmentId') }} as test_environment_id,
        {{ zuora_testenv_text(table, columns, 'jobType') }} as job_type,
        {{ zuora_testenv_text(table, columns, 'status') }} as status,
        {{ zuora_testenv_integer(table, columns, 'progressPercentage') }} as progress_percentage,
        {{ zuora_testenv_text(table, columns, 'createdById') }} as created_by_id,
        {{ zuora_testenv_text(table, columns, 'updatedById') }} as updated_by_id,
        {{ zuora_testenv_instant(table, columns, 'createTime') }} as created_at,
        {{ zuora_testenv_instant(table, columns, 'scheduledRefreshTime') }} as scheduled_at,
        {{ zuora_testenv_instant(table, columns, 'jobStartTime') }} as started_at,
        {{ zuora_testenv_instant(table, columns, 'estimatedCompletionTime') }} as estimated_completion_at,
        {{ zuora_testenv_instant(table, columns, 'jobEndTime') }} as ended_at,
        {{ zuora_testenv_instant(table, columns, 'updateTime') }} as updated_at,
        {{ zuora_testenv_extracted_at(columns) }} as extracted_at
    from {{ table }}

),

-- Targets that append keep a row per reading. Where nothing says which was read last, an ended job is the latest, then
-- the one that is further along.
ranked as (

    select
        *,
        row_number() over (
            partition by job_id
            order by
                extracted_at desc nulls last,
                updated_at desc nulls last,
                case when status in ('COMPLETED', 'FAILED', 'CANCELLED') then 0 else 1 end,
                ended_at desc nulls last,
                progress_percentage desc nulls last,
                started_at desc nulls last,
                status desc nulls last
        ) as place
    from loaded

)

select
    job_id,
    test_environment_id,
    job_type,
    status,
    progress_percentage,
    created_by_id,
    updated_by_id,
    created_at,
    scheduled_at,
    started_at,
    estimated_completion_at,
    ended_at,
    updated_at,
    extracted_at
from ranked
where place = 1
