{# The instant that the variable `zuora_testenv_now` gives, else the one at which dbt was started. #}
{% macro zuora_testenv_clock() %}
    {%- set given = var('zuora_testenv_now') -%}
    {%- set at = modules.datetime.datetime.fromisoformat(given | string | replace('Z', '+00:00')) if given else run_started_at -%}
    {%- if at.tzinfo -%}
        {%- set at = at.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    cast('{{ at.strftime("%Y-%m-%d %H:%M:%S") }}' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# The present that a row is judged by: the given one, else when its environment was last read, else when dbt started. #}
{% macro zuora_testenv_as_of(read_at) %}
    {{- zuora_testenv_clock() if var('zuora_testenv_now') else "coalesce(" ~ read_at ~ ", " ~ zuora_testenv_clock() ~ ")" -}}
{% endmacro %}

{% macro zuora_testenv_as_of_is_known(read_at) %}
    {{- "cast(" ~ ("1 = 1" if var('zuora_testenv_now') else read_at ~ " is not null") ~ " as " ~ dbt.type_boolean() ~ ")" -}}
{% endmacro %}

{# The whole seconds from one instant to another. #}
{% macro zuora_testenv_seconds(earlier, later) %}
    {{- "(" ~ dbt.datediff(earlier, later, 'second') | trim ~ ")" -}}
{% endmacro %}

{# A span in hours or days, to be rounded to two places. Engines divide in decimals or in binary fractions; adding a
   millionth makes them round a half the same way, and is less than a second. #}
{% macro zuora_testenv_span(unit, earlier, later) %}
    {%- set seconds = {'hours': '3600.0', 'days': '86400.0'}[unit] -%}
    ({{ zuora_testenv_seconds(earlier, later) }} / {{ seconds }} + 0.000001)
{%- endmacro %}

{# The whole hours in a span. #}
{% macro zuora_testenv_whole_hours(earlier, later) %}
    {{- "cast(floor(" ~ zuora_testenv_seconds(earlier, later) ~ " / 3600.0) as " ~ dbt.type_int() ~ ")" -}}
{% endmacro %}

{# A date some days after another, or before it. #}
{% macro zuora_testenv_days_after(days, date) %}
    {{- "cast(" ~ dbt.dateadd('day', days, date) | trim ~ " as date)" -}}
{% endmacro %}

{# An instant some days after another. BigQuery adds only to a DATETIME. #}
{% macro zuora_testenv_instant_after(days, instant) %}
    {{- "cast(" ~ dbt.dateadd('day', days, instant) | trim ~ " as " ~ dbt.type_timestamp() ~ ")" -}}
{% endmacro %}
