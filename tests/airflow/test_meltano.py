"""What Meltano is told, and what is read in its log."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import Connection
from sqlalchemy.engine import make_url

from zuora_testenv import meltano
from zuora_testenv.loads import Load, loads
from zuora_testenv.tenants_file import Tenant

SECRET = "s3cret@:/ of-acme"
TENANT = Tenant(name="acme", base_url="https://rest.zuora.com", connection="zuora_acme", pool="zuora")


@pytest.fixture
def load() -> Load:
    (load,) = loads(TENANT)
    return load


@pytest.fixture
def connections() -> meltano.Connections:
    warehouse = f"postgres://loader:{quote(SECRET, safe='')}@db.example.com:5433/dwh?sslmode=require&connect_timeout=10"
    return meltano.Connections(
        Connection(conn_id="zuora_acme", conn_type="http", login="an-id", password=SECRET),
        Connection.from_uri(warehouse, conn_id="warehouse"),
        Connection(conn_id="state", conn_type="postgres", schema="meltano", extra=json.dumps({"host": "/run/a b"})),
    )


def test_no_secret_stands_in_the_command(load: Load) -> None:
    assert meltano.command(load, "/run/own") == [
        *("meltano", "--log-format=json", "--env-file=/run/own/empty.env", "run", "--no-install"),
        "--state-id-suffix=acme",
        *("tap-zuora-testenv", "target-postgres"),
    ]


def test_secrets_come_from_the_connections(load: Load, connections: meltano.Connections) -> None:
    told = meltano.variables(load, connections, {}, "/run/own")
    assert told["TAP_ZUORA_TESTENV_CLIENT_ID"] == "an-id"
    assert told["TAP_ZUORA_TESTENV_CLIENT_SECRET"] == SECRET
    assert told["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] == "zuora_testenv_acme"
    assert told["MELTANO_ENVIRONMENT"] == "prod"
    assert told["MELTANO_SYS_DIR_ROOT"] == "/run/own"
    # It would ask the package index whether there is a newer one.
    assert told["MELTANO_CLI_DISABLE_VERSION_CHECK"] == "true"
    warehouse = make_url(told["TARGET_POSTGRES_SQLALCHEMY_URL"])
    assert (warehouse.password, warehouse.port, warehouse.database) == (SECRET, 5433, "dwh")
    assert warehouse.query == {"sslmode": "require", "connect_timeout": "10"}
    assert make_url(told["MELTANO_DATABASE_URI"]).query == {"host": "/run/a b"}


def test_parameters_of_a_connection_may_be_numbers() -> None:
    connection = Connection(conn_id="a", conn_type="postgres", login="b", host="c", extra='{"keepalives_idle": 30}')
    assert meltano.postgres_url(connection) == "postgresql+psycopg://b@c?keepalives_idle=30"


def test_every_variable_that_holds_a_secret_is_masked(load: Load, connections: meltano.Connections) -> None:
    told = meltano.variables(load, connections, {}, "/run/own")
    secrets = {name for name, value in told.items() if "of-acme" in value}
    assert secrets | {"TAP_ZUORA_TESTENV_CLIENT_ID", "MELTANO_DATABASE_URI"} == set(meltano.SECRETS)


def test_a_worker_keeps_its_own_secrets_and_its_own_settings_of_the_tap_to_itself(
    load: Load, connections: meltano.Connections
) -> None:
    worker = {
        "AIRFLOW_CONN_OF_SOMEBODY_ELSE": "hush",
        "AIRFLOW__CORE__FERNET_KEY": "hush",
        "_AIRFLOW_WWW_USER_PASSWORD": "hush",
        "TAP_ZUORA_TESTENV_ACCESS_TOKEN": "hush",
        "TARGET_POSTGRES_PASSWORD": "hush",
        "MELTANO_ENVIRONMENT": "staging",
        "PATH": "/usr/bin",
    }
    told = meltano.variables(load, connections, worker, "/run/own")
    assert "hush" not in told.values()
    assert (told["MELTANO_ENVIRONMENT"], told["PATH"]) == ("staging", "/usr/bin")


@pytest.mark.parametrize(
    ("line", "level", "told"),
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
        ('{"level": "unheard", "event": "Hm."}', logging.INFO, "Hm."),
        ("Traceback (most recent call last):", logging.WARNING, "Traceback (most recent call last):"),
        ("[1, 2]", logging.WARNING, "[1, 2]"),
    ],
)
def test_a_line_of_the_log_keeps_its_level_and_says_who_said_it(line: str, level: int, told: str) -> None:
    entry = meltano.entry(line)
    assert (entry.level, str(entry)) == (level, told)


def log(*lines: tuple[str, str, str]) -> list[meltano.Entry]:
    fields: list[dict[str, Any]] = [{"name": name, "level": level, "event": event} for name, level, event in lines]
    return [meltano.entry(json.dumps(each)) for each in fields]


def test_a_failure_says_the_last_line_of_the_tap() -> None:
    said = log(
        ("tap-zuora-testenv", "info", "Beginning"),
        ("tap-zuora-testenv", "info", "Stopped: no permission."),
        ("target-postgres", "info", "completed"),
        ("", "error", "Extractor failed"),
        ("", "error", "Block run completed"),
    )
    assert meltano.failure(said) == "Stopped: no permission. (Meltano: Extractor failed)"


def test_a_failure_of_the_target_says_its_error_too() -> None:
    said = log(
        ("tap-zuora-testenv", "info", "Done: emitted 3 jobs."),
        ("target-postgres", "info", "Traceback (most recent call last):"),
        ("target-postgres", "info", "sqlalchemy.exc.OperationalError: no such role"),
        ("target-postgres", "info", "(Background on this error at: ...)"),
        ("", "error", "Loader failed"),
    )
    told = "target-postgres: sqlalchemy.exc.OperationalError: no such role."
    assert meltano.failure(said) == f"Done: emitted 3 jobs. {told} (Meltano: Loader failed)"


def test_a_failure_before_the_tap_says_what_meltano_complained_of() -> None:
    said = log(("", "error", "Could not connect to the database."), ("", "info", "Need help?"))
    assert meltano.failure(said) == "The tap did not start. (Meltano: Could not connect to the database.)"
    assert meltano.failure([]) == "The tap did not start. (Meltano: see the log above)"
