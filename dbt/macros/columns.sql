{# The names and types of a table's columns, or nothing if dbt may not query the database. #}
{% macro zuora_testenv_columns(relation) %}
    {%- set columns = {} -%}
    {%- if execute and flags.INTROSPECT -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do columns.update({column.name: column.dtype | lower}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{% endmacro %}

{# The name that a target gives a field of Zuora, or one of its own columns, which begin with `_sdc_`. #}
{% macro zuora_testenv_column_name(field, case=none) %}
    {%- set case = case or var('zuora_testenv_column_case') -%}
    {%- set snake = modules.re.sub('([A-Z])', '_\\1', field) | lower -%}
    {%- set names = {'camel': field, 'lower': field | lower, 'upper': field | upper, 'snake': snake} -%}
    {%- if case not in names -%}
        {{ exceptions.raise_compiler_error("zuora_testenv_column_case is " ~ case ~ ": it must be one of camel, lower, upper and snake.") }}
    {%- endif -%}
    {{ return(names[case]) }}
{% endmacro %}

{# A field of Zuora as a quoted column. A missing column is an error that names the case that fits. #}
{% macro zuora_testenv_column(relation, columns, field) %}
    {%- set name = zuora_testenv_column_name(field) -%}
    {%- if columns and name not in columns -%}
        {%- for case in ['camel', 'lower', 'upper', 'snake'] if zuora_testenv_column_name(field, case) in columns -%}
            {{ exceptions.raise_compiler_error(relation ~ " has no column " ~ name ~ ", but " ~ zuora_testenv_column_name(field, case) ~ ": set the variable zuora_testenv_column_case to " ~ case ~ ".") }}
        {%- endfor -%}
        {{ exceptions.raise_compiler_error(relation ~ " has no column " ~ name ~ ": does the tap's catalog leave out the field " ~ field ~ "?") }}
    {%- endif -%}
    {{ return(adapter.quote(name)) }}
{% endmacro %}

{% macro zuora_testenv_text(relation, columns, field) %}
    {{- "cast(" ~ zuora_testenv_column(relation, columns, field) ~ " as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{% macro zuora_testenv_integer(relation, columns, field) %}
    {{- "cast(" ~ zuora_testenv_column(relation, columns, field) ~ " as " ~ dbt.type_int() ~ ")" -}}
{% endmacro %}

{# A field as an instant in UTC. Targets keep UTC in a column without a zone; one with a zone is converted. #}
{% macro zuora_testenv_instant(relation, columns, field) %}
    {%- set column = zuora_testenv_column(relation, columns, field) -%}
    {{- zuora_testenv_in_utc(column, columns.get(zuora_testenv_column_name(field), '')) -}}
{% endmacro %}

{% macro zuora_testenv_in_utc(column, type) %}
    {%- if 'with time zone' in type or type in ('timestamptz', 'timestamp_tz', 'timestamp_ltz') -%}
        {{- adapter.dispatch('zuora_testenv_from_zone', 'zuora_testenv')(column) -}}
    {%- else -%}
        {{- "cast(" ~ column ~ " as " ~ dbt.type_timestamp() ~ ")" -}}
    {%- endif -%}
{% endmacro %}

{% macro default__zuora_testenv_from_zone(column) %}
    {{- "cast(" ~ column ~ " at time zone 'UTC' as " ~ dbt.type_timestamp() ~ ")" -}}
{% endmacro %}

{% macro snowflake__zuora_testenv_from_zone(column) %}
    {{- "cast(convert_timezone('UTC', " ~ column ~ ") as timestamp_ntz)" -}}
{% endmacro %}

{# When the tap read a row, in UTC; null if the target adds no `_sdc_extracted_at`. #}
{% macro zuora_testenv_extracted_at(columns) %}
    {%- set name = zuora_testenv_column_name('_sdc_extracted_at') -%}
    {%- if columns and name not in columns -%}
        {{- "cast(null as " ~ dbt.type_timestamp() ~ ")" -}}
    {%- else -%}
        {{- zuora_testenv_in_utc(adapter.quote(name), columns.get(name, '')) -}}
    {%- endif -%}
{% endmacro %}

{# The query of `dbt source freshness`. Without `_sdc_extracted_at`, it uses the last change that Zuora reports. #}
{% macro zuora_testenv_loaded_at(relation) %}
    {%- set columns = zuora_testenv_columns(relation) -%}
    {%- if zuora_testenv_column_name('_sdc_extracted_at') in columns -%}
        select max({{ zuora_testenv_extracted_at(columns) }}) from {{ relation }}
    {%- else -%}
        select max({{ zuora_testenv_instant(relation, columns, 'updateTime') }}) from {{ relation }}
    {%- endif -%}
{% endmacro %}
