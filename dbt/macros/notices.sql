{# The kinds of notices: the condition for a row of the readiness, since when it has held, and the sentence. #}
{% macro zuora_testenv_notices() %}
    {%- set max_data_age_days = var('zuora_testenv_max_data_age_days') -%}
    {%- set text = dbt.type_string() -%}

    {%- set notices = [
        {
            'kind': 'refresh_failed',
            'severity': 'alert',
            'when': "readiness <> 'unavailable' and failure_streak > 0",
            'since': 'first_failed_at',
            'sentence': [
                "case when failure_streak = 1 then 'A refresh' else "
                ~ dbt.concat(["cast(failure_streak as " ~ text ~ ")", "' refreshes'"]) | trim ~ " end",
                "' failed'",
                "case when last_failed_at is null then '' when failure_streak = 1 then ' on ' else ', the last on ' end",
                "coalesce(" ~ zuora_testenv_day('last_failed_at') ~ ", '')",
                "case when failure_streak = 1 then ' and' else ', and' end",
                "' none has succeeded since. Zuora does not send an email when a refresh fails.'",
            ],
        },
        {
            'kind': 'environment_vanished',
            'severity': 'alert',
            'when': 'has_vanished',
            'since': 'extracted_at',
            'sentence': [
                "'Zuora no longer lists this environment, or the tap no longer reads it. It was last read on '",
                zuora_testenv_day('extracted_at'), "'.'",
            ],
        },
        {
            'kind': 'nothing_read',
            'severity': 'alert',
            'when': "readiness <> 'unavailable' and not has_vanished and "
                ~ zuora_testenv_seconds('extracted_at', zuora_testenv_clock()) ~ " >= 3600.0 * "
                ~ var('zuora_testenv_stale_hours'),
            'since': 'extracted_at',
            'sentence': [
                "'The tap has not read this environment for '",
                zuora_testenv_count(zuora_testenv_whole_hours('extracted_at', zuora_testenv_clock()), 'hour'),
                "'. This report may be out of date.'",
            ],
        },
        {
            'kind': 'running_late',
            'severity': 'warn',
            'when': "readiness = 'busy' and running_job_is_late",
            'since': 'running_job_estimated_completion_at',
            'sentence': [
                "'The '", "lower(coalesce(running_job_type, 'job'))", "' is running '",
                "case when " ~ zuora_testenv_whole_hours('running_job_estimated_completion_at', 'as_of')
                ~ " = 0 then 'less than 1 hour' else "
                ~ zuora_testenv_count(zuora_testenv_whole_hours('running_job_estimated_completion_at', 'as_of'), 'hour')
                ~ " end",
                "' later than estimated.'",
            ],
        },
        {
            'kind': 'scheduled_refresh_overdue',
            'severity': 'warn',
            'when': "readiness <> 'unavailable' and "
                ~ zuora_testenv_seconds('next_scheduled_refresh_at', 'as_of') ~ ' > 3600',
            'since': 'next_scheduled_refresh_at',
            'sentence': [
                "'The refresh scheduled for '", zuora_testenv_day('next_scheduled_refresh_at'),
                "' had not started '",
                zuora_testenv_count(zuora_testenv_whole_hours('next_scheduled_refresh_at', 'as_of'), 'hour'),
                "' later.'",
            ],
        },
        {
            'kind': 'deactivation_near',
            'severity': 'warn',
            'when': "coalesce(status, '') not in ('DEACTIVATED', 'DELETED') and deactivation_due_at <= "
                ~ zuora_testenv_instant_after(14, 'as_of'),
            'since': zuora_testenv_instant_after(-14, 'deactivation_due_at'),
            'sentence': [
                "'Zuora deactivates this environment on '", zuora_testenv_day('deactivation_due_at'), "'.'",
            ],
        },
        {
            'kind': 'data_old',
            'severity': 'warn',
            'when': "readiness <> 'unavailable' and data_age_days > " ~ max_data_age_days,
            'since': "cast(" ~ zuora_testenv_days_after(max_data_age_days + 1, 'data_exported_on') ~ " as "
                ~ dbt.type_timestamp() ~ ")",
            'sentence': [
                "'The data are '", zuora_testenv_count('data_age_days', 'day'),
                "' old: they were exported from production on '", zuora_testenv_day('data_exported_on'), "'.'",
            ],
        },
        {
            'kind': 'refresh_allowed',
            'severity': 'info',
            'when': 'may_refresh_now',
            'since': 'next_refresh_allowed_at',
            'sentence': [
                "'Zuora has allowed the next refresh since '", zuora_testenv_day('next_refresh_allowed_at'), "'.'",
            ],
        },
    ] -%}
    {{ return(notices) }}
{% endmacro %}
