"""What a target wrote into the schema of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from dev.testbed.table_comparison import differences, schema

if TYPE_CHECKING:
    import psycopg

    from dev.testbed.emulator_process import Row
    from tap_zuora_testenv.emulator.server import EmulatorServer

STREAMS = ("test_environments", "test_environment_jobs")


class Tables:
    """Reads what the target wrote into the schema of this test."""

    def __init__(self, database: psycopg.Connection[Row], name: str) -> None:
        self._database = database
        self._name = name

    def rows(self, table: str) -> list[Row]:
        return self._database.execute(sql.SQL("select * from {}").format(sql.Identifier(self._name, table))).fetchall()

    def arrived(self, table: str) -> int:
        """Count the rows that the last run wrote."""
        rows = self.rows(table)
        last = max(row["_sdc_sync_started_at"] for row in rows)
        return sum(row["_sdc_sync_started_at"] == last for row in rows)

    def types(self, table: str) -> dict[str, str]:
        found = self._database.execute(
            "select column_name as name, data_type as type from information_schema.columns"
            " where table_schema = %s and table_name = %s",
            (self._name, table),
        )
        return {row["name"]: row["type"] for row in found}

    def differences(self, zuora: EmulatorServer) -> list[str]:
        """Compare every value of every row with what Zuora answers now."""
        documents = zuora.zuora.documents()
        return [
            f"{stream}: {difference}"
            for stream in STREAMS
            for difference in differences(self.rows(stream), documents[stream], schema(stream)["properties"])
        ]


def environment_id(zuora: EmulatorServer, name: str) -> str:
    found = (row["id"] for row in zuora.zuora.environments() if str(row["tenantName"]).endswith(name))
    return str(next(found))
