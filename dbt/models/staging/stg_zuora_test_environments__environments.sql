{{ config(schema=zuora_testenv_custom_schema()) }}

{%- set table = source('zuora_testenv', 'test_environments') -%}
{%- set columns = zuora_testenv_columns(table) %}

with loaded as (

    select
        {{ zuora_testenv_text(table, columns, 'id') }} as test_environment_id,
        {{ zuora_testenv_text(table, columns, 'tenantName') }} as environment_name,
        {{ zuora_testenv_text(table, columns, 'status') }} as status,
        {{ zuora_testenv_text(table, columns, 'environmentType') }} as environment_type,
        {{ zuora_testenv_text(table, columns, 'dataCopyType') }} as data_copy_type,
        {{ zuora_testenv_text(table, columns, 'tenantId') }} as tenant_id,
        {{ zuora_testenv_text(table, columns, 'sourceTenantId') }} as source_tenant_id,
        {{ zuora_testenv_text(table, columns, 'revenueTenantId') }} as revenue_tenant_id,
        {{ zuora_testenv_text(table, columns, 'revenueTenantName') }} as revenue_tenant_name,
        {{ zuora_testenv_text(table, columns, 'createdById') }} as created_by_id,
        {{ zuora_testenv_text(table, columns, 'updatedById') }} as updated_by_id,
        {{ zuora_testenv_instant(table, columns, 'createTime') }} as created_at,
        {{ zuora_testenv_instant(table, columns, 'provisionTime') }} as provisioned_at,
        {{ zuora_testenv_instant(table, columns, 'lastRefreshTime') }} as last_refreshed_at,
        {{ zuora_testenv_instant(table, columns, 'nextRefreshTime') }} as next_refresh_allowed_at,
        {{ zuora_testenv_instant(table, columns, 'deactivationTime') }} as deactivation_at,
        {{ zuora_testenv_instant(table, columns, 'updateTime') }} as updated_at,
        {{ zuora_testenv_extracted_at(columns) }} as extracted_at
    from {{ table }}

),

-- Targets that append keep a row per reading.
ranked as (

    select
        *,
        row_number() over (
            partition by test_environment_id
            order by
                extracted_at desc nulls last,
                updated_at desc nulls last,
                last_refreshed_at desc nulls last,
                status desc nulls last
        ) as place
    from loaded

)

select
    test_environment_id,
    environment_name,
    status,
    environment_type,
    data_copy_type,
    tenant_id,
    source_tenant_id,
    revenue_tenant_id,
    revenue_tenant_name,
    created_by_id,
    updated_by_id,
    created_at,
    provisioned_at,
    last_refreshed_at,
    next_refresh_allowed_at,
    deactivation_at,
    updated_at,
    extracted_at
from ranked
where place = 1
