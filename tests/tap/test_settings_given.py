"""Every setting, good and bad: from a file, from the environment, and what reaches Zuora."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_zuora_testenv import cli
from tests.tap.running import E1, ENVIRONMENTS, JOBS, Tap, environment, job, paths

if TYPE_CHECKING:
    from pathlib import Path

    from tap_zuora_testenv.emulator.zuora import Zuora

PREFIX = "TAP_ZUORA_TESTENV_"


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))


BASE_URL = "it must be the https address of a Zuora REST host, such as https://rest.na.zuora.com."
ENTRIES = 'must be a non-empty list whose entries are "id" or'


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"base_url": None}, "Setting `base_url` is missing: it must be the https address"),
        ({"base_url": 7}, "Setting `base_url` must be the https address of a Zuora REST host"),
        ({"base_url": ""}, f"Setting `base_url` is empty; {BASE_URL}"),
        ({"base_url": "rest.zuora.com"}, f"does not begin with https://; {BASE_URL}"),
        ({"base_url": "http://rest.zuora.com"}, "begins with http://, which is only for loopback addresses"),
        ({"base_url": "ftp://rest.zuora.com"}, f"does not begin with https://; {BASE_URL}"),
        ({"base_url": "https://"}, f"has no host; {BASE_URL}"),
        ({"base_url": "https://user:word@rest.zuora.com"}, "contains user info (what is before the @)"),
        ({"base_url": "https://rest.zuora.com?a=b"}, "contains a query (from the ? on)"),
        ({"base_url": "https://rest.zuora.com#a"}, "contains a fragment (from the # on)"),
        ({"base_url": "https://rest.zuora.com/v1/"}, "ends with /v1, which the operations for test environments"),
        ({"base_url": "https://rest.zuora.com/oauth/token"}, "has the path of an operation or a page"),
        ({"base_url": "https://rest.zuora.com/zuora"}, "has a path that cannot be right"),
        ({"base_url": "https://rest.zuora.com:port"}, "has a wrong port"),
        ({"base_url": "https://rest zuora.com"}, f"contains white space; {BASE_URL}"),
        ({"base_url": '"https://rest.zuora.com"'}, f"has quotes around it; {BASE_URL}"),
        ({"base_url": "http://localhost.example"}, "begins with http://"),
        ({"client_id": None}, "Setting `client_id` is missing: `client_id` and `client_secret` belong together."),
        ({"client_secret": None}, "Setting `client_secret` is missing"),
        (
            {"client_id": None, "client_secret": None},
            "The credentials are missing: set `client_id` and `client_secret`",
        ),
        ({"access_token": "abcdefgh"}, "Set either `client_id` and `client_secret`, or `access_token`, not both."),
        ({"client_secret": 123456789}, "Setting `client_secret` must be the client secret"),
        ({"client_secret": ""}, "Setting `client_secret` must be the client secret"),
        ({"client_secret": " short  "}, "as text of at least 8 characters."),
        (
            {"client_id": None, "client_secret": None, "access_token": "abcd\nefgh"},
            "Setting `access_token` must be a bearer token",
        ),
        ({"test_environments": []}, ENTRIES),
        ({"test_environments": E1}, ENTRIES),
        ({"test_environments": [7]}, ENTRIES),
        ({"test_environments": [{"job_ids": ["a"]}]}, ENTRIES),
        ({"test_environments": [{"id": E1, "job_ids": []}]}, ENTRIES),
        ({"test_environments": [{"id": E1, "jobs": ["a"]}]}, ENTRIES),
        ({"test_environments": [E1, {"id": E1, "job_ids": [".."]}]}, "has a wrong entry (number 2)"),
        ({"start_date": "yesterday"}, "Setting `start_date` must be a date-time such as"),
        ({"entity_id": "a b"}, "Setting `entity_id` must be an id"),
        ({"track_id": "a:b"}, "Setting `track_id` must be 1 to 64"),
        ({"track_id": "x" * 65}, "Setting `track_id` must be 1 to 64"),
        ({"track_id": "ü"}, "Setting `track_id` must be 1 to 64"),
        ({"max_parallel_requests": 0}, "Setting `max_parallel_requests` must be a whole number from 1 to 40."),
        ({"max_parallel_requests": 41}, "Setting `max_parallel_requests` must be"),
        ({"max_parallel_requests": "8"}, "Setting `max_parallel_requests` must be"),
        ({"max_parallel_requests": True}, "Setting `max_parallel_requests` must be"),
        ({"request_timeout": 601}, "Setting `request_timeout` must be a whole number of seconds from 1 to 600."),
        ({"max_attempts": 0}, "Setting `max_attempts` must be a whole number from 1 to 20."),
        ({"on_missing": "ignore"}, 'Setting `on_missing` must be "warn" or "fail".'),
        ({"user_agent": "a\r\nb"}, "Setting `user_agent` must be one line"),
        ({"base_ulr": "x"}, "Setting `base_ulr` does not exist; did you mean `base_url`?"),
        ({"BASE_URL": "x"}, "Setting `BASE_URL` does not exist; did you mean `base_url`?"),
        ({"clientSecret": "x"}, "Setting `clientSecret` does not exist; did you mean `client_secret`?"),
        ({"token": "x"}, "Setting `token` does not exist; did you mean `access_token`?"),
        ({"batch_config": {}}, "Setting `batch_config` does not exist"),
    ],
    ids=str,
)
def test_a_bad_setting_is_refused_before_anything_is_sent(tap: Tap, zuora: Zuora, config: Any, sentence: str) -> None:
    ran = tap(**config)
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith("Misconfigured: ")
    assert sentence in ran.verdict


@pytest.mark.parametrize("bad", ["..", "a/b", "a?b", "a#b", "%2e%2e", "a\nb", "a\x00b", "", " ", "x" * 129, "ü", "a.b"])
@pytest.mark.parametrize("form", ["environment", "environment with jobs", "job"])
def test_an_id_that_could_leave_its_place_in_the_path_is_refused(tap: Tap, zuora: Zuora, bad: str, form: str) -> None:
    entry: Any = {
        "environment": bad,
        "environment with jobs": {"id": bad, "job_ids": ["a"]},
        "job": {"id": E1, "job_ids": [bad]},
    }[form]
    ran = tap(test_environments=[entry])
    assert (ran.code, len(zuora.requests)) == (2, 0)
    assert "Setting `test_environments` has a wrong entry (number 1)" in ran.verdict


def test_several_bad_settings_are_all_reported_and_the_last_line_counts_them(tap: Tap) -> None:
    ran = tap(max_attempts=0, request_timeout=0)
    assert ran.verdict.endswith("(1 more above.)")
    assert {"`max_attempts`" in text for text in (ran.log, ran.verdict)} == {True, False}


def test_the_key_by_which_an_editor_finds_the_schema_of_a_file_is_no_setting(tap: Tap) -> None:
    path = tap.file("config.json", {"$schema": "schemas/settings.json", **tap.config})
    assert tap.run(["--config", path]).code == 0


def test_null_is_the_same_as_not_set(tap: Tap) -> None:
    tap.config |= {"max_attempts": None}
    path = tap.file("config.json", {**tap.config, "start_date": None, "test_environments": None, "on_missing": None})
    assert tap.run(["--config", path]).code == 0


@pytest.mark.parametrize("url", ["{}/", "{}//"])
def test_a_trailing_slash_is_tolerated(tap: Tap, zuora: Zuora, url: str) -> None:
    assert tap(base_url=url.format(tap.url)).code == 0
    assert "/test-environments" in paths(zuora)


def test_settings_come_from_the_environment_with_lists_as_json(
    tap: Tap, zuora: Zuora, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [{"id": E1, "job_ids": [job(1)["id"]]}]
    for name, value in {**tap.config, "test_environments": json.dumps(named), "max_attempts": 3}.items():
        monkeypatch.setenv(f"{PREFIX}{name.upper()}", str(value))
    ran = tap.run(["--config=ENV"])
    assert (ran.code, ran.ids()) == (0, [job(1)["id"]])
    assert f"/test-environments/{E1}/jobs/{job(1)['id']}" in paths(zuora)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAX_ATTEMPTS", "many", "must be a whole number from 1 to 20."),
        ("MAX_PARALLEL_REQUESTS", "8.0", "must be a whole number from 1 to 40."),
        ("REQUEST_TIMEOUT", "5s", "must be a whole number of seconds"),
        ("TEST_ENVIRONMENTS", "a,b", "must be a non-empty list"),
        ("TEST_ENVIRONMENTS", "['a']", "as JSON; its value is not JSON (line 1, column 2): JSON needs double quotes"),
        ("STREAM_MAPS", "{", "must be of the type object, as JSON; its value is not JSON (line 1, column 2)."),
        ("STREAM_MAPS", "[" * 5000, "is nested more than 100 levels deep."),
        ("FLATTENING_ENABLED", "truly", "must be of the type boolean: true or false."),
    ],
)
def test_a_malformed_environment_variable_is_named(
    tap: Tap, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    for setting, good in tap.config.items():
        monkeypatch.setenv(f"{PREFIX}{setting.upper()}", good)
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    ran = tap.run(["--config=ENV"])
    assert ran.code == 2
    assert ran.verdict.startswith(f"Misconfigured: The environment variable {PREFIX}{name} must be ")
    assert sentence in ran.verdict


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON (line 1, column 2)"),
        (b"", "the file is empty."),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe{\0}\0", "is not text in UTF-8 (it looks like UTF-16, which PowerShell writes)"),
        (b"\x80", "is not text in UTF-8."),
        (b"base_url: https://rest.zuora.com\n", "is not JSON: it looks like YAML."),
        (b"# Acme\n- a\n", "is not JSON: it looks like YAML."),
        (b"TAP_ZUORA_TESTENV_BASE_URL=x\n", "it looks like environment variables, which --config=ENV reads."),
        (b'{\n  "a": 1, // one\n  "b": 2}', "(line 2, column 11): it has a comment, which JSON does not allow."),
        (b'# Acme\n{"a": 1}', "(line 1, column 1): it has a comment, which JSON does not allow."),
        (b"{'a': 1}", "(line 1, column 2): JSON needs double quotes, not single ones."),
        ('{"a": \u201cb\u201d}'.encode(), 'it has typographic quotes, and JSON needs plain ones (").'),
        (b'{"a": 1,\n}', "there is a comma after the last entry."),
        (b'{"a": [1, ]}', "there is a comma after the last entry."),
        (b'{"a": True}', "JSON has only the words true, false and null."),
        (b'{"a": NaN}', "is not JSON: it contains NaN, which JSON does not have."),
        (b'{"a": 1}\n{"a": 2}', "(line 2, column 1): there is more after the end of the first value."),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "is nested more than 100 levels deep."),
        (b"[" * 100_000, "is nested more than 100 levels deep."),
        (None, "there is no such file."),
    ],
)
def test_a_file_that_is_not_a_json_object_is_named(
    tap: Tap, tmp_path: Path, option: str, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "given.json"
    if content is not None:
        path.write_bytes(content)
    good = [] if option == "--config" else ["--config", tap.file("config.json", tap.config)]
    ran = tap.run([*good, option, str(path)])
    assert ran.code == 2
    assert "given.json" in ran.verdict
    assert sentence in ran.verdict
    assert "\n" not in ran.verdict


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_folder_in_place_of_a_file_is_reported_as_one(tap: Tap, tmp_path: Path, option: str) -> None:
    good = [] if option == "--config" else ["--config", tap.file("config.json", tap.config)]
    ran = tap.run([*good, option, str(tmp_path)])
    assert ran.code == 2
    assert option in ran.verdict
    assert "Is a directory" in ran.verdict


@pytest.mark.parametrize("content", [{}, {"streams": 5}, {"streams": [{}]}, {"streams": [7]}])
def test_a_file_that_is_not_a_catalog_is_reported_as_such(tap: Tap, zuora: Zuora, content: object) -> None:
    ran = tap.run(["--config", tap.file("config.json", tap.config), "--catalog", tap.file("given.json", content)])
    assert (ran.code, len(zuora.requests)) == (2, 0)
    assert ran.verdict.endswith("given.json: the file is not a Singer catalog, such as --discover prints.")


SECRETIVE = '{"base_url": "https://rest.zuora.com", "client_secret": "s3cr3t-of-mine"}'


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SECRETIVE, "must name a file; its value is JSON, and there is no file of that name."),
        (SECRETIVE * 100, "must name a file; its value is JSON, and there is no file of that name."),
        ("s3cr3t-of-mine", "must name a file; its value is a text of 14 characters, and there is no file"),
        ("client_secret=s3cr3t-of-mine.json", "must name a file; its value is a text of 33 characters"),
        ("s3cr3t-of-mine\0", "must name a file; its value is a text of 15 characters"),
        ("", "is empty and must name a file; is a variable of your shell unset?"),
        (" ", "is empty and must name a file; is a variable of your shell unset?"),
    ],
    ids=["JSON", "long JSON", "word", "pair", "NUL", "empty", "blank"],
)
def test_an_option_that_has_no_file_name_is_refused_without_its_text(
    tap: Tap, option: str, text: str, sentence: str
) -> None:
    good = [] if option == "--config" else ["--config", tap.file("config.json", tap.config)]
    ran = tap.run([*good, option, text])
    assert (ran.code, ran.verdict[: len(option) + 15]) == (2, f"Misconfigured: {option}")
    assert sentence in ran.verdict
    assert "s3cr3t" not in ran.verdict + ran.log


def test_the_word_for_the_environment_is_in_capitals(tap: Tap) -> None:
    assert "be ENV in capitals" in tap.run(["--config", "env"]).verdict


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--nonsense"], "There is no option --nonsense; did you mean --help?"),
        (["--conf", "x.json"], "There is no option --conf; did you mean"),
        ([f"--{SECRETIVE}"], "There is no such option; --help lists all."),
        ([f"--client_secret={SECRETIVE}"], "There is no such option; --help lists all."),
        ([SECRETIVE], "An argument is not an option; --help lists the options"),
        (["--format", SECRETIVE], "--format must be json or markdown."),
        (["--config"], "Option '--config' requires an argument."),
    ],
    ids=["option", "shortened", "JSON", "secret", "argument", "choice", "nothing"],
)
def test_a_wrong_command_line_is_refused_without_its_text(tap: Tap, arguments: list[str], sentence: str) -> None:
    ran = tap.run(arguments)
    assert ran.code == 2
    assert ran.verdict.startswith("Misconfigured: ")
    assert sentence in ran.verdict
    assert "s3cr3t" not in ran.verdict + ran.log


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_file_may_begin_with_a_byte_order_mark(tap: Tap, tmp_path: Path, option: str) -> None:
    content = {"--config": tap.config, "--state": {"bookmarks": {}}, "--catalog": tap.catalog(JOBS)}[option]
    path = tmp_path / "given.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    good = [] if option == "--config" else ["--config", tap.file("config.json", tap.config)]
    ran = tap.run([*good, option, str(path)])
    assert (ran.code, ran.ids()) == (0, [job(1)["id"]])


def test_the_last_of_two_files_counts_and_the_environment_overrides_both(
    tap: Tap, zuora: Zuora, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tap.file("first.json", {**tap.config, "track_id": "first", "entity_id": "first", "user_agent": "first"})
    second = tap.file("second.json", {"track_id": "second", "entity_id": "second"})
    monkeypatch.setenv(f"{PREFIX}TRACK_ID", "environment")
    assert tap.run(["--config=ENV", "--config", first, "--config", second]).code == 0
    request = next(each for each in zuora.requests if each.method == "GET")
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = [headers[name] for name in ("zuora-track-id", "zuora-entity-ids", "user-agent")]
    assert sent == ["environment", "second", "first"]


def test_the_headers_that_zuora_asks_for_are_sent(tap: Tap, zuora: Zuora) -> None:
    tap(entity_id="2c92-a", track_id="nightly run 7", user_agent="release team/1")
    for request in zuora.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["accept"] == "application/json"
        assert headers["accept-encoding"] == "gzip"
        assert headers["user-agent"] == "release team/1"
        assert headers["zuora-track-id"] == "nightly run 7"
        assert ("zuora-entity-ids" in headers) == (request.method == "GET")


def test_without_settings_only_the_usual_headers_are_sent(tap: Tap, zuora: Zuora) -> None:
    tap()
    headers = {name.lower(): value for name, value in next(iter(zuora.requests)).headers.items()}
    assert headers["user-agent"].startswith("tap-zuora-testenv/0.")
    assert not {"zuora-track-id", "zuora-entity-ids"} & headers.keys()


@pytest.mark.parametrize("option", ["--discover", "--about", "--version", "--help"])
@pytest.mark.usefixtures("tap")
def test_an_option_that_needs_no_settings_works_without_any(zuora: Zuora, option: str) -> None:
    assert cli.run([option]) == (0, "")
    assert len(zuora.requests) == 0


def test_discovery_shows_the_schemas_as_they_are_in_their_files(tap: Tap) -> None:
    streams = {stream["stream"]: stream for stream in tap.catalog()["streams"]}
    for name in (JOBS, ENVIRONMENTS):
        with open(f"schemas/{name}.json", encoding="utf-8") as file:  # noqa: PTH123
            properties = json.load(file)["properties"]
        assert streams[name]["schema"]["properties"] == properties
        assert streams[name]["key_properties"] == ["id"]
    assert streams[JOBS]["replication_key"] == "updateTime"
    assert streams[ENVIRONMENTS]["replication_method"] == "FULL_TABLE"
