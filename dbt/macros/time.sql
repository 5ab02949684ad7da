{# The instant that "now" means in every model of a run. #}
{% macro zuora_testenv_now() %}
    {%- set given = var('zuora_testenv_now', none) -%}
    {%- set at = modules.datetime.datetime.fromisoformat(given | string) if given else run_started_at -%}
    {%- if at.tzinfo -%}
        {%- set at = at.astimezone(modules.pytz.utc) -%}
    {%- endif -%}
    cast('{{ at.strftime("%Y-%m-%d %H:%M:%S") }}' as {{ dbt.type_timestamp() }})
{%- endmacro %}

{# A column of the tap's as an instant in UTC. Targets keep UTC in a column without a zone; of a column with a zone the
   session's zone is taken, which therefore must be UTC. #}
{% macro zuora_testenv_utc(column) %}
    {{- "cast(" ~ adapter.quote(column) ~ " as " ~ dbt.type_timestamp() ~ ")" -}}
{% endmacro %}

{# The whole seconds from one instant to another, as `hours` or `days`. #}
{% macro zuora_testenv_span(unit, earlier, later) %}
    {%- set seconds = {'hours': '3600.0', 'days': '86400.0'}[unit] -%}
    ({{ dbt.datediff(earlier, later, 'second') }}) / {{ seconds }}
{%- endmacro %}
