from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tap_zuora_testenv.outcome import SHOWN, Outcome, RunEnded, counted
from tap_zuora_testenv.records import Loss
from tap_zuora_testenv.zuora.errors import (
    CredentialsRefused,
    Exchange,
    Fatal,
    NotFound,
    PermissionRefused,
    Transient,
    Unauthorized,
    ZuoraError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS, ENVIRONMENTS = "test_environment_jobs", "test_environments"
EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com", 404)
NOT_FOUND = NotFound(EXCHANGE, "none")
REFUSED = Exchange("GET", "/test-environments/e/jobs", "rest.zuora.com", 403)
REFUSALS = [PermissionRefused(REFUSED, "not allowed"), Unauthorized(REFUSED._replace(status=401), "a wrong token")]
NOTHING_EXISTS = (
    "Misconfigured: Zuora has none of what the configuration names; check base_url, entity_id and test_environments."
)
HINT = "; if that is the id of a job, name it in `job_ids` of its test environment"


@pytest.fixture
def outcome(caplog: pytest.LogCaptureFixture) -> Outcome:
    caplog.set_level(logging.DEBUG)
    return Outcome(logging.getLogger("test-outcome"))


def failure(number: int) -> ZuoraError:
    return ZuoraError(Exchange("GET", f"/jobs/{number}", "rest.zuora.com", 400), "it is of no use")


def shown(parameter: object) -> str:
    """The id of a parameter: the names of its functions."""
    return (
        "-".join(getattr(each, "__name__", str(each)) for each in parameter)
        if isinstance(parameter, list)
        else str(parameter)
    )


def verdict(
    outcome: Outcome, *, jobs: int = 0, environments: int = 0, fails_on_missing: bool = False, is_dry_run: bool = False
) -> tuple[int, str]:
    """The verdict of a run that reached its end and wrote that many records."""
    outcome.conclude()
    emitted = {JOBS: jobs, ENVIRONMENTS: environments}
    return outcome.verdict(emitted, fails_on_missing=fails_on_missing, is_dry_run=is_dry_run)


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
def test_a_count_has_a_noun_in_the_right_number(count: int, stream: str, words: str) -> None:
    assert counted(count, stream) == words


# The verdict: the exit code and the first word.


def failed(outcome: Outcome) -> None:
    outcome.failed(failure(1))


def refused(outcome: Outcome) -> None:
    outcome.failed(REFUSALS[0])


def lacks_a_job(outcome: Outcome) -> None:
    outcome.job_not_found("e", "j", NOT_FOUND)


def lacks_an_environment(outcome: Outcome) -> None:
    outcome.environment_not_found("absent", NOT_FOUND)


def lacks_it_in_the_list(outcome: Outcome) -> None:
    outcome.environment_not_found("absent")


def has_the_environment(outcome: Outcome) -> None:
    outcome.found("e")


def has_jobs(outcome: Outcome) -> None:
    outcome.obtained_jobs("e")


DONE, INCOMPLETE, MISCONFIGURED = (0, "Done"), (1, "Incomplete"), (2, "Misconfigured")


@pytest.mark.parametrize(
    ("happened", "if_warn", "if_fail"),
    [
        ([], DONE, DONE),
        ([has_jobs], DONE, DONE),
        ([failed], INCOMPLETE, INCOMPLETE),
        ([has_jobs, failed], INCOMPLETE, INCOMPLETE),
        # A refusal is the configuration's fault only if no request for jobs succeeded.
        ([refused], MISCONFIGURED, MISCONFIGURED),
        ([refused, has_the_environment], MISCONFIGURED, MISCONFIGURED),
        ([refused, has_jobs], INCOMPLETE, INCOMPLETE),
        ([has_jobs, refused], INCOMPLETE, INCOMPLETE),
        ([failed, refused], MISCONFIGURED, MISCONFIGURED),
        ([failed, refused, has_jobs], INCOMPLETE, INCOMPLETE),
        # Nothing exists in either stream.
        ([lacks_a_job], MISCONFIGURED, MISCONFIGURED),
        ([lacks_an_environment], MISCONFIGURED, MISCONFIGURED),
        ([lacks_it_in_the_list], MISCONFIGURED, MISCONFIGURED),
        ([lacks_a_job, lacks_it_in_the_list], MISCONFIGURED, MISCONFIGURED),
        # Something exists.
        ([lacks_a_job, has_the_environment], DONE, MISCONFIGURED),
        ([lacks_a_job, has_jobs], DONE, MISCONFIGURED),
        ([lacks_an_environment, has_the_environment], DONE, MISCONFIGURED),
        ([lacks_it_in_the_list, has_jobs], DONE, MISCONFIGURED),
        # Something failed, so nobody knows whether it exists.
        ([lacks_a_job, failed], INCOMPLETE, MISCONFIGURED),
        ([lacks_a_job, failed, has_jobs], INCOMPLETE, MISCONFIGURED),
        ([lacks_a_job, refused], MISCONFIGURED, MISCONFIGURED),
        ([lacks_a_job, refused, has_jobs], INCOMPLETE, MISCONFIGURED),
    ],
    ids=shown,
)
@pytest.mark.parametrize("fails_on_missing", [False, True], ids=["warn", "fail"])
def test_what_somebody_must_act_on_outranks_what_another_run_may_fix(
    outcome: Outcome,
    happened: list[Callable[[Outcome], None]],
    if_warn: tuple[int, str],
    if_fail: tuple[int, str],
    *,
    fails_on_missing: bool,
) -> None:
    for happens in happened:
        happens(outcome)
    code, sentence = verdict(outcome, fails_on_missing=fails_on_missing)
    assert (code, sentence.split()[0].rstrip(":")) == (if_fail if fails_on_missing else if_warn)


# The verdict: the sentence.


def test_a_run_with_nothing_new_is_done(outcome: Outcome) -> None:
    assert verdict(outcome) == (0, "Done: nothing new to emit.")


def test_a_run_that_emitted_is_done_and_counts_the_records_of_each_stream(outcome: Outcome) -> None:
    assert verdict(outcome, jobs=1234, environments=1) == (0, "Done: emitted 1,234 jobs and 1 test environment.")


def test_the_verdict_counts_what_was_written_not_what_was_read(outcome: Outcome) -> None:
    outcome.read.update({JOBS: 5, ENVIRONMENTS: 2})
    assert verdict(outcome, jobs=3) == (0, "Done: emitted 3 jobs.")


@pytest.mark.parametrize(
    ("read", "rows"),
    [
        ({JOBS: 1}, "1 job"),
        ({JOBS: 5, ENVIRONMENTS: 0}, "5 jobs"),
        ({ENVIRONMENTS: 1, JOBS: 1234}, "1,234 jobs and 1 test environment"),
    ],
    ids=str,
)
def test_a_run_whose_records_were_all_filtered_out_is_done_and_counts_them(
    outcome: Outcome, read: dict[str, int], rows: str
) -> None:
    outcome.read.update(read)
    assert verdict(outcome) == (0, f"Done: the stream maps removed all of {rows}.")


def test_a_failure_makes_a_run_incomplete_and_is_the_reason(outcome: Outcome) -> None:
    outcome.failed(failure(1))
    code, sentence = verdict(outcome, jobs=2)
    assert code == 1
    assert sentence.startswith("Incomplete: GET /jobs/1 at rest.zuora.com answered 400: it is of no use")
    assert sentence == f"Incomplete: {failure(1)}; emitted 2 jobs."


@pytest.mark.parametrize(("failures", "more"), [(2, "1"), (1234, "1,233")])
def test_the_failures_after_the_first_are_counted(outcome: Outcome, failures: int, more: str) -> None:
    for number in range(failures):
        outcome.failed(failure(number))
    sentence = f"Incomplete: {failure(0)} (and {more} more, named above); nothing new to emit."
    assert verdict(outcome) == (1, sentence)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_a_refusal_without_any_jobs_is_the_reason_even_if_another_failure_came_first(
    outcome: Outcome, refusal: ZuoraError
) -> None:
    outcome.failed(failure(1), refusal)
    sentence = f"Misconfigured: {refusal} (and 1 more, named above); nothing new to emit."
    assert verdict(outcome) == (2, sentence)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_a_refusal_beside_jobs_is_a_failure_like_any_other(outcome: Outcome, refusal: ZuoraError) -> None:
    outcome.obtained_jobs("e")
    outcome.failed(refusal)
    assert verdict(outcome, jobs=1) == (1, f"Incomplete: {refusal}; emitted 1 job.")
    outcome.failed(failure(1))
    assert verdict(outcome, jobs=1) == (1, f"Incomplete: {refusal} (and 1 more, named above); emitted 1 job.")


def test_the_first_of_several_refusals_is_the_reason(outcome: Outcome) -> None:
    outcome.failed(*REFUSALS)
    assert verdict(outcome)[1].startswith(f"Misconfigured: {REFUSALS[0]} (and 1 more, ")


def test_a_dry_run_is_done_and_says_what_a_run_would_emit(outcome: Outcome) -> None:
    assert verdict(outcome, is_dry_run=True) == (0, "Done: nothing new to emit.")
    outcome.read[JOBS] += 2
    assert verdict(outcome, jobs=1, is_dry_run=True) == (0, "Done: a run would emit 2 jobs.")


def test_what_is_missing_is_named_and_the_run_is_done_anyway(outcome: Outcome) -> None:
    outcome.obtained_jobs("e")
    outcome.job_not_found("e", "j", NOT_FOUND)
    sentence = "Done: emitted 1 job; Zuora does not have the job j of the test environment e."
    assert verdict(outcome, jobs=1) == (0, sentence)


def test_of_many_missing_things_the_first_is_named_and_the_others_are_counted(outcome: Outcome) -> None:
    outcome.found("e")
    for number in range(1235):
        outcome.job_not_found("e", str(number), NOT_FOUND)
    missing = "Zuora does not have the job 0 of the test environment e (and 1,234 more, named above)"
    assert verdict(outcome) == (0, f"Done: nothing new to emit; {missing}.")


def test_what_is_missing_fails_the_run_if_on_missing_is_fail(outcome: Outcome) -> None:
    outcome.found("e")
    outcome.job_not_found("e", "j", NOT_FOUND)
    code, sentence = verdict(outcome, fails_on_missing=True)
    assert code == 2
    assert sentence == ("Misconfigured: Zuora does not have the job j of the test environment e; nothing new to emit.")


def test_a_verdict_has_every_reason_that_there_is(outcome: Outcome) -> None:
    outcome.found("e")
    outcome.job_not_found("e", "j", NOT_FOUND)
    outcome.failed(failure(1))
    missing = "Zuora does not have the job j of the test environment e"
    assert verdict(outcome, jobs=1) == (1, f"Incomplete: {failure(1)}; {missing}; emitted 1 job.")
    code, sentence = verdict(outcome, jobs=1, fails_on_missing=True)
    assert code == 2
    assert {str(failure(1)), missing} <= set(sentence.removeprefix("Misconfigured: ").split("; "))


@pytest.mark.parametrize("fails_on_missing", [True, False])
@pytest.mark.parametrize(
    "lacks", [[lacks_a_job], [lacks_it_in_the_list], [lacks_a_job, lacks_it_in_the_list]], ids=shown
)
def test_if_nothing_that_is_named_exists_the_reason_is_what_to_check(
    outcome: Outcome, lacks: list[Callable[[Outcome], None]], *, fails_on_missing: bool
) -> None:
    for happens in lacks:
        happens(outcome)
    assert verdict(outcome, fails_on_missing=fails_on_missing) == (
        2,
        NOTHING_EXISTS,
    )


def test_the_verdict_is_one_line(outcome: Outcome) -> None:
    outcome.failed(ZuoraError(Exchange("GET", "/p", "h", 400, message="one\ntwo\r\nthree"), "of no use"))
    assert len(verdict(outcome)[1].splitlines()) == 1


def test_a_failure_of_a_request_that_was_not_sent_is_the_reason_like_any_other(outcome: Outcome) -> None:
    outcome.failed(ZuoraError(None, "it was not sent"))
    assert verdict(outcome) == (1, "Incomplete: it was not sent; nothing new to emit.")


def test_each_error_of_a_list_is_a_separate_failure(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    assert outcome.first_failure is None
    outcome.failed(failure(1), failure(2))
    assert caplog.messages == [str(failure(1)), str(failure(2))]
    assert str(outcome.first_failure) == str(failure(1))
    assert "(and 1 more, named above)" in verdict(outcome)[1]


# What is missing is decided at the end, over both streams.


def test_nothing_is_reported_missing_before_the_end(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.environment_not_found("e", NOT_FOUND)
    outcome.job_not_found("f", "j", NOT_FOUND)
    assert caplog.messages == []
    outcome.conclude()
    assert len(caplog.messages) == 2
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize("finds", [Outcome.found, Outcome.obtained_jobs], ids=["listed", "jobs"])
@pytest.mark.parametrize("is_found_first", [True, False])
def test_an_environment_that_the_list_lacks_is_not_missing_if_a_request_for_it_succeeds(
    outcome: Outcome,
    caplog: pytest.LogCaptureFixture,
    finds: Callable[[Outcome, str], None],
    *,
    is_found_first: bool,
) -> None:
    calls: list[Callable[[], None]] = [
        # Ids are compared without regard to case.
        lambda: finds(outcome, "aB"),
        lambda: outcome.environment_not_found("Ab"),
    ]
    for call in calls if is_found_first else reversed(calls):
        call()
    assert verdict(outcome, fails_on_missing=True) == (0, "Done: nothing new to emit.")
    assert caplog.messages == []


def test_an_environment_that_exists_and_whose_jobs_are_not_found_is_a_failure(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.environment_not_found("E", NOT_FOUND)
    outcome.found("e")
    assert verdict(outcome, environments=1) == (1, f"Incomplete: {NOT_FOUND}; emitted 1 test environment.")
    assert (caplog.messages, caplog.records[0].levelname) == ([str(NOT_FOUND)], "ERROR")
    assert outcome.first_failure is NOT_FOUND


def test_a_job_that_is_not_found_is_missing_although_its_environment_exists(outcome: Outcome) -> None:
    outcome.obtained_jobs("e")
    outcome.job_not_found("e", "j", NOT_FOUND)
    assert verdict(outcome, fails_on_missing=True)[0] == 2


def test_the_same_job_id_is_missing_once_per_environment(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for environment, job in (("e", "j"), ("f", "j"), ("E", "J")):
        outcome.job_not_found(environment, job, NOT_FOUND)
    outcome.conclude()
    assert len(caplog.messages) == 2


def test_what_is_missing_is_decided_once(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.found("e")
    outcome.job_not_found("e", "j", NOT_FOUND)
    first, second = verdict(outcome), verdict(outcome)
    assert first == second
    assert len(caplog.messages) == 1


def test_a_missing_job_is_named_with_the_exchange(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.job_not_found("e", "j", NOT_FOUND)
    outcome.conclude()
    (message,) = caplog.messages
    assert "answered 404" in message
    assert message == f"Zuora does not have the job j of the test environment e ({EXCHANGE})"


def test_a_missing_environment_is_named_with_a_hint_and_with_the_exchange_if_there_is_one(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.environment_not_found("e")
    outcome.environment_not_found("f", NOT_FOUND)
    outcome.conclude()
    assert caplog.messages == [
        f"Zuora does not have the test environment e{HINT}",
        f"Zuora does not have the test environment f ({EXCHANGE}){HINT}",
    ]


@pytest.mark.parametrize("errors", [(None, NOT_FOUND), (NOT_FOUND, None)], ids=["list first", "jobs first"])
def test_what_both_streams_lack_is_reported_once(
    outcome: Outcome, caplog: pytest.LogCaptureFixture, errors: tuple[NotFound | None, ...]
) -> None:
    outcome.found("f")
    for error in errors:
        outcome.environment_not_found("e", error)
    code, sentence = verdict(outcome)
    assert caplog.messages == [f"Zuora does not have the test environment e ({EXCHANGE}){HINT}"]
    assert code == 0
    assert "more" not in sentence


def test_a_job_that_was_unfinished_and_is_gone_is_a_warning_and_never_missing(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.job_gone("e", "j", NOT_FOUND)
    expected = f"Zuora no longer has the job j of the test environment e, which was unfinished ({EXCHANGE})"
    assert (caplog.messages, caplog.records[0].levelname) == ([expected], "WARNING")
    assert verdict(outcome, fails_on_missing=True) == (0, "Done: nothing new to emit.")


# The lists above the verdict.


def test_twenty_failures_are_named_and_the_others_counted(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1025):
        outcome.failed(failure(number))
    assert len(caplog.messages) == SHOWN == 20
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    outcome.conclude()
    assert caplog.messages[20:] == ["and 1,005 more that failed"]


def test_what_was_shown_in_full_is_not_counted(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        outcome.failed(failure(number))
    outcome.conclude()
    assert len(caplog.messages) == 20


def test_counts_are_logged_once(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(21):
        outcome.failed(failure(number))
    outcome.conclude()
    outcome.conclude()
    assert len(caplog.messages) == 21


def test_losses_are_shown_by_field_and_kind(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    for field in ("status", "updateTime"):
        for number in range(21):
            outcome.lost(JOBS, str(number), Loss(field, "is not of its type and becomes null", {"odd": number}))
    outcome.conclude()
    assert len(caplog.messages) == 2 * 20 + 2
    assert caplog.messages[0] == "job 0: its status is not of its type and becomes null: {'odd': 0}"
    assert caplog.messages[-1] == "and 1 more whose updateTime is not of its type and becomes null"
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_lost_value_is_shown_short_and_clean(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.lost(JOBS, "j", Loss("status", "is odd", "\x1b\ud800" * 500))
    assert len(caplog.messages[0]) < 260
    assert caplog.messages[0].isprintable()


def test_a_loss_names_the_row_of_its_stream(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.lost(ENVIRONMENTS, "e", Loss("name", "is odd", 5))
    assert caplog.messages == ["test environment e: its name is odd: 5"]


def test_an_unknown_field_is_reported_once_per_run(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.unknown_fields(JOBS, {"b", "a"})
    outcome.unknown_fields(JOBS, {"a"})
    outcome.unknown_fields(ENVIRONMENTS, {"b"})
    assert [message[-1] for message in caplog.messages] == ["a", "b"]


def test_a_job_of_another_environment_is_reported_once_per_run(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.other_environment("e", "j", "other")
    outcome.other_environment("f", "k", 5)
    (message,) = caplog.messages
    assert message == (
        "Zuora sent the job j for the test environment e with the testEnvironmentId 'other'; "
        "such jobs are emitted as they are"
    )
    assert verdict(outcome, jobs=2) == (0, "Done: emitted 2 jobs.")


def test_an_unknown_field_named_like_the_environment_does_not_hide_a_job_of_another_one(
    outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    outcome.unknown_fields(ENVIRONMENTS, {"testEnvironmentId"})
    outcome.other_environment("e", "j", "other")
    assert len(caplog.messages) == 2


def test_of_each_kind_of_warning_twenty_are_named(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    outcome.unknown_fields(JOBS, {f"f{number}" for number in range(22)})
    for number in range(21):
        outcome.job_not_found("e", str(number), NOT_FOUND)
    for number in range(23):
        outcome.job_gone("e", str(number), NOT_FOUND)
    outcome.conclude()
    assert caplog.messages[0] == "Zuora sent jobs with an unknown field, left out: f0"
    assert len(caplog.messages) == 3 * 20 + 3
    assert set(caplog.messages[60:]) == {
        "and 1 more that Zuora does not have",
        "and 2 more with an unknown field",
        "and 3 more that Zuora no longer has",
    }


# The end of a run that does not reach its end.


@pytest.mark.parametrize(
    ("untried", "left"),
    [(0, ""), (1, "; 1 request was not tried"), (1234, "; 1,234 requests were not tried")],
)
@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (Fatal(EXCHANGE, "the wait is too long"), 1, "Stopped"),
        (Transient(EXCHANGE, "a transient fault"), 1, "Stopped"),
        (ZuoraError(EXCHANGE, "no list"), 1, "Stopped"),
        (Fatal(EXCHANGE, "an unknown issuer", misconfigured=True), 2, "Misconfigured"),
        (CredentialsRefused(EXCHANGE, "wrong secret"), 2, "Misconfigured"),
        *((refusal, 2, "Misconfigured") for refusal in REFUSALS),
    ],
    ids=str,
)
def test_a_run_that_is_stopped_gives_the_reason_and_counts_what_was_not_tried(
    error: ZuoraError, code: int, word: str, untried: int, left: str
) -> None:
    ended = RunEnded.stopped_by(error, untried=untried)
    assert (ended.code, ended.sentence, ended.error) == (code, f"{word}: {error}{left}.", error)


def test_a_run_that_is_stopped_with_nothing_untried_counts_nothing() -> None:
    assert "not tried" not in RunEnded.stopped_by(CredentialsRefused(EXCHANGE, "wrong secret")).sentence


def test_a_run_that_is_misconfigured_ends_with_the_reason() -> None:
    ended = RunEnded.misconfigured("No stream is selected.")
    assert (ended.code, ended.sentence, ended.error) == (2, "Misconfigured: No stream is selected.", None)


# The lines of --test.

READ = {JOBS: 2, ENVIRONMENTS: 1}
SILENCE = Exchange("POST", "/oauth/token", "rest.zuora.com")
REFUSAL = Exchange("GET", "/test-environments", "rest.zuora.com", 403)


@pytest.mark.parametrize(
    ("error", "read", "happened", "marks"),
    [
        (None, READ, [], ["yes", "yes", "yes", "yes"]),
        (None, {}, [], ["yes", "yes", "yes", "yes"]),
        (None, READ, [lacks_a_job], ["yes", "yes", "yes", "no"]),
        (None, {}, [lacks_it_in_the_list], ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "no network"), {}, [], ["no", "?", "?", "?"]),
        (CredentialsRefused(REFUSAL, "no token"), {}, [], ["yes", "no", "?", "?"]),
        (Unauthorized(REFUSAL, "a wrong token"), {}, [], ["yes", "no", "?", "?"]),
        (PermissionRefused(REFUSAL, "not allowed"), {}, [], ["yes", "yes", "no", "?"]),
        (PermissionRefused(REFUSAL, "not allowed"), READ, [], ["yes", "yes", "yes", "no"]),
        (Unauthorized(REFUSAL, "a wrong token"), {}, [has_jobs], ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "gone meanwhile"), READ, [], ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "gone meanwhile"), {}, [has_the_environment], ["yes", "yes", "yes", "no"]),
        (Transient(SILENCE, "gone meanwhile"), {}, [has_jobs], ["yes", "yes", "yes", "no"]),
        (ZuoraError(None, "never sent"), READ, [], ["yes", "yes", "yes", "no"]),
        (ZuoraError(None, "never sent"), {}, [], ["no", "?", "?", "?"]),
    ],
    ids=shown,
)
def test_each_thing_that_must_work_is_marked(
    outcome: Outcome,
    error: ZuoraError | None,
    read: dict[str, int],
    happened: list[Callable[[Outcome], None]],
    marks: list[str],
) -> None:
    outcome.read.update(read)
    for happens in happened:
        happens(outcome)
    outcome.conclude()
    lines = outcome.checks("rest.zuora.com", error)
    assert [line.split()[0] for line in lines] == marks


def test_the_checks_name_the_host_and_the_counts(outcome: Outcome) -> None:
    outcome.read.update(READ)
    lines = outcome.checks("rest.zuora.com", None)
    assert "rest.zuora.com" in lines[0]
    assert lines[-1].endswith("2 jobs, 1 test environment")


def test_the_checks_of_a_run_that_could_read_nothing_have_no_counts(outcome: Outcome) -> None:
    lines = outcome.checks("rest.zuora.com", Transient(SILENCE, "no network"))
    assert lines[-1] == "    ?  everything requested can be read"
