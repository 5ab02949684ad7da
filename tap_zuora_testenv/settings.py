"""The settings: name, type, default, meaning, and what each must be; `validation` checks them."""

from __future__ import annotations

from typing import Any, NamedTuple

from singer_sdk import typing as th

from tap_zuora_testenv.ids import PATH_SEGMENT
from tap_zuora_testenv.values import VISIBLE_ASCII

ENVIRONMENT_PREFIX = "TAP_ZUORA_TESTENV_"
"""The prefix of the settings' environment variables, which singer-sdk derives from the tap's name."""

CREDENTIALS = ("client_id", "client_secret", "access_token")
"""The settings that authenticate the tap."""
SHORTEST_SECRET = 8
"""The least number of characters of a secret or a token: redacting a shorter one would make the log unreadable."""

_ID = {"type": "string", "pattern": PATH_SEGMENT}
_AN_ID = "an id of letters, digits, - and _, at most 128 of them"
_TEST_ENVIRONMENTS = {
    "type": ["array", "null"],
    "minItems": 1,
    "items": {
        "anyOf": [
            _ID,
            {
                "type": "object",
                "properties": {"id": _ID, "job_ids": {"type": "array", "minItems": 1, "items": _ID}},
                "required": ["id"],
                "additionalProperties": False,
            },
        ]
    },
}
_PRINTABLE_LINE = r"^[\x20-\x7e]*[\x21-\x7e][\x20-\x7e]*\Z"


class _Setting(NamedTuple):
    property: th.Property[Any]
    must_be: str
    """Completes "Setting `x` must be ..."."""


_SETTINGS = (
    _Setting(
        th.Property(
            "base_url",
            th.StringType,
            required=True,
            title="Base URL",
            description="The REST host of the tenant that owns the test environments, usually a production one. "
            "Production: https://rest.zuora.com (US Cloud 2), https://rest.na.zuora.com (US Cloud 1), "
            "https://rest.eu.zuora.com, https://rest.ap.zuora.com. API sandbox: https://rest.apisandbox.zuora.com, "
            "https://rest.sandbox.na.zuora.com, https://rest.sandbox.eu.zuora.com. Developer and Central Sandbox: "
            "https://rest.test.zuora.com, https://rest.test.eu.zuora.com, https://rest.test.ap.zuora.com.",
        ),
        "the https address of a Zuora REST host, such as https://rest.na.zuora.com",
    ),
    _Setting(
        th.Property(
            "client_id",
            th.StringType,
            secret=True,
            title="Client ID",
            description="The client id of an OAuth client whose user has the permission Refresh Central Sandbox.",
            minLength=1,
        ),
        "the client id of an OAuth client, as text",
    ),
    _Setting(
        th.Property(
            "client_secret",
            th.StringType,
            secret=True,
            title="Client secret",
            description="The client secret that belongs to client_id. It can start a refresh, which erases a sandbox: "
            "never share it.",
            minLength=SHORTEST_SECRET,
        ),
        f"the client secret that belongs to client_id, as text of at least {SHORTEST_SECRET} characters",
    ),
    _Setting(
        th.Property(
            "access_token",
            th.StringType,
            secret=True,
            title="Access token",
            description="A ready-made bearer token instead of client_id and client_secret. It lasts about an hour, and "
            "the tap cannot renew it.",
            minLength=SHORTEST_SECRET,
            pattern=VISIBLE_ASCII,
        ),
        f"a bearer token, one word of at least {SHORTEST_SECRET} visible ASCII characters",
    ),
    _Setting(
        th.Property(
            "test_environments",
            th.CustomType(_TEST_ENVIRONMENTS),
            title="Test environments",
            description="What to fetch: the id of a test environment for all its jobs, or an object of id and job_ids "
            "for only those jobs. If it is not set: every test environment that the credentials can see.",
        ),
        f'a non-empty list whose entries are "id" or {{"id": "...", "job_ids": ["...", ...]}}, each {_AN_ID}',
    ),
    _Setting(
        th.Property(
            "start_date",
            th.DateTimeType,
            title="Start date",
            description="While there is no bookmark, finished jobs last updated before it are left out.",
        ),
        "a date-time such as 2026-01-31T00:00:00Z",
    ),
    _Setting(
        th.Property(
            "entity_id",
            th.StringType,
            title="Entity ID",
            description="The entity to read, sent as Zuora-Entity-Ids. Only for credentials that are valid for several "
            "entities.",
            pattern=PATH_SEGMENT,
        ),
        _AN_ID,
    ),
    _Setting(
        th.Property(
            "track_id",
            th.StringType,
            title="Track ID",
            description="A name for the run, sent as Zuora-Track-Id, by which Zuora's support finds its requests.",
            pattern=r"^(?=.{1,64}\Z)[\x21\x23-\x26\x28-\x39\x3c-\x7e]([\x20\x21\x23-\x26\x28-\x39\x3c-\x7e]*"
            r"[\x21\x23-\x26\x28-\x39\x3c-\x7e])?\Z",
        ),
        "1 to 64 printable US-ASCII characters, none of them : ; \" or ', with no space at either end",
    ),
    _Setting(
        th.Property(
            "max_parallel_requests",
            th.IntegerType,
            default=8,
            title="Parallel requests",
            description="How many requests may be in flight. Zuora allows a tenant 40, shared with everything else "
            "that calls it.",
            minimum=1,
            maximum=40,
        ),
        "a whole number from 1 to 40",
    ),
    _Setting(
        th.Property(
            "request_timeout",
            th.IntegerType,
            default=120,
            title="Request timeout",
            description="Seconds per request, including the whole response. Zuora itself gives up after 120.",
            minimum=1,
            maximum=600,
        ),
        "a whole number of seconds from 1 to 600",
    ),
    _Setting(
        th.Property(
            "max_attempts",
            th.IntegerType,
            default=5,
            title="Attempts",
            description="How many times a request is tried while Zuora or the network has a temporary fault.",
            minimum=1,
            maximum=20,
        ),
        "a whole number from 1 to 20",
    ),
    _Setting(
        th.Property(
            "on_missing",
            th.StringType,
            default="warn",
            title="On missing",
            description="What to do if a named job or test environment does not exist in Zuora: warn goes on with a "
            "warning, fail fetches everything else and then fails.",
            allowed_values=["warn", "fail"],
        ),
        '"warn" or "fail"',
    ),
    _Setting(
        th.Property(
            "user_agent",
            th.StringType,
            title="User agent",
            description="The User-Agent header. If it is not set: tap-zuora-testenv/<version>.",
            pattern=_PRINTABLE_LINE,
        ),
        "one line of printable ASCII characters",
    ),
)

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    *(setting.property for setting in _SETTINGS), additional_properties=False
).to_dict()
"""The JSON schema of the settings, as `--about` shows it."""

MUST_BE: dict[str, str] = {setting.property.name: setting.must_be for setting in _SETTINGS}
"""What each setting must be; completes "Setting `x` must be ..."."""
