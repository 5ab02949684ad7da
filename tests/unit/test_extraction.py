from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_zuora_testenv.breaker import CircuitBreaker
from tap_zuora_testenv.extraction import JobFetcher, Jobs
from tap_zuora_testenv.plan import JobRequest
from tap_zuora_testenv.zuora import ClientOptions, Fatal, Listing, NotFound, Transient, ZuoraClient, ZuoraError
from tap_zuora_testenv.zuora.errors import Exchange, PermissionRefused, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

EXCHANGE = Exchange("GET", "/test-environments/e/jobs/j", "rest.zuora.com", 404)
NOT_FOUND = NotFound(EXCHANGE, "none")
JOBS: list[dict[str, Any]] = [{"id": "j"}, {"id": "k"}]
WITH_UNFINISHED = JobRequest("e", unfinished=("j", "k"))


class Client(ZuoraClient):
    """A client whose responses are given by path, without HTTP; it notes the paths that are requested."""

    def __init__(self) -> None:
        super().__init__(ClientOptions(base_url="https://rest.zuora.com"), logger=logging.getLogger("test-extraction"))
        self.responses: dict[str, Any] = {}
        self.requested: list[str] = []

    def respond(self, path: str) -> Any:
        self.requested.append(path)
        response = self.responses[path]
        if isinstance(response, ZuoraError):
            raise response
        return response

    @override
    def environment(self, environment: str) -> dict[str, Any]:
        response: dict[str, Any] = self.respond(environment)
        return response

    @override
    def jobs(self, environment: str) -> Listing:
        response: Listing = self.respond(f"{environment}/jobs")
        return response

    @override
    def job(self, environment: str, job: str) -> dict[str, Any]:
        response: dict[str, Any] = self.respond(f"{environment}/jobs/{job}")
        return response


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


def fetcher(client: Client, *, environments: int = 1, are_named: bool = True) -> JobFetcher:
    return JobFetcher(client, CircuitBreaker(client.stop), environments=environments, are_named=are_named)


# What a request is for.


def test_a_named_job_is_requested_by_its_id(client: Client) -> None:
    client.responses = {"e/jobs/j": JOBS[0]}
    assert fetcher(client)(JobRequest("e", "j")) == Jobs(JOBS[:1], [], [])
    assert client.requested == ["e/jobs/j"]


@pytest.mark.parametrize("error", [NOT_FOUND, Transient(EXCHANGE, "down"), ZuoraError(EXCHANGE, "odd")], ids=str)
@pytest.mark.parametrize("request_for", [JobRequest("e", "j"), WITH_UNFINISHED], ids=["a job", "all jobs"])
def test_the_error_of_the_request_itself_is_raised(client: Client, request_for: JobRequest, error: ZuoraError) -> None:
    client.responses = {"e/jobs/j": error, "e/jobs": error}
    with pytest.raises(ZuoraError) as raised:
        fetcher(client)(request_for)
    assert raised.value is error
    assert len(client.requested) == 1


@pytest.mark.parametrize("are_named", [True, False])
def test_a_list_with_jobs_is_one_request(client: Client, *, are_named: bool) -> None:
    errors = [ZuoraError(EXCHANGE, "element 3 of the list is odd")]
    client.responses = {"e/jobs": Listing([*JOBS], errors)}
    assert fetcher(client, are_named=are_named)(JobRequest("e")) == Jobs(JOBS, errors, [])
    assert client.requested == ["e/jobs"]


# An empty list.


def test_an_empty_list_of_a_named_environment_is_checked_by_requesting_the_environment(client: Client) -> None:
    client.responses = {"e/jobs": Listing([], []), "e": {"id": "e"}}
    assert fetcher(client)(JobRequest("e")) == Jobs([], [], [])
    assert client.requested == ["e/jobs", "e"]


def test_an_empty_list_of_an_environment_that_does_not_exist_is_not_found(client: Client) -> None:
    client.responses = {"e/jobs": Listing([], []), "e": NOT_FOUND}
    with pytest.raises(NotFound) as missing:
        fetcher(client)(WITH_UNFINISHED)
    assert missing.value is NOT_FOUND
    # The unfinished jobs of what does not exist are not requested.
    assert client.requested == ["e/jobs", "e"]


def test_an_empty_list_of_an_environment_that_zuora_has_just_listed_is_not_checked(client: Client) -> None:
    client.responses = {"e/jobs": Listing([], [])}
    assert fetcher(client, are_named=False)(JobRequest("e")) == Jobs([], [], [])
    assert client.requested == ["e/jobs"]


def test_a_list_of_only_errors_does_not_count_as_an_empty_one(client: Client) -> None:
    errors = [ZuoraError(EXCHANGE, "element 1 of the list is odd")]
    client.responses = {"e/jobs": Listing([], errors)}
    assert fetcher(client)(JobRequest("e")) == Jobs([], errors, [])
    assert client.requested == ["e/jobs"]


# Unfinished jobs that the list lacks.


