"""The models for Snowflake, BigQuery and Redshift: compiled by dbt's own adapters and parsed by sqlglot.

None of these warehouses is used. sqlglot knows each dialect's grammar but not which functions it has, so the functions
that the models use are listed here, each with the page of the warehouse's documentation that describes it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import expressions as sql

from dev.testbed.dbt_package import PROJECT
from dev.testbed.processes import environment

PROFILES: dict[str, dict[str, Any]] = {
    "snowflake": {
        "type": "snowflake", "account": "none", "user": "none", "password": "none", "database": "warehouse",
        "warehouse": "none", "schema": "models",
    },
    "bigquery": {
        "type": "bigquery", "method": "oauth-secrets", "token": "none", "project": "warehouse", "dataset": "models",
    },
    "redshift": {
        "type": "redshift", "host": "127.0.0.1", "port": 1, "user": "none", "password": "none", "dbname": "warehouse",
        "schema": "models",
    },
}  # fmt: skip
SNOWFLAKE = "https://docs.snowflake.com/en/sql-reference/functions/"
BIGQUERY = "https://cloud.google.com/bigquery/docs/reference/standard-sql/"
REDSHIFT = "https://docs.aws.amazon.com/redshift/latest/dg/"
FUNCTIONS = {
    "snowflake": {
        "abs": f"{SNOWFLAKE}abs",
        "cast": f"{SNOWFLAKE}cast",
        "coalesce": f"{SNOWFLAKE}coalesce",
        "count": f"{SNOWFLAKE}count",
        "date_trunc": f"{SNOWFLAKE}date_trunc",
        "dateadd": f"{SNOWFLAKE}dateadd",
        "datediff": f"{SNOWFLAKE}datediff",
        "floor": f"{SNOWFLAKE}floor",
        "lower": f"{SNOWFLAKE}lower",
        "max": f"{SNOWFLAKE}max",
        "min": f"{SNOWFLAKE}min",
        "nullif": f"{SNOWFLAKE}nullif",
        "row_number": f"{SNOWFLAKE}row_number",
        "sum": f"{SNOWFLAKE}sum",
    },
    "bigquery": {
        "abs": f"{BIGQUERY}mathematical_functions#abs",
        "cast": f"{BIGQUERY}conversion_functions#cast",
        "coalesce": f"{BIGQUERY}conditional_expressions#coalesce",
        "count": f"{BIGQUERY}aggregate_functions#count",
        "datetime_add": f"{BIGQUERY}datetime_functions#datetime_add",
        "datetime_diff": f"{BIGQUERY}datetime_functions#datetime_diff",
        "floor": f"{BIGQUERY}mathematical_functions#floor",
        "lower": f"{BIGQUERY}string_functions#lower",
        "max": f"{BIGQUERY}aggregate_functions#max",
        "min": f"{BIGQUERY}aggregate_functions#min",
        "nullif": f"{BIGQUERY}conditional_expressions#nullif",
        "row_number": f"{BIGQUERY}numbering_functions#row_number",
        "sum": f"{BIGQUERY}aggregate_functions#sum",
        "timestamp_trunc": f"{BIGQUERY}timestamp_functions#timestamp_trunc",
    },
    "redshift": {
        "abs": f"{REDSHIFT}r_ABS.html",
        "cast": f"{REDSHIFT}r_CAST_function.html",
        "coalesce": f"{REDSHIFT}r_NVL_function.html",
        "count": f"{REDSHIFT}r_COUNT.html",
        "date_trunc": f"{REDSHIFT}r_DATE_TRUNC.html",
        "dateadd": f"{REDSHIFT}r_DATEADD_function.html",
        "datediff": f"{REDSHIFT}r_DATEDIFF_function.html",
        "floor": f"{REDSHIFT}r_FLOOR.html",
        "lower": f"{REDSHIFT}r_LOWER.html",
        "max": f"{REDSHIFT}r_MAX.html",
        "min": f"{REDSHIFT}r_MIN.html",
        "nullif": f"{REDSHIFT}r_NULLIF_function.html",
        "row_number": f"{REDSHIFT}r_WF_ROW_NUMBER.html",
        "sum": f"{REDSHIFT}r_SUM.html",
    },
}
NO_FUNCTIONS = frozenset({"and", "as", "from", "in", "not", "numeric", "or", "over", "then", "when"})
MODELS = sorted(path.stem for path in (PROJECT / "models").rglob("*.sql"))


def names_before_parentheses(text: str, dialect: str) -> set[str]:
    """List the functions that a text calls, and the keywords and types that a parenthesis follows."""
    tokens = sqlglot.tokenize(text, dialect=dialect)
    return {
        token.text.lower()
        for token, following in pairwise(tokens)
        if following.token_type is sqlglot.TokenType.L_PAREN and token.text.isidentifier()
    }


@pytest.fixture(scope="module", params=PROFILES)
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """Compile all models for a warehouse without asking one."""
    folder = tmp_path_factory.mktemp(request.param)
    profile = {"zuora_testenv": {"target": "it", "outputs": {"it": PROFILES[request.param] | {"threads": 1}}}}
    # JSON is YAML.
    (folder / "profiles.yml").write_text(json.dumps(profile))
    line = [
        str(Path(sys.prefix, "warehouses", "bin", "dbt")), "--no-use-colors", "compile", "--no-populate-cache",
        "--no-introspect", f"--project-dir={PROJECT}", f"--profiles-dir={folder}", f"--target-path={folder}",
        f"--log-path={folder}",
    ]  # fmt: skip
    known = environment() | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(line, env=known, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    found = {path.stem: path.read_text() for path in (folder / "compiled").rglob("*.sql") if path.stem in MODELS}
    return request.param, found


def test_every_model_is_one_statement_of_the_dialect(compiled: tuple[str, dict[str, str]]) -> None:
    dialect, models = compiled
    assert sorted(models) == MODELS
    for text in models.values():
        (statement,) = sqlglot.parse(text, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        assert isinstance(statement, sql.Query)


def test_only_functions_that_the_warehouse_documents_are_used(compiled: tuple[str, dict[str, str]]) -> None:
    dialect, models = compiled
    names = {name for text in models.values() for name in names_before_parentheses(text, dialect)}
    assert names - NO_FUNCTIONS == set(FUNCTIONS[dialect])


def test_no_set_of_rows_is_united_without_all_or_distinct(compiled: tuple[str, dict[str, str]]) -> None:
    """BigQuery has no bare `union`, which sqlglot parses anyway."""
    dialect, models = compiled
    for text in models.values():
        kinds = [token.token_type for token in sqlglot.tokenize(text, dialect=dialect)]
        following = {after for kind, after in pairwise(kinds) if kind is sqlglot.TokenType.UNION}
        assert following <= {sqlglot.TokenType.ALL, sqlglot.TokenType.DISTINCT}
