{{ config(schema=zuora_testenv_custom_schema()) }}

{% if var('zuora_testenv_users') -%}

select
    cast(id as {{ dbt.type_string() }}) as user_id,
    max(cast(name as {{ dbt.type_string() }})) as user_name
from {{ var('zuora_testenv_users') }}
where id is not null
group by cast(id as {{ dbt.type_string() }})

{%- else -%}

select
    cast(null as {{ dbt.type_string() }}) as user_id,
    cast(null as {{ dbt.type_string() }}) as user_name
limit 0

{%- endif %}
