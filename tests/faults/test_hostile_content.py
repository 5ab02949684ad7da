"""Content that tries to break out: settings, ids and answers that no honest caller and no honest Zuora would send."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from tap_zuora_testenv.emulator.faults import Fault
from tests.tap.running import E1, E2, ENVIRONMENTS, JOBS, Ran, Tap, environment, job, paths

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora

SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parents[2] / "schemas").glob("test_environment*.json")
}
LIST_OF_JOBS, ENVIRONMENTS_PATH = f"/test-environments/{E1}/jobs", "/test-environments"
TEN_MEGABYTES = "x" * 10_000_000
RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
TEXTS = [each for each in SCHEMAS[JOBS]["properties"].values() if "string" in each["type"] and "format" not in each]
FORMATS = FormatChecker(formats=())
# Whatever was sent, the log of a run consists of a few lines of bounded length.
LONGEST_LOG = 60_000
LONGEST_LINE = 1_500


@FORMATS.checks("date-time")
def is_rfc_3339(value: object) -> bool:
    match = RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return not isinstance(value, str)
    try:
        datetime.fromisoformat(match[0])
    except ValueError:
        return False
    return True


def sound(ran: Ran) -> Ran:
    """The run, if all of its output is JSON and valid, and its log is short, clean and without a traceback."""
    # Neither NaN nor half a character may be in it.
    json.dumps(ran.messages, allow_nan=False, ensure_ascii=False).encode()
    for stream, schema in SCHEMAS.items():
        validator = Draft7Validator(schema, format_checker=FORMATS)
        for record in ran.records(stream):
            validator.validate(record)
            assert record.keys() == schema["properties"].keys()
    assert "Traceback" not in ran.log
    assert not ran.verdict.startswith("A bug")
    assert len(ran.log) < LONGEST_LOG
    for line in [*ran.log.splitlines(), ran.verdict]:
        assert len(line) < LONGEST_LINE
        assert line.isprintable()
    return ran


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))


def listing(zuora: Zuora, *jobs: str) -> None:
    """Let Zuora answer with exactly these jobs."""
    zuora.faults.add(Fault(LIST_OF_JOBS, status=200, body='{"result": [' + ", ".join(jobs) + '], "size": 0}'))


# Large answers.


@pytest.mark.parametrize("field", ["createdById", "status"])
def test_a_text_of_ten_megabytes_is_emitted_as_it_is(tap: Tap, zuora: Zuora, field: str) -> None:
    zuora.put_job(E1, job(1, **{field: TEN_MEGABYTES}))
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.records()[0][field] == TEN_MEGABYTES) == (0, True)


@pytest.mark.parametrize("field", ["updateTime", "progressPercentage", "unknown"])
@pytest.mark.parametrize("digit", ["x", "9"])
def test_ten_megabytes_that_cannot_be_kept_are_reported_in_one_line(
    tap: Tap, zuora: Zuora, field: str, digit: str
) -> None:
    zuora.put_job(E1, job(1, **{field: digit * 10_000_000}))
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.records()[0].get(field)) == (0, None)
    assert field in ran.log


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize("shape", ["text", "message", "reason", "field"])
def test_an_error_of_ten_megabytes_is_reported_in_one_line(tap: Tap, zuora: Zuora, status: int, shape: str) -> None:
    body = {
        "text": TEN_MEGABYTES,
        "message": {"success": False, "message": TEN_MEGABYTES, "requestId": TEN_MEGABYTES},
        "reason": {"success": False, "reasons": [{"code": TEN_MEGABYTES, "message": TEN_MEGABYTES}]},
        "field": {TEN_MEGABYTES: 1},
    }[shape]
    zuora.faults.add(Fault(LIST_OF_JOBS, status=status, body=json.dumps(body)))
    headers = {"zuora-request-id": "r" * 5000, "zuora-track-id": "t" * 5000}
    zuora.faults.add(Fault(f"/test-environments/{E2}/jobs", status=400, headers=headers))
    ran = sound(tap(only=JOBS, test_environments=[E1, E2], max_attempts=1))
    assert (ran.code, ran.ids()) == (1, [])


def test_an_id_of_ten_megabytes_is_reported_in_one_line(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1, id=TEN_MEGABYTES, progressPercentage="half"))
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.ids() == [TEN_MEGABYTES]) == (0, True)


def test_ten_thousand_unknown_fields_are_reported_in_twenty_lines_and_a_count(tap: Tap, zuora: Zuora) -> None:
    zuora.put_job(E1, job(1) | {f"field{number}": number for number in range(10_000)})
    ran = sound(tap(only=JOBS))
    assert (ran.code, len(ran.ids())) == (0, 1)
    assert ran.log.count("with an unknown field, left out") == 20
    assert "and 9,980 more with an unknown field" in ran.log


def test_ten_thousand_rows_that_are_not_jobs_are_reported_in_twenty_lines_and_a_count(tap: Tap, zuora: Zuora) -> None:
    listing(zuora, json.dumps(job(1)), *["7"] * 10_000)
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(1)["id"]], None)
    assert "(and 9,999 more, named above)" in ran.verdict


def test_a_million_rows_that_are_not_jobs_cost_little(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment(environment(E2))
    zuora.put_job(E2, job(2, E2))
    listing(zuora, ", ".join(["0"] * 1_000_000), json.dumps(job(1)))
    began = time.process_time()
    ran = sound(tap(only=JOBS))
    # The emulator is in this process as well.
    assert time.process_time() - began < 5
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(1)["id"], job(2)["id"]], None)
    assert "and 999,999 more" in ran.verdict


# Strange answers.


@pytest.mark.parametrize("depth", [10, 100, 500, 800, 900, 930, 950, 960, 970, 980, 990, 1000, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("field", ["createdById", "progressPercentage", "updateTime", "id", "unknown"])
def test_what_is_nested_deeply_is_left_out_or_not_read_at_all(
    tap: Tap, zuora: Zuora, depth: int, brackets: str, field: str
) -> None:
    nested = "[" * depth + "]" * depth if brackets == "[]" else '{"a":' * depth + "1" + "}" * depth
    listing(zuora, json.dumps(job(1)), f'{{"id": "deep", "{field}": {nested}}}')
    zuora.put_environment(environment(E2))
    zuora.put_job(E2, job(2, E2))
    ran = sound(tap(only=JOBS, max_attempts=1))
    assert (ran.ids()[-1], ran.code) in [(job(2)["id"], 0), (job(2)["id"], 1)]
    if field != "id" and depth <= 500:
        assert (ran.code, ran.ids()) == (0, [job(1)["id"], "deep", job(2)["id"]])


def test_if_a_field_appears_twice_the_later_one_counts(tap: Tap, zuora: Zuora) -> None:
    listing(zuora, '{"id": "not this", "id": "this", "status": "NEW", "status": "COMPLETED", "status": "FAILED"}')
    ran = sound(tap(only=JOBS))
    assert [(each["id"], each["status"]) for each in ran.records()] == [("this", "FAILED")]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999999999", "-1E+400", "1" * 4000])
@pytest.mark.parametrize("field", ["progressPercentage", "updateTime", "jobEndTime"])
def test_nan_or_a_number_that_is_far_too_large_becomes_null(tap: Tap, zuora: Zuora, field: str, value: str) -> None:
    listing(zuora, f'{{"id": "a", "{field}": {value}}}')
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.records()[0][field]) == (0, None)
    assert f"its {field} is not of its type and becomes null" in ran.log


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["createdById", "status"])
def test_nan_is_not_a_text(tap: Tap, zuora: Zuora, field: str, value: str) -> None:
    listing(zuora, f'{{"id": "a", "{field}": {value}}}')
    assert sound(tap(only=JOBS)).records()[0][field] is None


@pytest.mark.parametrize("value", ["NaN", "1e5", "true", "null", '""', "[]", "{}"])
def test_nan_is_not_the_id_of_a_row(tap: Tap, zuora: Zuora, value: str) -> None:
    listing(zuora, json.dumps(job(1)), f'{{"id": {value}}}')
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(1)["id"]], None)


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "9" * 100_000, "1e99999999999999999999"])
def test_a_number_that_cannot_be_read_fails_only_its_list(tap: Tap, zuora: Zuora, number: str) -> None:
    listing(zuora, f'{{"id": "a", "progressPercentage": {number}}}')
    zuora.put_environment(environment(E2))
    zuora.put_job(E2, job(2, E2))
    ran = sound(tap(only=JOBS))
    assert (ran.code, ran.ids(), ran.bookmark()) == (1, [job(2)["id"]], None)


@pytest.mark.parametrize("status", ["NEW", "COMPLETED"])
@pytest.mark.parametrize("field", [*sorted(SCHEMAS[JOBS]["properties"].keys() - {"testEnvironmentId"}), "unkn\ud800wn"])
def test_half_a_character_anywhere_in_a_job_leaves_the_output_whole(
    tap: Tap, zuora: Zuora, field: str, status: str
) -> None:
    zuora.put_job(E1, {"id": "a", "status": status, field: f"{field}\udfff"}, job_id="a")
    ran = sound(tap(only=JOBS))
    (record,) = ran.records()
    assert (ran.code, "\ufffd" in str(record.get(field))) == (0, SCHEMAS[JOBS]["properties"].get(field) in TEXTS)
    again = sound(tap(only=JOBS, state=ran.state))
    assert again.code == 0


@pytest.mark.parametrize("status", ["NEW", "COMPLETED"])
@pytest.mark.parametrize("field", [*sorted(SCHEMAS[JOBS]["properties"].keys() - {"testEnvironmentId"}), "unkn\0wn"])
def test_a_nul_anywhere_in_a_job_leaves_the_output_whole(tap: Tap, zuora: Zuora, field: str, status: str) -> None:
    zuora.put_job(E1, {"id": "a", "status": status, field: f"{field}\0"}, job_id="a")
    ran = sound(tap(only=JOBS))
    (record,) = ran.records()
    assert (ran.code, "\ufffd" in str(record.get(field))) == (0, SCHEMAS[JOBS]["properties"].get(field) in TEXTS)
    again = sound(tap(only=JOBS, state=ran.state))
    assert (again.code, len(again.ids())) == (0, 1)


def test_half_a_character_in_an_error_is_not_repeated(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=400, json={"message": "a\ud800b", "requestId": "\udfff"}))
    assert '"a b"' in sound(tap(only=JOBS)).verdict


def test_control_characters_in_an_error_stay_out_of_the_log(tap: Tap, zuora: Zuora) -> None:
    zuora.faults.add(Fault(LIST_OF_JOBS, status=400, json={"message": "a\r\n\x1b[2J\x00\u2028b"}))
    assert '"a [2J b"' in sound(tap(only=JOBS)).verdict


@pytest.mark.parametrize("character", "\u202e\u2066\u200b\ufeff\u00ad\ue000\u3164\u2800", ids=ascii)
def test_an_invisible_character_in_an_error_an_id_or_a_field_stays_out_of_the_log(
    tap: Tap, zuora: Zuora, character: str
) -> None:
    zuora.put_environment(environment(E2))
    zuora.faults.add(Fault(LIST_OF_JOBS, status=400, json={"message": f"a{character}b", "processId": f"c{character}d"}))
    zuora.put_job(E2, {"id": f"e{character}f", f"g{character}h": 1, "jobEndTime": f"i{character}j"}, job_id="a")
    ran = sound(tap(only=JOBS))
    assert ran.ids() == [f"e{character}f"]
    assert character not in ran.log + ran.verdict
    assert [ran.log.count(each) > 0 for each in ("a b", "c d", "e f", "g h")] == [True] * 4


# Values of another type, in each field.

WRONG: list[Any] = [True, False, 7, -7, 7.5, 0, "", "text", "7", [], [1], {}, {"a": 1}, 2**63, -(2**63), 10**100]


@pytest.mark.parametrize("field", SCHEMAS[JOBS]["properties"])
def test_a_job_with_a_value_of_any_type_in_a_field_gives_a_valid_record_or_is_named(
    tap: Tap, zuora: Zuora, field: str
) -> None:
    for number, value in enumerate(WRONG):
        zuora.put_job(E1, {"id": f"j{number}", "status": "NEW", field: value}, job_id=str(number))
    zuora.put_job(E1, job(99))
    ran = sound(tap(only=JOBS))
    # A number is an id too.
    strangers = 9 if field == "id" else 0
    assert (ran.code, ran.ids()[-1]) == (int(strangers > 0), job(99)["id"])
    assert len(ran.ids()) == len(WRONG) + 1 - strangers
    again = sound(tap(only=JOBS, state=ran.state))
    assert (again.code, len(again.ids())) == (ran.code, len(ran.ids()))


@pytest.mark.parametrize("field", SCHEMAS[ENVIRONMENTS]["properties"])
def test_an_environment_with_a_value_of_any_type_in_a_field_gives_a_valid_record_or_is_named(
    tap: Tap, zuora: Zuora, field: str
) -> None:
    for number, value in enumerate(WRONG):
        zuora.put_environment({"id": f"e{number}", field: value}, environment_id=f"e{number}")
    ran = sound(tap(only=ENVIRONMENTS))
    strangers = 9 if field == "id" else 0
    assert (ran.code, ran.ids(ENVIRONMENTS)[0]) == (int(strangers > 0), E1)
    assert len(ran.ids(ENVIRONMENTS)) == len(WRONG) + 1 - strangers


@pytest.mark.parametrize("status", ["A_NEW_ONE", "completed", " COMPLETED", "COMPLETED\x00", "\u017f", "x" * 10_000])
def test_a_job_of_an_unknown_status_is_emitted_as_it_is_and_again(tap: Tap, zuora: Zuora, status: str) -> None:
    zuora.put_job(E1, job(1, status=status))
    ran = sound(tap(only=JOBS))
    again = sound(tap(only=JOBS, state=ran.state))
    assert [each["status"] for each in ran.records() + again.records()] == [status.replace("\0", "\ufffd")] * 2


@pytest.mark.parametrize(
    "definition",
    [
        *({"type": each} for each in ("string", "integer", "number", "boolean", "array", "object")),
        *({"type": [each, "null"]} for each in ("string", "integer", "number", "boolean", "array", "object")),
        *({"type": ["string", "null"], "format": each} for each in ("date-time", "date", "time", "uuid")),
        {"type": ["integer", "string"], "format": "date-time"},
        {"type": ["integer", "array", "null"]},
        {"anyOf": [{"type": "boolean"}, {"type": "string", "format": "date-time"}]},
        {"oneOf": [{"type": "object"}, {"type": "null"}]},
        {},
    ],
    ids=str,
)
def test_a_target_accepts_a_value_of_any_type_in_a_field_of_any_declared_type(
    tap: Tap, zuora: Zuora, definition: dict[str, Any]
) -> None:
    values = [
        *WRONG,
        None,
        "2019-08-24",
        "14:15:22",
        "2019-08-24t14:15:60z",
        "\0",
        ["\0", {"\ud800": "\0"}],
        "true",
        0.1,
    ]
    for number, value in enumerate(values):
        zuora.put_job(E1, {"id": f"j{number}", "status": "NEW", "declared": value}, job_id=str(number))
    zuora.put_job(E1, {"id": "without", "status": "NEW"})
    catalog = tap.catalog(JOBS)
    for stream in catalog["streams"]:
        stream["schema"]["properties"]["declared"] = definition
    ran = tap("--catalog", tap.file("given.json", catalog))
    assert (ran.code, len(ran.ids()), ran.verdict[:5]) == (0, len(values) + 1, "Done:")
    arrived = [value for record in ran.records() if (value := record.get("declared")) is not None]
    assert arrived, "each of these types has a value"


# Dates.

DATES: list[tuple[object, str | None]] = [
    ("2019-08-24T14:15:22Z", "2019-08-24T14:15:22Z"),
    ("2019-08-24T14:15:22.500Z", "2019-08-24T14:15:22.500Z"),
    ("2019-08-24T14:15:22.500-08:00", "2019-08-24T14:15:22.500-08:00"),
    ("2019-08-24T14:15:22+0800", "2019-08-24T06:15:22Z"),
    ("2019-08-24T14:15:22.500 UTC", "2019-08-24T14:15:22.500Z"),
    ("2019-08-24T14:15:22.123456789Z", "2019-08-24T14:15:22.123456789Z"),
    ("2019-08-24 14:15:22", "2019-08-24T14:15:22Z"),
    ("2019-08-24 14:15:22.123456789+0800", "2019-08-24T06:15:22.123456789Z"),
    ("2019-08-24T14:15:22", "2019-08-24T14:15:22Z"),
    ("2019-08-24", "2019-08-24T00:00:00Z"),
    (1566656122000, "2019-08-24T14:15:22Z"),
    ("1566656122500", "2019-08-24T14:15:22.5Z"),
    (1566656122000.0, "2019-08-24T14:15:22Z"),
    (-62135596800000, "0001-01-01T00:00:00Z"),
    (253402300799999, "9999-12-31T23:59:59.999Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59"),
    ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59-23:59"),
    ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ("2016-12-31T15:59:60.5-08:00", "2016-12-31T16:00:00.5-08:00"),
    ("2016-12-31 23:59:60", "2017-01-01T00:00:00Z"),
    ("2019-08-24t14:15:22.5z", "2019-08-24T14:15:22.5Z"),
    ("2019-08-24t14:15:22-08:00", "2019-08-24T14:15:22-08:00"),
    ("9999-12-31T23:59:60Z", None),
    ("9999-12-31T23:59:60-08:00", None),
    ("0001-01-01 00:00:00+2359", None),
    ("9999-12-31 23:59:59-2359", None),
    (-62135596800001, None),
    (253402300800000, None),
    (10**40, None),
    (1566656122000.5, None),
    ("0000-01-01T00:00:00Z", None),
    ("10000-01-01T00:00:00Z", None),
    ("2019-02-29T00:00:00Z", None),
    ("2019-13-01T00:00:00Z", None),
    ("2019-08-24T24:00:00Z", None),
    ("2019-08-24T14:60:22Z", None),
    ("2019-08-24T14:15:22+24:00", None),
    ("2019-08-24T14:15:22Z\n", None),
    ("2019-08-24T14:15:22Z\x00", None),
    ("\uff12\uff10\uff11\uff19-08-24T14:15:22Z", None),
    ("24.08.2019", None),
    ("Sat, 24 Aug 2019 14:15:22 GMT", None),
    ("now", None),
    ("", None),
    (True, None),
    ([2019, 8, 24], None),
]


@pytest.mark.parametrize("field", ["updateTime", "jobEndTime"])
def test_a_date_in_any_form_arrives_as_rfc_3339_and_anything_else_as_null(tap: Tap, zuora: Zuora, field: str) -> None:
    for number, (sent, _) in enumerate(DATES):
        zuora.put_job(E1, {"id": f"{number}", "status": "COMPLETED", field: sent})
    ran = sound(tap(only=JOBS))
    assert [(sent, record[field]) for (sent, _), record in zip(DATES, ran.records(), strict=True)] == DATES


@pytest.mark.parametrize(("sent", "arrives"), [each for each in DATES if each[1]], ids=lambda each: str(each)[:32])
def test_a_bookmark_of_any_date_is_read_again_and_loses_nothing(
    tap: Tap, zuora: Zuora, sent: object, arrives: str
) -> None:
    zuora.put_job(E1, {"id": "first", "status": "COMPLETED", "updateTime": sent})
    ran = sound(tap(only=JOBS))
    zuora.put_job(E1, {"id": "second", "status": "COMPLETED", "updateTime": "9999-12-31T23:59:59Z"})
    again = sound(tap(only=JOBS, state=ran.state))
    assert (ran.code, again.code) == (0, 0)
    assert ran.records()[0]["updateTime"] == arrives
    # The inclusive bookmark brings the first one again, unless it names an instant that no bookmark can.
    assert again.ids() == ["first", "second"] or sent == "0001-01-01T00:00:00+23:59"
    assert again.ids()[-1] == "second"


# Ids and settings that try to leave their place.

HOSTILE = {
    "dots": "..",
    "dot": ".",
    "escaped dots": "%2e%2e",
    "slash": "a/b",
    "backslash": "a\\b",
    "query": "?a=b",
    "fragment": "#",
    "10 kB": "x" * 10_240,
    "newline": "a\nb",
    "newline at its end": "a\n",
    "header": "a\r\nX-Other: 1",
    "NUL": "a\x00b",
    "space": " ",
    "not ASCII": "é",
    "half a character": "a\ud800",
    "placeholder": "{jobId}",
    "another environment": f"{E1}/../{E2}",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "place", ["environment", "environment with jobs", "job", "entity_id", "track_id", "start_date"]
)
def test_a_hostile_setting_is_refused_in_a_line_that_does_not_repeat_it(
    tap: Tap, zuora: Zuora, hostile: str, place: str
) -> None:
    value: Any = {
        "environment": [hostile],
        "environment with jobs": [{"id": hostile, "job_ids": ["a"]}],
        "job": [{"id": E1, "job_ids": ["a", hostile]}],
    }.get(place, hostile)
    setting = place if place.endswith(("_id", "_date")) else "test_environments"
    if setting == "track_id" and re.fullmatch(r"[\x21-\x7e]{1,64}", hostile):
        # A header accepts what a path does not.
        assert sound(tap(track_id=value)).code == 0
        assert zuora.requests
        return
    ran = sound(tap(**{setting: value}))
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith(f"Misconfigured: Setting `{setting}` ")
    assert len(hostile) < 3 or hostile not in ran.verdict + ran.log


@pytest.mark.parametrize("setting", ["base_url", "user_agent", "access_token", "client_id", "client_secret"])
@pytest.mark.parametrize("hostile", ["10 kB", "newline at its end", "header", "NUL", "half a character"])
def test_a_hostile_word_in_any_other_setting_ends_in_one_clean_line(
    tap: Tap, zuora: Zuora, setting: str, hostile: str
) -> None:
    config: dict[str, Any] = {setting: HOSTILE[hostile]}
    if setting == "access_token":
        config |= {"client_id": None, "client_secret": None}
    ran = sound(tap(**config))
    assert (ran.code, ran.records(JOBS)) == (0 if (setting, hostile) == ("user_agent", "10 kB") else 2, [])
    assert all("\n" not in each.headers.get("user-agent", "") for each in zuora.requests)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_discovered_environment_whose_id_cannot_be_in_a_path_is_named_and_not_requested(
    tap: Tap, zuora: Zuora, hostile: str
) -> None:
    zuora.put_environment({"id": hostile, "status": "ACTIVE"}, environment_id="hostile")
    zuora.put_environment(environment(E2))
    zuora.put_job(E1, job(1))
    zuora.put_job(E2, job(2, E2))
    ran = sound(tap())
    # The others and the row itself are emitted.
    assert (ran.code, ran.ids()) == (1, [job(1)["id"], job(2)["id"]])
    assert ran.ids(ENVIRONMENTS) == [E1, hostile.replace("\ud800", "\ufffd").replace("\0", "\ufffd"), E2]
    assert "is not requested: an id in it is not a plain path segment" in ran.verdict
    assert "{" not in ran.verdict or hostile == HOSTILE["placeholder"]
    assert sorted(paths(zuora)) == sorted([ENVIRONMENTS_PATH, LIST_OF_JOBS, f"/test-environments/{E2}/jobs"])
    assert len(ran.state["bookmarks"][JOBS]["partitions"]) == 2


def test_a_discovered_environment_whose_id_is_a_number_is_requested_by_its_digits(tap: Tap, zuora: Zuora) -> None:
    zuora.put_environment({"id": 7}, environment_id="7")
    zuora.put_job("7", {"id": 70, "testEnvironmentId": 7, "status": "NEW"})
    ran = sound(tap())
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (0, ["70"], [E1, "7"])
    assert "/test-environments/7/jobs" in paths(zuora)
    assert ran.bookmark("7")["unfinished"] == ["70"]


def test_the_environments_own_path_as_the_id_of_a_job_is_not_requested(tap: Tap, zuora: Zuora) -> None:
    ran = sound(tap(test_environments=[{"id": E1, "job_ids": [".."]}]))
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)


# Tokens.


@pytest.mark.parametrize(
    "lifetime", ["NaN", "Infinity", "-1", "0", "1e400", "1" * 400, '"soon"', "[]", "{}", "null", "true"]
)
def test_a_token_with_any_lifetime_is_used(tap: Tap, zuora: Zuora, lifetime: str) -> None:
    zuora.put_job(E1, job(1))
    body = f'{{"access_token": "{zuora.tokens.issue()}", "expires_in": {lifetime}}}'
    zuora.faults.add(Fault("/oauth/token", status=200, body=body))
    assert sound(tap()).ids() == [job(1)["id"]]


@pytest.mark.parametrize(
    "token",
    ["", "e", "1234567", " " * 8, "a b c d e", "a\r\nX-Other: 1", "a\x00" * 8, "é" * 8, "\ud800" * 8, 7, None, [], {}],
)
def test_what_cannot_be_a_token_ends_the_run_before_it_is_sent(tap: Tap, zuora: Zuora, token: object) -> None:
    zuora.faults.add(Fault("/oauth/token", status=200, json={"access_token": token, "expires_in": 60}))
    ran = sound(tap())
    assert (ran.code, paths(zuora)) == (2, [])
    assert ran.verdict.startswith("Misconfigured: POST /oauth/token at ")
    assert "client_id" not in ran.verdict
