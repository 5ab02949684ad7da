from __future__ import annotations

import logging

import pytest

from tap_zuora_testenv.outcome import SHOWN, Outcome, RunEnded, counted
from tap_zuora_testenv.records import Loss
from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    NotFound,
    PermissionRefused,
    Transient,
    ZuoraError,
)

JOBS, ENVIRONMENTS = "test_environment_jobs", "test_environments"
EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com", 404)


@pytest.fixture
def outcome(caplog: pytest.LogCaptureFixture) -> Outcome:
    caplog.set_level(logging.DEBUG)
    return Outcome(logging.getLogger("test-outcome"))


def failure(number: int) -> ZuoraError:
    return ZuoraError(Exchange("GET", f"/jobs/{number}", "rest.zuora.com", 400), "it is of no use")


def verdict(outcome: Outcome, *, fails_on_missing: bool = False) -> tuple[int, str]:
    return outcome.verdict(fails_on_missing=fails_on_missing)


@pytest.mark.parametrize(
    ("count", "stream", "words"),
    [
        (0, JOBS, "0 jobs"),
        (1, JOBS, "1 job"),
        (2, JOBS, "2 jobs"),
        (1234567, JOBS, "1,234,567 jobs"),
        (1, ENVIRONMENTS, "1 test environment"),
    ],
)
def test_a_number_of_things_is_told_in_words(count: int, stream: str, words: str) -> None:
    assert counted(count, stream) == words


# The verdict.


def test_a_run_with_nothing_new_is_done(outcome: Outcome) -> None:
    assert verdict(outcome) == (0, "Done: nothing new to emit.")


def test_a_run_that_emitted_is_done_and_says_how_much(outcome: Outcome) -> None:
    outcome.records[JOBS] += 1234
    outcome.records[ENVIRONMENTS] += 1
    assert verdict(outcome) == (0, "Done: emitted 1,234 jobs and 1 test environment.")


def test_a_failure_makes_a_run_incomplete_and_is_the_reason(outcome: Outcome) -> None:
    outcome.records[JOBS] += 2
    outcome.failed(failure(1))
    code, sentence = verdict(outcome)
    assert code == 1
    assert sentence.startswith("Incomplete: GET /jobs/1 at rest.zuora.com answered 400: it is of no use")
    assert sentence == f"Incomplete: {failure(1)}; emitted 2 jobs."


@pytest.mark.parametrize(("failures", "more"), [(2, "1"), (1234, "1,233")])
def test_the_failures_after_the_first_are_counted(outcome: Outcome, failures: int, more: str) -> None:
    for number in range(failures):
        outcome.failed(failure(number))
    sentence = f"Incomplete: {failure(0)} (and {more} more, named above); nothing new to emit."
    assert verdict(outcome) == (1, sentence)


def test_a_dry_run_works_and_says_what_a_run_would_emit(outcome: Outcome) -> None:
    assert outcome.verdict(fails_on_missing=False, is_dry_run=True) == (0, "It works: nothing new to emit.")
    outcome.records[JOBS] += 1
    outcome.read[JOBS] += 2
    assert outcome.verdict(fails_on_missing=False, is_dry_run=True) == (0, "It works: a run would emit 2 jobs.")


def test_of_many_failures_the_first_is_the_reason_and_the_others_are_counted(outcome: Outcome) -> None:
    for number in range(1, 1235):
        outcome.failed(failure(number))
    code, sentence = verdict(outcome)
    assert code == 1
    assert "/jobs/1 " in sentence
    assert "(and 1,233 more" in sentence


def test_what_is_missing_is_told_and_a_run_is_done_all_the_same(outcome: Outcome) -> None:
    outcome.named(JOBS, 2)
    outcome.missing(JOBS, "job j")
    outcome.records[JOBS] += 1
    code, sentence = verdict(outcome)
    assert code == 0
    assert sentence == "Done, but Zuora does not have the job j; emitted 1 job."


def test_of_many_missing_things_the_first_is_named_and_the_others_are_counted(outcome: Outcome) -> None:
    outcome.named(JOBS, 2000)
    for number in range(1235):
        outcome.missing(JOBS, f"job {number}")
    sentence = "Done, but Zuora does not have the job 0 (and 1,234 more, named above); nothing new to emit."
    assert verdict(outcome) == (0, sentence)


