{{ config(schema=zuora_testenv_custom_schema()) }}

{%- set fields = {
    'job_id': ('text', 'id'),
    'test_environment_id': ('text', 'testEnvironmentId'),
    'job_type': ('text', 'jobType'),
    'status': ('text', 'status'),
    'progress_percentage': ('integer', 'progressPercentage'),
    'created_by_id': ('text', 'createdById'),
    'updated_by_id': ('text', 'updatedById'),
    'created_at': ('instant', 'createTime'),
    'scheduled_at': ('instant', 'scheduledRefreshTime'),
    'started_at': ('instant', 'jobStartTime'),
    'estimated_completion_at': ('instant', 'estimatedCompletionTime'),
    'ended_at': ('instant', 'jobEndTime'),
    'updated_at': ('instant', 'updateTime'),
} -%}
{#- If nothing shows which row was read last, an ended job is the latest, then the one that is further along. -#}
{%- set ties = [
    "case when status in ('COMPLETED', 'FAILED', 'CANCELLED') then 0 else 1 end",
    'ended_at desc nulls last',
    'progress_percentage desc nulls last',
    'started_at desc nulls last',
    'status desc nulls last',
] %}

{{ zuora_testenv_latest(source('zuora_testenv', 'test_environment_jobs'), 'job_id', fields, ties) }}
