"""The stock way: the tap that singer-sdk's template leads to, one partition per job, one request at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator, SingletonMeta
from singer_sdk.streams import RESTStream
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.types import Auth

_TIMES = "createTime estimatedCompletionTime jobEndTime jobStartTime scheduledRefreshTime updateTime"
_STRINGS = "createdById jobType status testEnvironmentId updatedById"


class NaiveAuthenticator(OAuthAuthenticator, metaclass=SingletonMeta):
    """One token for the stream."""

    @property
    @override
    def oauth_request_body(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "grant_type": "client_credentials",
        }


class NaiveStream(RESTStream[Any]):
    """The jobs, each by the single-job operation."""

    name = "test_environment_jobs"
    path = "/test-environments/{testEnvironmentId}/jobs/{jobId}"
    primary_keys: ClassVar[Sequence[str]] = ("id",)
    replication_key = "updateTime"
    records_jsonpath = "$"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        *(th.Property(name, th.DateTimeType) for name in _TIMES.split()),
        *(th.Property(name, th.StringType) for name in _STRINGS.split()),
        th.Property("progressPercentage", th.IntegerType),
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["base_url"])

    @property
    @override
    def authenticator(self) -> Auth:
        return NaiveAuthenticator(
            client_id=self.config["client_id"],
            client_secret=self.config["client_secret"],
            auth_endpoint=f"{self.url_base}/oauth/token",
        )

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        return [
            {"testEnvironmentId": environment["id"], "jobId": job}
            for environment in self.config["test_environments"]
            for job in environment["job_ids"]
        ]


class NaiveTap(Tap):
    """The tap."""

    name = "tap-naive"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("base_url", th.StringType, required=True),
        th.Property("client_id", th.StringType, required=True),
        th.Property("client_secret", th.StringType, required=True, secret=True),
        th.Property(
            "test_environments",
            th.ArrayType(
                th.ObjectType(th.Property("id", th.StringType), th.Property("job_ids", th.ArrayType(th.StringType)))
            ),
            required=True,
        ),
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[RESTStream[Any]]:
        return [NaiveStream(self)]


if __name__ == "__main__":
    NaiveTap.cli()
