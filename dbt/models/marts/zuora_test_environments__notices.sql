{{ config(schema=zuora_testenv_custom_schema()) }}

with environments as (

    select * from {{ ref('zuora_test_environments__readiness') }}

),

notices as (
{% for notice in zuora_testenv_notices() %}
    {%- if not loop.first %}
    union all
    {% endif %}
    select
        test_environment_id,
        environment_name,
        tenant_id,
        '{{ notice.kind }}' as kind,
        '{{ notice.severity }}' as severity,
        {{ notice.since }} as since,
        {{ dbt.concat(notice.sentence) }} as sentence,
        as_of,
        as_of_is_known
    from environments
    where {{ notice.when }}
{%- endfor %}

)

select
    {{ dbt.concat(['test_environment_id', "'/'", 'kind']) }} as notice_id,
    test_environment_id,
    environment_name,
    tenant_id,
    cast(kind as {{ dbt.type_string() }}) as kind,
    cast(severity as {{ dbt.type_string() }}) as severity,
    since,
    cast(sentence as {{ dbt.type_string() }}) as sentence,
    as_of,
    as_of_is_known
from notices