def test_what_is_named_in_several_places_is_added_up(outcome: Outcome) -> None:
    outcome.named(JOBS, 1)
    outcome.named(JOBS, 1)
    outcome.missing(JOBS, "job j")
    assert verdict(outcome)[0] == 0


def test_what_is_missing_fails_a_run_when_it_is_to(outcome: Outcome) -> None:
    outcome.named(JOBS, 2)
    outcome.missing(JOBS, "job j")
    code, sentence = verdict(outcome, fails_on_missing=True)
    assert code == 1
    assert sentence == "Failed: Zuora does not have the job j; nothing new to emit."


@pytest.mark.parametrize("fails_on_missing", [True, False])
@pytest.mark.parametrize("stream", [JOBS, ENVIRONMENTS])
def test_a_run_fails_when_nothing_of_what_is_named_exists(
    outcome: Outcome, stream: str, *, fails_on_missing: bool
) -> None:
    outcome.named(stream, 3)
    for number in range(3):
        outcome.missing(stream, f"thing {number}")
    code, sentence = verdict(outcome, fails_on_missing=fails_on_missing)
    assert code == 1
    assert sentence == (
        f"Failed: Zuora has nothing of what the configuration names for {stream}; "
        "check base_url, entity_id and test_environments."
    )


def test_a_failure_is_a_worse_reason_than_what_is_missing(outcome: Outcome) -> None:
    outcome.named(JOBS, 2)
    outcome.missing(JOBS, "job j")
    outcome.failed(failure(1))
    assert verdict(outcome)[1].startswith("Incomplete: ")


def test_the_verdict_is_one_line(outcome: Outcome) -> None:
    outcome.failed(ZuoraError(Exchange("GET", "/p", "h", 400, message="one\ntwo\r\nthree"), "of no use"))
    assert len(verdict(outcome)[1].splitlines()) == 1


# The lists above it.


def test_twenty_failures_are_named_and_the_others_counted(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1025):
        outcome.failed(failure(number))
    assert len(caplog.messages) == SHOWN == 20
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    outcome.log_counts()
    assert caplog.messages[20:] == ["and 1,005 more that failed"]


