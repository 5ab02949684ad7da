{{ config(schema=zuora_testenv_custom_schema()) }}

{%- set fields = {
    'test_environment_id': ('text', 'id'),
    'environment_name': ('text', 'tenantName'),
    'status': ('text', 'status'),
    'environment_type': ('text', 'environmentType'),
    'data_copy_type': ('text', 'dataCopyType'),
    'tenant_id': ('text', 'tenantId'),
    'source_tenant_id': ('text', 'sourceTenantId'),
    'revenue_tenant_id': ('text', 'revenueTenantId'),
    'revenue_tenant_name': ('text', 'revenueTenantName'),
    'created_by_id': ('text', 'createdById'),
    'updated_by_id': ('text', 'updatedById'),
    'created_at': ('instant', 'createTime'),
    'provisioned_at': ('instant', 'provisionTime'),
    'last_refreshed_at': ('instant', 'lastRefreshTime'),
    'next_refresh_allowed_at': ('instant', 'nextRefreshTime'),
    'deactivation_at': ('instant', 'deactivationTime'),
    'updated_at': ('instant', 'updateTime'),
} -%}
{%- set ties = ['last_refreshed_at desc nulls last', 'status desc nulls last'] %}

{{ zuora_testenv_latest(source('zuora_testenv', 'test_environments'), 'test_environment_id', fields, ties) }}
