{# The day of an instant or date, as text: 2026-03-01. #}
{% macro zuora_testenv_day(instant) %}
    {{- "cast(cast(" ~ instant ~ " as date) as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{# A whole number with what it counts: 1 hour, 2 hours. #}
{% macro zuora_testenv_count(number, one) %}
    {{- "case when " ~ number ~ " = 1 then '1 " ~ one ~ "' else " ~ dbt.concat(["cast(" ~ number ~ " as " ~ dbt.type_string() ~ ")", "' " ~ one ~ "s'"]) | trim ~ " end" -}}
{% endmacro %}
