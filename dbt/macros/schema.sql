{# The schema of the models as dbt's `schema` configuration wants it. By itself this folder takes its profile's schema,
   which is that of the variable already. #}
{% macro zuora_testenv_custom_schema() %}
    {{ return(none if project_name == 'zuora_testenv' else var('zuora_testenv_models_schema')) }}
{% endmacro %}
