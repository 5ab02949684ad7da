{# The schema of the models, for dbt's configuration `schema`. If dbt runs in this folder, it uses the profile's schema,
   which is already that of the variable. #}
{% macro zuora_testenv_custom_schema() %}
    {{ return(none if project_name == 'zuora_testenv' else var('zuora_testenv_models_schema')) }}
{% endmacro %}
