"""A sloppy Zuora sends other forms of the same values, and the tap emits the same records."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_zuora_testenv.emulator.clock import Clock
from tap_zuora_testenv.emulator.server import EmulatorServer
from tap_zuora_testenv.emulator.sloppiness import as_described, as_sent
from tap_zuora_testenv.emulator.tokens import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from tap_zuora_testenv.emulator.zuora import Zuora

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def zuora(*, sloppy: bool) -> Zuora:
    return Zuora(seed=7, clock=Clock(NOW, 0), sloppy=sloppy)


@pytest.fixture
def sloppy() -> Iterator[EmulatorServer]:
    with EmulatorServer(zuora(sloppy=True)) as server:
        yield server


def emitted(server: EmulatorServer) -> tuple[int, list[object]]:
    config = {"base_url": server.url, "client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET}
    given = {f"TAP_ZUORA_TESTENV_{name.upper()}": value for name, value in config.items()}
    done = subprocess.run(  # noqa: S603 - the tap of this environment
        [str(Path(sys.executable).with_name("tap-zuora-testenv")), "--config=ENV"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [message["record"] for message in messages if message["type"] == "RECORD"]


def test_the_tap_emits_the_same_records_from_a_sloppy_zuora(sloppy: EmulatorServer) -> None:
    with EmulatorServer(zuora(sloppy=False)) as strict:
        expected = emitted(strict)
    code, records = emitted(sloppy)
    assert (code, len(records)) == (0, len(expected[1]))
    # Date-times are emitted in the form in which they were sent, unless no target could read it.
    assert [in_utc(record) for record in records] == [in_utc(record) for record in expected[1]]


def in_utc(record: object) -> object:
    assert isinstance(record, dict)
    return {
        name: datetime.fromisoformat(value).astimezone(UTC) if name.endswith("Time") and value else value
        for name, value in record.items()
    }


def test_rows_have_nulls_numbers_and_date_times_in_every_form() -> None:
    documents = zuora(sloppy=True).documents()
    environments, jobs = documents["test_environments"], documents["test_environment_jobs"]
    assert all(row["revenueTenantId"] is None for row in environments)
    assert all(isinstance(row[name], int) for row in environments for name in ("tenantId", "sourceTenantId"))
    forms = {
        re.sub(r"\d", "0", str(value)) for row in jobs for name, value in row.items() if name.endswith("Time") and value
    }
    assert forms == {
        *("0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z", "0000-00-00T00:00:00.000-00:00"),
        *("0000-00-00T00:00:00.000+0000", "0000-00-00T00:00:00.000 UTC", "0000-00-00T00:00:00.000000000Z"),
        *("0000-00-00 00:00:00Z", "0000-00-00T00:00:00", "0000000000000"),
    }


def test_a_row_that_did_not_change_is_sent_in_the_same_form() -> None:
    assert zuora(sloppy=True).documents() == zuora(sloppy=True).documents()


@given(st.datetimes(datetime(1900, 1, 2), datetime(8999, 12, 30)), st.text())  # noqa: DTZ001 - made UTC below
def test_no_form_moves_an_instant(naive: datetime, row_id: str) -> None:
    instant = naive.replace(tzinfo=UTC)
    text = instant.isoformat().replace("+00:00", "Z")
    sent = as_sent({"id": row_id, "jobEndTime": text})["jobEndTime"]
    if isinstance(sent, int):
        assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=sent) == instant
    else:
        text = str(sent).removesuffix(" UTC")
        readable = text if re.search(r"Z$|[+-]\d\d:?\d\d$", text) else f"{text}Z"
        assert datetime.fromisoformat(readable) == instant


def test_a_value_that_is_not_a_date_time_or_id_is_sent_as_it_is() -> None:
    row = {"id": "1", "createTime": "soon", "tenantId": "x1", "updateTime": "0001-01-01T00:00:00Z", "progress": 5}
    assert as_sent(row) == row
    assert as_described(row | {"status": None}) == row


def test_error_responses_have_every_shape(sloppy: EmulatorServer) -> None:
    headers = {"Authorization": f"Bearer {sloppy.zuora.tokens.issue()}"}
    answers = [requests.get(f"{sloppy.url}/test-environments/{n}", headers=headers, timeout=5) for n in range(60)]
    assert {answer.status_code for answer in answers} == {200, 404}
    assert all(answer.json()["success"] is False for answer in answers if answer.status_code == 200)
    shapes = {"-".join(sorted(answer.json())) if answer.text.startswith("{") else answer.text[:6] for answer in answers}
    assert shapes == {"processId-reasons-requestId-success", "reasons", "message", "code-message", "<html>", ""}
