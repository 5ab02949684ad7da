{# A percentile of the run times by linear interpolation, in arithmetic that every engine has: BigQuery has no aggregate
   `percentile_cont`. A run time counts in full at its own place, and less the further the percentile's place is from it,
   until the place of its neighbour. Adding a millionth makes all engines round a half the same way. #}
{% macro zuora_testenv_percentile(share) %}
    {%- set distance = "abs(" ~ share ~ " * last_place - place)" -%}
    cast(sum(case when {{ distance }} < 1 then run_hours * (1 - {{ distance }}) end) + 0.000001 as numeric(10, 2))
{%- endmacro %}
