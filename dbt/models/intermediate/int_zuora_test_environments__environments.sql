{{ config(schema=zuora_testenv_custom_schema()) }}

with environments as (

    select * from {{ ref('stg_zuora_test_environments__environments') }}
    where test_environment_id is not null

),

jobs as (

    select
        test_environment_id,
        max(extracted_at) as extracted_at
    from {{ ref('stg_zuora_test_environments__jobs') }}
    where test_environment_id is not null
    group by test_environment_id

),

newest as (

    select max(extracted_at) as extracted_at from environments

),

-- An environment may be known only by its jobs.
known as (

    select
        coalesce(environments.test_environment_id, jobs.test_environment_id) as test_environment_id,
        environments.environment_name,
        environments.tenant_id,
        environments.environment_type,
        environments.data_copy_type,
        environments.status,
        environments.last_refreshed_at,
        environments.next_refresh_allowed_at,
        environments.deactivation_at,
        environments.extracted_at,
        case
            when environments.extracted_at is null or jobs.extracted_at > environments.extracted_at
                then jobs.extracted_at
            else environments.extracted_at
        end as read_at
    from environments
    full outer join jobs
        on environments.test_environment_id = jobs.test_environment_id

)

select
    known.test_environment_id,
    known.environment_name,
    known.tenant_id,
    known.environment_type,
    known.data_copy_type,
    known.status,
    known.last_refreshed_at,
    known.next_refresh_allowed_at,
    known.deactivation_at,
    -- A run reads all environments at once, which takes minutes at most.
    coalesce(
        {{ zuora_testenv_seconds('known.extracted_at', 'newest.extracted_at') }} > 1800
        and coalesce(known.status, '') not in ('INACTIVE', 'DEACTIVATED', 'DELETED'),
        1 = 0
    ) as has_vanished,
    known.extracted_at,
    {{ zuora_testenv_as_of('known.read_at') }} as as_of,
    {{ zuora_testenv_as_of_is_known('known.read_at') }} as as_of_is_known
from known
cross join newest