def test_what_was_shown_in_full_is_not_counted(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        outcome.failed(failure(number))
    outcome.log_counts()
    assert len(caplog.messages) == 20


def test_counts_are_logged_once(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(21):
        outcome.failed(failure(number))
    outcome.log_counts()
    outcome.log_counts()
    assert len(caplog.messages) == 21


def test_losses_are_shown_by_field_and_kind(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for field in ("status", "updateTime"):
        for number in range(21):
            outcome.lost(JOBS, str(number), Loss(field, "is not of its type and becomes null", {"odd": number}))
    outcome.log_counts()
    assert len(caplog.messages) == 2 * 20 + 2
    assert caplog.messages[0] == "job 0: its status is not of its type and becomes null: {'odd': 0}"
    assert caplog.messages[-1] == "and 1 more whose updateTime is not of its type and becomes null"
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_lost_value_is_shown_short_and_clean(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.lost(JOBS, "j", Loss("status", "is odd", "\x1b\ud800" * 500))
    assert len(caplog.messages[0]) < 260
    assert caplog.messages[0].isprintable()


def test_an_unknown_field_is_told_once_a_run(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.unknown_fields(JOBS, {"b", "a"})
    outcome.unknown_fields(JOBS, {"a"})
    outcome.unknown_fields(ENVIRONMENTS, {"b"})
    assert [message[-1] for message in caplog.messages] == ["a", "b"]


def test_a_missing_thing_is_named_with_the_exchange(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.missing(JOBS, "job j", error=NotFound(EXCHANGE, "none"))
    (message,) = caplog.messages
    assert "answered 404" in message
    assert message == f"Zuora does not have the job j ({EXCHANGE})"


def test_what_is_missing_is_named_with_a_hint_when_there_is_one(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.missing(JOBS, "job j")
    outcome.missing(JOBS, "job k", hint="; look again")
    assert caplog.messages == ["Zuora does not have the job j", "Zuora does not have the job k; look again"]


def test_of_what_is_missing_and_of_unknown_fields_twenty_are_named(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(21):
        outcome.missing(JOBS, f"job {number}")
    outcome.unknown_fields(JOBS, {f"f{number}" for number in range(22)})
    outcome.log_counts()
    assert caplog.messages[20] == "Zuora sent jobs with an unknown field, left out: f0"
    assert caplog.messages[40:] == ["and 1 more that Zuora does not have", "and 2 more with an unknown field"]


def test_what_both_streams_miss_is_told_once(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for stream in (JOBS, ENVIRONMENTS):
        outcome.named(stream, 2)
        outcome.missing(stream, "test environment e")
    assert len(caplog.messages) == 1
    assert "more" not in verdict(outcome)[1]


def test_each_error_of_a_list_is_a_separate_failure(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    assert outcome.first_failure is None
    outcome.failed(failure(1), failure(2))
    assert caplog.messages == [str(failure(1)), str(failure(2))]
    assert str(outcome.first_failure) == str(failure(1))
    assert "(and 1 more, named above)" in verdict(outcome)[1]


def test_a_loss_names_the_row_of_its_stream(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.lost(ENVIRONMENTS, "e", Loss("name", "is odd", 5))
    assert caplog.messages == ["test environment e: its name is odd: 5"]


def test_a_failure_of_a_request_that_was_not_sent_is_the_reason_like_any_other(outcome: Outcome) -> None:
    outcome.failed(ZuoraError(None, "it was not sent"))
    assert verdict(outcome) == (1, "Incomplete: it was not sent; nothing new to emit.")


@pytest.mark.parametrize(("untried", "left"), [(0, ""), (1234, "; 1,234 requests were not tried")])
def test_a_run_that_is_stopped_gives_the_reason_and_counts_what_was_not_tried(untried: int, left: str) -> None:
    error = CredentialsRefused(EXCHANGE, "wrong secret")
    ended = RunEnded.stopped_by(error, untried=untried)
    assert (ended.code, ended.sentence, ended.error) == (1, f"Stopped: {error}{left}.", error)


def test_a_run_that_is_stopped_with_nothing_untried_counts_nothing() -> None:
    assert "not tried" not in RunEnded.stopped_by(CredentialsRefused(EXCHANGE, "wrong secret")).sentence


# The lines of --test.

READ = {JOBS: 2, ENVIRONMENTS: 1}
SILENCE = Exchange("POST", "/oauth/token", "rest.zuora.com")
REFUSAL = Exchange("GET", "/test-environments", "rest.zuora.com", 403)


@pytest.mark.parametrize(
    ("error", "read", "is_missing", "marks"),
    [
        (None, READ, False, ["yes", "yes", "yes", "yes"]),
        (None, {}, False, ["yes", "yes", "yes", "yes"]),
        (None, READ, True, ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "no network"), {}, False, ["no", "?", "?", "?"]),
        (CredentialsRefused(REFUSAL, "no token"), {}, False, ["yes", "no", "?", "?"]),
        (PermissionRefused(REFUSAL, "not allowed"), {}, False, ["yes", "yes", "no", "?"]),
        (Transient(SILENCE, "gone meanwhile"), READ, False, ["yes", "yes", "yes", "no"]),
        (ZuoraError(None, "never sent"), READ, False, ["yes", "yes", "yes", "no"]),
    ],
    ids=str,
)
def test_each_thing_that_must_work_is_marked(
    outcome: Outcome, *, error: ZuoraError | None, read: dict[str, int], is_missing: bool, marks: list[str]
) -> None:
    outcome.read.update(read)
    if is_missing:
        outcome.missing(JOBS, "job j")
    lines = outcome.findings("rest.zuora.com", error)
    assert [line.split()[0] for line in lines] == marks


def test_the_findings_name_the_host_and_the_counts(outcome: Outcome) -> None:
    outcome.read.update(READ)
    lines = outcome.findings("rest.zuora.com", None)
    assert "rest.zuora.com" in lines[0]
    assert lines[-1].endswith("2 jobs and 1 test environment")
