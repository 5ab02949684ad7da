"""The base stream: how Zuora is asked, in singer-sdk's own hooks."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urlsplit

import backoff
import requests
from requests.structures import CaseInsensitiveDict
from singer_sdk.streams.rest import PageContext, RESTStream
from typing_extensions import override

from tap_zuora_testenv import answers
from tap_zuora_testenv.errors import (
    Asked,
    AuthenticationRefused,
    EndsTheRun,
    TokenRejected,
    Transient,
    Unusable,
    ZuoraError,
)
from tap_zuora_testenv.redaction import REDACTION
from tap_zuora_testenv.rows import is_plain_segment
from tap_zuora_testenv.transport import answer, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from backoff.types import Details
    from singer_sdk.helpers.types import Auth, Context, RequestFunc

    from tap_zuora_testenv.answers import Document
    from tap_zuora_testenv.rows import Answered
    from tap_zuora_testenv.tap import TapZuoraTestenv

    Attempt: TypeAlias = Callable[[requests.PreparedRequest], tuple[Document, Answered]]


class ZuoraStream(RESTStream[Any]):
    """A stream that asks Zuora."""

    def __init__(self, tap: TapZuoraTestenv) -> None:
        super().__init__(tap=tap)
        self.run = tap.run
        # singer-sdk's type wants a response; reading it belongs to the attempt, as a broken body is worth another one.
        decorate = cast("Callable[[Attempt], Attempt]", self.request_decorator)
        self._attempts = decorate(self._attempt)

    # How a request is made.

    @property
    @override
    def url_base(self) -> str:
        return self.run.base_url

    @property
    @override
    def requests_session(self) -> requests.Session:
        return self.run.session

    @property
    @override
    def authenticator(self) -> Auth:
        return self.run.authenticator

    @cached_property
    @override
    def http_headers(self) -> dict[str, str]:
        entity_id = self.config.get("entity_id")
        return {**self.run.headers, **({"Zuora-Entity-Ids": entity_id} if entity_id else {})}

    @property
    @override
    def timeout(self) -> int:
        return int(self.config["request_timeout"])

    @override
    def build_prepared_request(self, method: str, url: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        # A base that was checked and plain segments need no parsing and quoting, and the session's own headers, cookies
        # and .netrc are not wanted: the stock method does all of that anew for each request.
        request = requests.PreparedRequest()
        request.method, request.url, request.headers = method, url, CaseInsensitiveDict(headers)
        return request

    # How it is tried again.

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        # The stock decorator lets python-backoff write a line a retry at INFO.
        return backoff.on_exception(
            self.backoff_wait_generator,
            Transient,
            max_tries=self.backoff_max_tries,
            on_backoff=self.backoff_handler,
            jitter=None,
            logger=None,
        )(func)

    @override
    def backoff_wait_generator(self) -> Any:
        return self.run.pace.back_off()

    @override
    def backoff_max_tries(self) -> int:
        return int(self.config["max_attempts"])

    @override
    def backoff_handler(self, details: Details) -> None:
        self.logger.debug("Attempt %d failed: %s", details["tries"], details.get("exception"))

    # What an answer means.

    @override
    def validate_response(self, response: requests.Response) -> None:
        if not response.ok:
            raise answers.error(answer(response))

    @override
    def parse_response(self, response: requests.Response) -> Iterable[Document]:
        yield answers.document(answer(response))

    def ask(self, context: Context | None) -> tuple[Document, Answered]:
        """Do what `request_records` does for one request; called from several threads at once.

        Args:
            context: The ids that stand in the path.

        Returns:
            The document of the answer, and what gives the answer to whom it disappoints.

        Raises:
            ZuoraError: The request could not be satisfied, after all attempts that were worth it.
        """
        if context and not all(map(is_plain_segment, context.values())):
            asked = Asked("GET", self.path, urlsplit(self.url_base).netloc)
            raise Unusable(
                asked, f"an id that is no plain path segment is not asked for: {REDACTION.quote(str(context))}"
            )
        page = PageContext(stream_context=context, next_page_token=None)
        wanted = self.get_http_request(page=page)
        request = self.build_prepared_request(method=wanted.method, url=wanted.url, headers=wanted.headers)
        pace = self.run.pace
        try:
            told = self._attempts(request)
        except EndsTheRun as error:
            raise pace.end(error) from None
        except Transient as error:
            pace.gave_up(error, self.environment_of(context), self.environments_asked)
            raise
        except ZuoraError:
            pace.answered()
            raise
        pace.answered()
        return told

    def environment_of(self, context: Context | None) -> str | None:
        """Return the test environment that a request asks for."""
        return context["testEnvironmentId"] if context else None

    @property
    def environments_asked(self) -> int:
        """How many test environments the stream asks for."""
        return 1

    def _attempt(self, request: requests.PreparedRequest) -> tuple[Document, Answered]:
        try:
            return self._exchange(request)
        except TokenRejected as error:
            self.run.authenticator.renew(request, error)
        try:
            return self._exchange(request)
        except TokenRejected as error:
            raise AuthenticationRefused(error.asked, f"{error.reason}; a new token did not help") from None

    def _exchange(self, request: requests.PreparedRequest) -> tuple[Document, Answered]:
        with self.run.pace.request():
            # The token is looked at last: it may have come near its end while all were told to wait.
            response = send(self.requests_session, self.authenticator(request), self.timeout)
        self.validate_response(response)
        (document,) = self.parse_response(response)
        return document, partial(answer, response)
