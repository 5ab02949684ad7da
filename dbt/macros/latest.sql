{# The latest row per key of a table, with Zuora's fields under other names. Targets that append keep one row per reading.

   `fields` gives for each new name the type (text, integer or instant) and Zuora's name of a field. `ties` orders the
   rows for a key that `extracted_at` and `updated_at` do not order. #}
{% macro zuora_testenv_latest(relation, key, fields, ties) %}
{%- set columns = zuora_testenv_columns(relation) -%}
{%- set as_type = {
    'text': zuora_testenv_text, 'integer': zuora_testenv_integer, 'instant': zuora_testenv_instant
} %}

with loaded as (

    select
        {%- for name, (type, field) in fields.items() %}
        {{ as_type[type](relation, columns, field) }} as {{ name }},
        {%- endfor %}
        {{ zuora_testenv_extracted_at(columns) }} as extracted_at
    from {{ relation }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by {{ key }}
            order by
                extracted_at desc nulls last,
                updated_at desc nulls last,
                {{ ties | join(',\n                ') }}
        ) as place
    from loaded

)

select
    {%- for name in fields %}
    {{ name }},
    {%- endfor %}
    extracted_at
from ranked
where place = 1
{% endmacro %}
