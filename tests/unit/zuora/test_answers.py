from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.zuora.answers import (
    Document,
    Response,
    described,
    document,
    error,
)
from tap_zuora_testenv.zuora.errors import (
    Exchange,
    NotFound,
    PermissionRefused,
    TokenRejected,
    Transient,
    ZuoraError,
)
from tap_zuora_testenv.zuora.rows import listed_rows, one_row

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
LONGEST_MESSAGE = 1200


def answered(status: int, body: object = b"", **headers: str) -> Response:
    """A response; a body that is not bytes is written as JSON, and `retry_after` becomes the header Retry-After."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Response(Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com"), status, named, raw, NOW)


def with_code(code: object) -> dict[str, Any]:
    return {"success": False, "reasons": [{"code": code, "message": "so it is"}]}


def failure(response: Response) -> ZuoraError:
    with pytest.raises(ZuoraError) as caught:
        document(response)
    return caught.value


def exchange_of(response: Response) -> Exchange:
    exchange = failure(response).exchange
    assert exchange is not None
    return exchange


# What a response means.


@pytest.mark.parametrize("status", [200, 201])
def test_a_job_is_a_document(status: int) -> None:
    response = answered(status, {"id": "j", "status": "NEW"})
    assert document(response) == Document({"id": "j", "status": "NEW"}, response)


@pytest.mark.parametrize(
    "body", [{"result": [], "size": 0}, {"size": 0}, {"access_token": "t"}, {"id": "j", "success": True}]
)
def test_a_list_and_a_token_are_documents(body: dict[str, Any]) -> None:
    assert document(answered(200, body)).content == body


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (50000010, PermissionRefused),
        (50000011, TokenRejected),
        (50000020, ZuoraError),
        (50000025, ZuoraError),
        (50000030, ZuoraError),
        (50000040, NotFound),
        ("50000040", NotFound),
        (50000050, Transient),
        (50000060, Transient),
        (50000061, Transient),
        ("50000061", Transient),
        (50000070, Transient),
        (50000099, Transient),
    ],
)
def test_the_last_two_digits_of_a_code_say_what_is_wrong_whatever_the_status(
    status: int, code: object, meaning: type
) -> None:
    assert type(failure(answered(status, with_code(code)))) is meaning


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (301, ZuoraError),
        (302, ZuoraError),
        (304, ZuoraError),
        (400, ZuoraError),
        (401, TokenRejected),
        (403, PermissionRefused),
        (404, NotFound),
        (405, ZuoraError),
        (409, ZuoraError),
        (422, ZuoraError),
        (429, Transient),
        (500, Transient),
        (408, Transient),
        (501, ZuoraError),
        (502, Transient),
        (503, Transient),
        (504, Transient),
        (505, ZuoraError),
        (506, Transient),
        (507, Transient),
        (511, ZuoraError),
        (520, Transient),
        (522, Transient),
        (524, Transient),
        (599, Transient),
        (600, ZuoraError),
        (999, ZuoraError),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b"[]",
        b"null",
        b'"no"',
        {},
        {"message": "no"},
        {"code": "no", "message": "no"},
        {"success": False, "reasons": []},
        {"reasons": [{"message": "no"}]},
        {"reasons": "no"},
        {"reasons": [None, 5, "no"]},
        with_code(None),
        with_code([]),
        with_code(50000077),
        with_code("NotACode"),
    ],
    ids=str,
)
def test_without_a_known_code_the_status_says_what_is_wrong(status: int, body: object, meaning: type) -> None:
    assert type(failure(answered(status, body))) is meaning


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (500, with_code(50000020), ZuoraError),
        (500, with_code(50000040), NotFound),
        (502, with_code(50000010), PermissionRefused),
        (403, with_code(50000070), Transient),
        (403, with_code(50000040), NotFound),
        (404, with_code(50000061), NotFound),
        (400, {"code": 53100050, "message": "locked"}, Transient),
        (400, {"code": "53100020", "message": "wrong"}, ZuoraError),
        (400, {"reasons": [{"code": "Odd"}, {"code": 50000061}]}, Transient),
        (400, {"reasons": [{"code": 50000077}, {"code": 50000040}]}, NotFound),
    ],
)
def test_a_code_counts_more_than_the_status_beside_it(status: int, body: object, meaning: type) -> None:
    assert type(failure(answered(status, body))) is meaning


@pytest.mark.parametrize("code", [403, "404", 40, 50, 70])
def test_a_short_number_for_a_code_is_a_gateways_status_and_not_a_kind(code: object) -> None:
    assert type(failure(answered(400, {"code": code, "message": "?"}))) is ZuoraError
    assert type(failure(answered(500, {"code": code, "message": "?"}))) is Transient


def test_a_refusal_of_the_token_that_is_a_fault_in_zuora_is_transient() -> None:
    assert type(failure(answered(401, {"message": "Failed to get user info."}))) is Transient


def test_a_redirect_is_reported_as_one() -> None:
    assert "redirects are not followed" in str(failure(answered(302, HTML)))


@pytest.mark.parametrize("body", [HTML, b"", b"{", b'{"id": "j"', b"\xff\xfe\x00", b'{"id": "j"} and more'])
def test_a_success_that_is_not_json_is_transient(body: bytes) -> None:
    assert type(failure(answered(200, body))) is Transient


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"true"])
def test_a_success_that_is_json_but_not_an_object_is_an_error(body: bytes) -> None:
    assert type(failure(answered(200, body))) is ZuoraError


def test_an_error_is_one_although_it_has_an_id() -> None:
    assert type(failure(answered(200, {**with_code(50000040), "id": "j"}))) is NotFound


def test_a_success_without_anything_that_was_requested_is_an_error() -> None:
    assert type(failure(answered(200, {"status": "UP"}))) is ZuoraError


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_answer_nested_too_deeply_to_read_is_transient_or_judged_by_its_status(status: int) -> None:
    deep = b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert type(failure(answered(status, deep))) is (ZuoraError if status == 400 else Transient)


@pytest.mark.parametrize(
    "body", [b'{"id": "j", "x": 1e99999999999999999999}', b'{"id": "j", "x": ' + b"9" * 5000 + b"}"]
)
def test_a_number_too_large_to_read_is_transient(body: bytes) -> None:
    assert type(failure(answered(200, body))) is Transient


def test_numbers_are_read_exactly() -> None:
    read = document(answered(200, b'{"id": "j", "a": 0.1, "b": 12345678901234567890.5}')).content
    assert [str(read["a"]), str(read["b"])] == ["0.1", "12345678901234567890.5"]


def test_nan_is_read_and_left_to_the_schema() -> None:
    assert document(answered(200, b'{"id": "j", "x": NaN}')).content["id"] == "j"


def test_if_a_field_appears_twice_the_later_one_counts() -> None:
    assert document(answered(200, b'{"id": "a", "id": "b"}')).content == {"id": "b"}


def test_half_a_character_in_a_message_is_not_repeated() -> None:
    sentence = str(failure(answered(400, b'{"message": "a\\ud800b"}')))
    assert 'saying "a b"' in sentence
    assert sentence.encode()


# How long to wait, and which requests.


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("10", 10.0),
        (" 10 ", 10.0),
        ("0", None),
        ("00", None),
        ("3600", 3600.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 13:00:30 +0100", 30.0),
        ("Thu, 01 Jan 2026 12:00:30", 30.0),
        ("Thu, 01 Jan 2026 12:00:00 GMT", None),
        ("Thu, 01 Jan 2026 11:00:00 GMT", None),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("9" * 400, None),
        ("²", None),
        ("Thu, 99 Jan 2026 12:00:30 GMT", None),
        ("Thu, 01 Jan 99999 12:00:30 GMT", None),
        ("Thu, 01 Jan 2026 12:00:30 +9999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(status: int, retry_after: str, wait: float | None) -> None:
    error = failure(answered(status, retry_after=retry_after))
    assert isinstance(error, Transient)
    assert error.wait == wait


@pytest.mark.parametrize(("reset", "wait"), [("7", 7.0), ("0", None), ("soon", None), ("", None), ("-1", None)])
def test_without_retry_after_the_reset_of_the_limit_counts(reset: str, wait: float | None) -> None:
    error = failure(answered(429, ratelimit_reset=reset))
    assert isinstance(error, Transient)
    assert error.wait == wait


NOON = int(NOW.timestamp())


@pytest.mark.parametrize("header", ["retry_after", "ratelimit_reset"])
@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (str(NOON + 30), 30.0),
        (str(1000 * NOON + 30_500), 30.5),
        (str(NOON), None),
        (str(NOON - 30), None),
        ("999999999", 999_999_999.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
    ],
)
def test_a_wait_may_be_given_as_a_time(header: str, value: str, wait: float | None) -> None:
    error = failure(answered(429, **{header: value}))
    assert isinstance(error, Transient)
    assert error.wait == wait


@pytest.mark.parametrize("hours", [-2, 2])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("retry_after", "Thu, 01 Jan 2026 12:00:30 GMT"),
        ("retry_after", str(NOON + 30)),
        ("ratelimit_reset", str(NOON + 30)),
    ],
)
def test_a_time_is_by_the_clock_of_the_server_and_not_by_ours(header: str, value: str, hours: int) -> None:
    response = answered(429, date="Thu, 01 Jan 2026 12:00:00 GMT", **{header: value})
    error = failure(response._replace(received_at=NOW + timedelta(hours=hours)))
    assert isinstance(error, Transient)
    assert error.wait == 30


@pytest.mark.parametrize("date", ["", "now", "Thu, 99 Jan 2026 12:00:00 GMT"])
def test_a_time_is_by_our_clock_if_the_server_shows_none(date: str) -> None:
    error = failure(answered(429, date=date, retry_after="Thu, 01 Jan 2026 12:00:30 GMT"))
    assert isinstance(error, Transient)
    assert error.wait == 30


@pytest.mark.parametrize(("retry_after", "wait"), [("3", 3.0), ("soon", 60.0), ("", 60.0)])
def test_retry_after_takes_precedence_over_the_reset_of_the_limit(retry_after: str, wait: float) -> None:
    error = failure(answered(429, retry_after=retry_after, ratelimit_reset="60"))
    assert isinstance(error, Transient)
    assert error.wait == wait


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_statuses_cannot_ask_to_wait(status: int) -> None:
    error = failure(answered(status, retry_after="10", ratelimit_reset="10"))
    assert isinstance(error, Transient)
    assert error.wait is None


@pytest.mark.parametrize(
    ("response", "pauses_all"),
    [
        (answered(429), True),
        (answered(429, retry_after="5"), True),
        (answered(200, with_code(50000070)), True),
        (answered(400, with_code(50000070)), True),
        (answered(503, retry_after="5"), True),
        (answered(503), False),
        (answered(500), False),
        (answered(502), False),
        (answered(400, with_code(50000061)), False),
        (answered(200, HTML), False),
    ],
)
def test_a_limit_pauses_all_and_a_fault_does_not(response: Response, *, pauses_all: bool) -> None:
    error = failure(response)
    assert isinstance(error, Transient)
    assert error.pauses_all is pauses_all


# What a message contains.


def test_a_message_has_the_request_and_the_ids_that_support_asks_for() -> None:
    body = {"success": False, "processId": "P1", "requestId": "R1", "reasons": [{"code": 50000020, "message": "why"}]}
    sentence = str(failure(answered(400, body, zuora_track_id="T1")))
    for part in ("GET /test-environments/e/jobs/j at rest.zuora.com answered 400", "P1", "R1", "T1", '"why"'):
        assert part in sentence


def test_the_request_id_of_the_header_takes_precedence_over_that_of_the_body() -> None:
    assert exchange_of(answered(400, {"requestId": "R1"}, zuora_request_id="R2")).request_id == "R2"


def test_a_request_id_that_is_a_number_is_kept() -> None:
    assert exchange_of(answered(400, {"requestId": 17})).request_id == "17"


def test_the_description_of_an_oauth_error_is_shown() -> None:
    body = {"error": "invalid_client", "error_description": "Invalid client id"}
    assert 'saying "Invalid client id"' in str(failure(answered(401, body)))


def test_the_text_of_a_gateway_is_shown() -> None:
    assert "502 Bad Gateway" in str(failure(answered(200, HTML)))
    assert "502 Bad Gateway" in str(failure(answered(502, HTML)))


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize("before", [b"", b" " * 990, "é".encode() * 100])
def test_a_secret_that_an_answer_repeats_is_in_no_message_nor_is_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch, status: int, before: bytes
) -> None:
    monkeypatch.setattr(REDACTION, "_forms", set())
    monkeypatch.setattr(REDACTION, "_pattern", None)
    REDACTION.conceal(["Sesame-Open-7654321"])
    sentence = str(failure(answered(status, before + b"Sesame-Open-7654321 is wrong")))
    assert "Sesame" not in sentence


# Arbitrary responses.

names = st.sampled_from(
    ["id", "result", "success", "reasons", "code", "message", "requestId", "processId", "testEnvironmentId", "é"]
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from([50000040, "50000061", 10, "\ud800"]),
)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=12
)
deep = st.integers(1, 3000).map(lambda depth: b'{"id": "j", "requestId": ' + b"[" * depth + b"]" * depth + b"}")
vast = st.integers(1, 10**25).map(lambda exponent: b'{"id": "j", "reasons": [{"code": 1e%d}]}' % exponent)
bodies = st.one_of(st.binary(), trees.map(json.dumps).map(str.encode), deep, vast)
header_texts = st.text(st.characters(max_codepoint=255), max_size=40)
dates = st.from_regex(
    r"(Mon, )?[0-9]{1,2} (Jan|Feb) [0-9]{1,5} [0-9]{2}:[0-9]{2}(:[0-9]{2})?( [+-][0-9]{4}| GMT)?", fullmatch=True
)
header_values = st.one_of(header_texts, dates, st.integers(-1, 10**15).map(str))
headers = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("retry-after", "ratelimit-reset", "zuora-request-id", "zuora-track-id"), header_values),
)


def assert_fit_for_a_log(error: ZuoraError) -> None:
    sentence = str(error)
    assert len(sentence) <= LONGEST_MESSAGE
    assert not {category(character) for character in sentence} & {"Cc", "Cs", "Zl", "Zp"}
    assert sentence.encode()


@given(st.integers(100, 599) | st.sampled_from([200, 401, 429, 503]), bodies, headers)
@example(200, b'{"id": "j", "requestId": ' + b"[" * 940 + b"]" * 940 + b"}", {})
def test_every_response_is_a_document_or_an_error_fit_for_a_log(
    status: int, body: bytes, given_headers: dict[str, str]
) -> None:
    response = answered(status, body, **given_headers)
    try:
        read = document(response)
    except ZuoraError as error:
        assert_fit_for_a_log(error)
        return
    assert type(read.content) is dict
    try:
        for row_error in listed_rows(read).errors:
            assert_fit_for_a_log(row_error)
        one_row(read, "j")
    except ZuoraError as error:
        assert_fit_for_a_log(error)


@given(st.integers(300, 599), bodies, headers)
def test_every_error_response_becomes_an_error_fit_for_a_log(
    status: int, body: bytes, given_headers: dict[str, str]
) -> None:
    assert_fit_for_a_log(error(answered(status, body, **given_headers)))


# The reason, and what to do next.


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (answered(404), "Zuora does not have it; check the id, base_url and entity_id"),
        (
            answered(429),
            "Zuora's limit for this tenant is reached; lower max_parallel_requests or run when less else calls it",
        ),
        (
            answered(500),
            "Zuora has a temporary fault; run again later, and if it persists, give Zuora's support the ids",
        ),
        (
            answered(401, {"message": "Failed to get user info"}),
            "Zuora could not look up the user; run again later",
        ),
        (
            answered(403),
            (
                'the credentials may not read this; their user needs the permission "Refresh Central Sandbox", '
                "and base_url must be the host of the tenant that owns the test environments"
            ),
        ),
        (answered(401), "Zuora does not accept the token; credentials of one host fail on another"),
        (answered(300), "redirects are not followed; check that base_url is a Zuora REST host"),
        (answered(399), "redirects are not followed; check that base_url is a Zuora REST host"),
        (answered(400), "the answer is not what was asked for; check base_url, entity_id and the ids"),
        (answered(511), "the network between here and Zuora requires a sign-in; check the network"),
    ],
    ids=lambda each: str(each.status) if isinstance(each, Response) else "",
)
def test_each_error_names_its_exchange_and_what_to_do_next(response: Response, reason: str) -> None:
    message = "Failed to get user info" if response.body else ""
    error = failure(response)
    assert error.reason == reason
    assert error.exchange == Exchange(
        "GET", "/test-environments/e/jobs/j", "rest.zuora.com", response.status, message=message
    )


def test_only_the_last_two_digits_of_a_code_are_its_kind() -> None:
    assert isinstance(failure(answered(400, with_code(50000140))), NotFound)


def test_at_most_a_thousand_characters_of_a_body_that_is_not_json_are_kept() -> None:
    assert exchange_of(answered(200, b"x" * 2000)).message == "x" * 1000


@pytest.mark.parametrize(
    "body",
    # Words that no test has for a secret.
    [
        b"a page " * 8_000_000,
        b'{"message": "' + b"a text " * 8_000_000 + b'"}',
        b'{"requestId": "' + b"an id " * 8_000_000 + b'"}',
    ],
    ids=["page", "message", "id"],
)
def test_of_a_huge_error_only_the_beginning_is_read(body: bytes) -> None:
    exchange = exchange_of(answered(400, body))
    assert len(exchange.message + (exchange.request_id or "")) == 1000


def test_a_403_with_a_page_may_be_a_gateways() -> None:
    sentence = str(failure(answered(403, HTML)))
    assert "something between here and Zuora may have refused it" in sentence
    assert "Refresh Central Sandbox" in sentence


def test_headers_are_looked_up_in_lower_case() -> None:
    headers = {"zuora-request-id": "R", "zuora-track-id": "T", "ratelimit-reset": "7"}
    request = Exchange("GET", "/p", "rest.zuora.com")
    found = error(Response(request, 429, headers, b"", NOW))
    assert isinstance(found, Transient)
    assert found.exchange is not None
    assert (found.exchange.request_id, found.exchange.track_id, found.wait) == ("R", "T", 7)
    found = error(Response(request, 429, headers | {"retry-after": "9"}, b"", NOW))
    assert isinstance(found, Transient)
    assert found.wait == 9


def test_a_second_is_worth_waiting_for() -> None:
    found = failure(answered(429, retry_after="1", ratelimit_reset="7"))
    assert isinstance(found, Transient)
    assert found.wait == 1


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of the process cannot be set")
def test_a_date_without_a_zone_is_utc_wherever_the_tap_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        found = failure(answered(429, retry_after="Thu, 01 Jan 2026 12:00:30 -0000"))
    time.tzset()
    assert isinstance(found, Transient)
    assert found.wait == 30


def test_a_response_without_an_error_body_is_described_by_its_status_and_headers() -> None:
    response = answered(200, {"id": "j", "requestId": "R1", "message": "fine"}, zuora_request_id="R2")
    assert described(response) == response.exchange._replace(status=200, request_id="R2")
