"""The command and the variables of Meltano, and what the lines of its log mean."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import Connection
from sqlalchemy.engine import make_url

from tap_zuora_testenv.airflow import meltano_command, meltano_log
from tap_zuora_testenv.airflow.loads import Load, loads
from tap_zuora_testenv.airflow.tenants_file import Loader, Tenant

SECRET = "s3cret@:/ of-acme"
TENANT = Tenant(name="acme", base_url="https://rest.zuora.com", connection="zuora_acme")
POSTGRES = Loader()


@pytest.fixture
def load() -> Load:
    (load,) = loads(TENANT)
    return load


@pytest.fixture
def connections() -> meltano_command.Connections:
    warehouse = f"postgres://loader:{quote(SECRET, safe='')}@db.example.com:5433/dwh?sslmode=require&connect_timeout=10"
    return meltano_command.Connections(
        Connection(conn_id="zuora_acme", conn_type="http", login="an-id", password=SECRET),
        Connection.from_uri(warehouse, conn_id="warehouse"),
        Connection(conn_id="state", conn_type="postgres", schema="meltano", extra=json.dumps({"host": "/run/a b"})),
    )


def test_no_secret_is_in_the_command(load: Load) -> None:
    assert meltano_command.command(load, POSTGRES, "/run/own") == [
        *("meltano", "--log-format=json", "--env-file=/run/own/empty.env", "run", "--no-install"),
        "--state-id-suffix=acme",
        *("tap-zuora-testenv", "target-postgres"),
    ]


def test_secrets_come_from_the_connections(load: Load, connections: meltano_command.Connections) -> None:
    values = meltano_command.variables(load, POSTGRES, connections, {}, "/run/own").values
    assert values["TAP_ZUORA_TESTENV_CLIENT_ID"] == "an-id"
    assert values["TAP_ZUORA_TESTENV_CLIENT_SECRET"] == SECRET
    assert values["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] == "zuora_testenv_acme"
    assert values["MELTANO_ENVIRONMENT"] == "prod"
    assert values["MELTANO_SYS_DIR_ROOT"] == "/run/own"
    # It would ask the package index whether there is a newer one.
    assert values["MELTANO_CLI_DISABLE_VERSION_CHECK"] == "true"
    warehouse = make_url(values["TARGET_POSTGRES_SQLALCHEMY_URL"])
    assert (warehouse.password, warehouse.port, warehouse.database) == (SECRET, 5433, "dwh")
    assert warehouse.query == {"sslmode": "require", "connect_timeout": "10"}
    assert make_url(values["MELTANO_DATABASE_URI"]).query == {"host": "/run/a b"}


def test_the_settings_of_any_loader_come_from_the_file_and_the_connection(
    load: Load, connections: meltano_command.Connections
) -> None:
    settings = {
        "account": "{extra.account}",
        "user": "{login}",
        "password": "{password}",
        "database": "{database}",
        "host": "{host}:{port}",
        "default_target_schema": "{schema}",
        "path": "/data/{tenant}.db",
        "options": '{"a": 1}',
        "missing": "{extra.missing}",
    }
    account = Connection(
        conn_id="w",
        conn_type="snowflake",
        host="h",
        port=7,
        login="l",
        password=SECRET,
        schema="d",
        extra='{"account": "a1"}',
    )
    connections = meltano_command.Connections(connections.zuora, account, connections.state)
    loader = Loader(name="target-snowflake", settings=settings)
    variables = meltano_command.variables(load, loader, connections, {}, "/run/own")
    prefix = "TARGET_SNOWFLAKE_"
    assert {name: value for name, value in variables.values.items() if name.startswith(prefix)} == {
        f"{prefix}ACCOUNT": "a1",
        f"{prefix}USER": "l",
        f"{prefix}PASSWORD": SECRET,
        f"{prefix}DATABASE": "d",
        f"{prefix}HOST": "h:7",
        f"{prefix}DEFAULT_TARGET_SCHEMA": "zuora_testenv_acme",
        f"{prefix}PATH": "/data/acme.db",
        f"{prefix}OPTIONS": '{"a": 1}',
        f"{prefix}MISSING": "",
    }
    assert meltano_command.command(load, loader, "/run/own")[-1] == "target-snowflake"
    assert set(variables.secrets) == {"a1", "an-id", "l", SECRET, variables.values["MELTANO_DATABASE_URI"]}


def test_the_url_of_another_database_has_its_own_driver(load: Load, connections: meltano_command.Connections) -> None:
    mysql = Connection(conn_id="w", conn_type="mysql", login="l", host="h", schema="d")
    connections = meltano_command.Connections(connections.zuora, mysql, connections.state)
    loader = Loader(name="target-mysql", settings={"sqlalchemy_url": "{url}", "schema": "{schema}"})
    values = meltano_command.variables(load, loader, connections, {}, "/run/own").values
    assert values["TARGET_MYSQL_SQLALCHEMY_URL"] == "mysql://l@h/d"


def test_parameters_of_a_connection_may_be_numbers() -> None:
    connection = Connection(conn_id="a", conn_type="postgres", login="b", host="c", extra='{"keepalives_idle": 30}')
    assert meltano_command.postgres_url(connection) == "postgresql+psycopg://b@c?keepalives_idle=30"


def test_every_variable_that_contains_a_secret_is_masked(load: Load, connections: meltano_command.Connections) -> None:
    variables = meltano_command.variables(load, POSTGRES, connections, {}, "/run/own")
    secrets = {value for value in variables.values.values() if "of-acme" in value}
    assert len(secrets) == 2
    assert secrets | {"an-id", variables.values["MELTANO_DATABASE_URI"]} == set(variables.secrets)


def test_a_worker_passes_on_only_what_meltano_needs_and_what_the_file_names(
    load: Load, connections: meltano_command.Connections
) -> None:
    worker = {
        "AIRFLOW_CONN_OF_SOMEBODY_ELSE": "hush",
        "AIRFLOW__CORE__FERNET_KEY": "hush",
        "_AIRFLOW_WWW_USER_PASSWORD": "hush",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "AZURE_CLIENT_SECRET": "hush",
        "GOOGLE_APPLICATION_CREDENTIALS": "hush",
        "PYTHONPATH": "hush",
        "SLACK_TOKEN": "hush",
        "TAP_ZUORA_TESTENV_ACCESS_TOKEN": "hush",
        "TARGET_POSTGRES_PASSWORD": "hush",
    }
    needed = {
        "HTTPS_PROXY": "http://proxy.example.com",
        "LC_ALL": "C.UTF-8",
        "MELTANO_ENVIRONMENT": "staging",
        "MELTANO_STATE_BACKEND_LOCK_TIMEOUT_SECONDS": "5",
        "PATH": "/usr/bin",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }
    of_the_loader = {"AWS_REGION": "eu-west-1"}
    loader = Loader(variables=("AWS_REGION", "AWS_PROFILE"))
    values = meltano_command.variables(load, loader, connections, worker | needed | of_the_loader, "/run/own").values
    assert "hush" not in values.values()
    assert (needed | of_the_loader).items() <= values.items()
    assert "AWS_PROFILE" not in values
    assert meltano_command.state_id(load, loader, needed) == "staging:tap-zuora-testenv-to-target-postgres:acme"


@pytest.mark.parametrize(
    ("host", "is_elsewhere"),
    [
        (None, False),
        ("", False),
        ("rest.zuora.com", False),
        ("REST.zuora.com", False),
        ("https://rest.zuora.com", False),
        ("https://rest.zuora.com/v1", False),
        ("rest.eu.zuora.com", True),
        ("rest.zuora.com.example.com", True),
        ("https://rest.eu.zuora.com", True),
    ],
)
def test_a_connection_is_for_the_host_that_it_names(host: str | None, *, is_elsewhere: bool) -> None:
    connection = Connection(conn_id="zuora_acme", conn_type="http", host=host)
    assert meltano_command.is_elsewhere(connection, "https://rest.zuora.com/") is is_elsewhere


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ('{"level": "info", "event": "Run completed"}', logging.INFO, "Run completed"),
        ('{"level": "error", "event": "Extractor failed", "name": null}', logging.ERROR, "Extractor failed"),
        ('{"level": "warning", "name": "tap", "event": "Careful."}', logging.WARNING, "tap: Careful."),
        (
            '{"level": "info", "name": "tap", "event": "METRIC", "metric_info": {"value": 3}}',
            logging.INFO,
            'tap: METRIC {"value": 3}',
        ),
        (
            '{"level": "error", "event": "", "exception": [{"exc_type": "OSError"}, {"exc_type": "BrokenPipeError"}]}',
            logging.ERROR,
            "OSError, BrokenPipeError",
        ),
        ('{"level": "error", "exception": "not as expected"}', logging.ERROR, ""),
        ('{"level": "info", "event": "METRIC", "metric_info": 3}', logging.INFO, "METRIC 3"),
        ('{"level": "unheard", "event": "Hm."}', logging.INFO, "Hm."),
        ("Traceback (most recent call last):", logging.WARNING, "Traceback (most recent call last):"),
        ("[1, 2]", logging.WARNING, "[1, 2]"),
    ],
)
def test_a_line_of_the_log_keeps_its_level_and_names_its_source(line: str, level: int, text: str) -> None:
    entry = meltano_log.entry(line)
    assert (entry.level, str(entry)) == (level, text)


def log(*lines: tuple[str, str, str]) -> list[meltano_log.Entry]:
    fields: list[dict[str, Any]] = [{"name": name, "level": level, "event": event} for name, level, event in lines]
    return [meltano_log.entry(json.dumps(each)) for each in fields]


def test_a_failure_is_the_last_line_of_the_tap() -> None:
    logged = log(
        ("tap-zuora-testenv", "info", "Beginning"),
        ("tap-zuora-testenv", "info", "Stopped: no permission."),
        ("target-postgres", "info", "completed"),
        ("", "error", "Extractor failed"),
        ("", "error", "Block run completed"),
    )
    assert meltano_log.verdict(logged) == "Stopped: no permission."
    assert meltano_log.failure(logged, "target-postgres") == "Stopped: no permission. (Meltano: Extractor failed)"


def test_a_failure_of_the_target_shows_its_error_too() -> None:
    logged = log(
        ("tap-zuora-testenv", "info", "Done: emitted 3 jobs."),
        ("target-duckdb", "info", "Traceback (most recent call last):"),
        ("target-duckdb", "info", "duckdb.IOException: no such folder"),
        ("target-duckdb", "info", "(Background on this error at: ...)"),
        ("", "error", "Loader failed"),
    )
    text = "target-duckdb: duckdb.IOException: no such folder."
    assert meltano_log.failure(logged, "target-duckdb") == f"Done: emitted 3 jobs. {text} (Meltano: Loader failed)"


def test_a_failure_before_the_tap_shows_meltanos_complaint() -> None:
    logged = log(("", "error", "Could not connect to the database."), ("", "info", "Need help?"))
    text = "The tap did not start. (Meltano: Could not connect to the database.)"
    assert meltano_log.failure(logged, "target-postgres") == text
    assert meltano_log.failure([], "target-postgres") == "The tap did not start. (Meltano: see the log above)"


def test_rows_are_counted_as_the_tap_counts_them() -> None:
    counted = [
        ("tap-zuora-testenv", "record_count", 88, "test_environment_jobs"),
        ("tap-zuora-testenv", "record_count", 5, "test_environments"),
        ("tap-zuora-testenv", "sync_duration", 3, "test_environments"),
        ("target-postgres", "record_count", 93, "test_environments"),
    ]
    lines = [
        {"name": name, "event": "METRIC", "metric_info": {"metric": metric, "value": value, "tags": {"stream": stream}}}
        for name, metric, value, stream in counted
    ]
    entries = [meltano_log.entry(json.dumps(line)) for line in lines]
    assert meltano_log.rows(entries) == {"test_environment_jobs": 88, "test_environments": 5}
