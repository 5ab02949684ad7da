select
    {{ adapter.quote('id') }} as job_id,
    {{ adapter.quote('testEnvironmentId') }} as test_environment_id,
    {{ adapter.quote('jobType') }} as job_type,
    {{ adapter.quote('status') }} as status,
    {{ adapter.quote('progressPercentage') }} as progress_percentage,
    {{ adapter.quote('createdById') }} as created_by_id,
    {{ adapter.quote('updatedById') }} as updated_by_id,
    {{ zuora_testenv_utc('createTime') }} as created_at,
    {{ zuora_testenv_utc('scheduledRefreshTime') }} as scheduled_at,
    {{ zuora_testenv_utc('jobStartTime') }} as started_at,
    {{ zuora_testenv_utc('estimatedCompletionTime') }} as estimated_completion_at,
    {{ zuora_testenv_utc('jobEndTime') }} as ended_at,
    {{ zuora_testenv_utc('updateTime') }} as updated_at,
    {{ zuora_testenv_utc('_sdc_extracted_at') }} as extracted_at
from {{ source('zuora_testenv', 'test_environment_jobs') }}