@pytest.mark.parametrize("are_named", [True, False])
def test_an_unfinished_job_that_the_list_lacks_is_requested_by_its_id(client: Client, *, are_named: bool) -> None:
    client.responses = {"e/jobs": Listing([{"id": "J"}], []), "e/jobs/k": JOBS[1]}
    # Ids are compared without regard to case.
    assert fetcher(client, are_named=are_named)(WITH_UNFINISHED) == Jobs([{"id": "J"}, JOBS[1]], [], [])
    assert client.requested == ["e/jobs", "e/jobs/k"]


def test_an_unfinished_job_that_the_list_has_is_not_requested(client: Client) -> None:
    client.responses = {"e/jobs": Listing([*JOBS], [])}
    assert fetcher(client)(WITH_UNFINISHED) == Jobs(JOBS, [], [])
    assert client.requested == ["e/jobs"]


def test_if_the_list_is_empty_each_unfinished_job_is_requested(client: Client) -> None:
    client.responses = {"e/jobs": Listing([], []), "e": {"id": "e"}, "e/jobs/j": JOBS[0], "e/jobs/k": JOBS[1]}
    assert fetcher(client)(WITH_UNFINISHED) == Jobs(JOBS, [], [])
    assert client.requested == ["e/jobs", "e", "e/jobs/j", "e/jobs/k"]


def test_an_unfinished_job_that_zuora_no_longer_has_is_gone_and_not_an_error(client: Client) -> None:
    client.responses = {"e/jobs": Listing([{"id": "x"}], []), "e/jobs/j": NOT_FOUND, "e/jobs/k": JOBS[1]}
    assert fetcher(client)(WITH_UNFINISHED) == Jobs([{"id": "x"}, JOBS[1]], [], [("j", NOT_FOUND)])


@pytest.mark.parametrize(
    "error",
    [
        Transient(EXCHANGE, "down"),
        ZuoraError(EXCHANGE, "odd"),
        PermissionRefused(EXCHANGE, "not allowed"),
        Unauthorized(EXCHANGE, "a wrong token"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_another_failure_of_an_unfinished_job_is_an_error_beside_those_of_the_list(
    client: Client, error: ZuoraError
) -> None:
    of_the_list = ZuoraError(EXCHANGE, "element 2 of the list is odd")
    listing = Listing([{"id": "x"}], [of_the_list])
    client.responses = {"e/jobs": listing, "e/jobs/j": error, "e/jobs/k": JOBS[1]}
    assert fetcher(client)(WITH_UNFINISHED) == Jobs([{"id": "x"}, JOBS[1]], [of_the_list, error], [])


def test_a_fatal_error_of_an_unfinished_job_is_raised(client: Client) -> None:
    fatal = Fatal(EXCHANGE, "the wait is too long")
    client.responses = {"e/jobs": Listing([{"id": "x"}], []), "e/jobs/j": fatal}
    with pytest.raises(Fatal) as ended:
        fetcher(client)(WITH_UNFINISHED)
    assert ended.value is fatal
    assert client.requested == ["e/jobs", "e/jobs/j"]


# The breaker watches each request.


def test_each_request_counts_for_the_breaker(client: Client) -> None:
    unfinished = tuple(str(number) for number in range(20))
    client.responses = {"e/jobs": Listing([{"id": "x"}], [])}
    client.responses |= {f"e/jobs/{job}": Transient(EXCHANGE, "down") for job in unfinished}
    with pytest.raises(Fatal, match="10 requests in a row failed, the last one: down"):
        fetcher(client)(JobRequest("e", unfinished=unfinished))
    assert len(client.requested) == 11


def test_many_failures_of_one_environment_among_several_do_not_end_the_run(client: Client) -> None:
    unfinished = tuple(str(number) for number in range(20))
    client.responses = {"e/jobs": Listing([{"id": "x"}], [])}
    client.responses |= {f"e/jobs/{job}": Transient(EXCHANGE, "down") for job in unfinished}
    rows, errors, gone, _ = fetcher(client, environments=2)(JobRequest("e", unfinished=unfinished))
    assert (rows, len(errors), gone) == ([{"id": "x"}], 20, [])


def test_the_check_of_an_empty_list_counts_for_the_breaker(client: Client) -> None:
    fetch, down = fetcher(client), Transient(EXCHANGE, "down")
    client.responses = {"e/jobs": Listing([], []), "e": down, "e/jobs/j": down}
    for request in [JobRequest("e"), *[JobRequest("e", "j")] * 8]:
        with pytest.raises(Transient):
            fetch(request)
    with pytest.raises(Fatal, match="10 requests in a row"):
        fetch(JobRequest("e", "j"))


def test_refused_lists_end_a_run_that_is_misconfigured(client: Client) -> None:
    fetch = fetcher(client)
    client.responses = {"e/jobs": PermissionRefused(EXCHANGE, "not allowed")}
    for _ in range(9):
        with pytest.raises(PermissionRefused):
            fetch(JobRequest("e"))
    with pytest.raises(Fatal, match="10 requests in a row") as ended:
        fetch(JobRequest("e"))
    assert ended.value.misconfigured


def test_a_satisfied_list_begins_a_new_row(client: Client) -> None:
    fetch = fetcher(client)
    client.responses = {"e/jobs": Listing([*JOBS], []), "e/jobs/j": Transient(EXCHANGE, "down")}
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(Transient):
                fetch(JobRequest("e", "j"))
        fetch(JobRequest("e"))
