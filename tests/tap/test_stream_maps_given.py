"""Mistakes in the setting `stream_maps`, and catalogs that singer-sdk's mapper cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tap.running import E1, ENVIRONMENTS, JOBS, environment, job

if TYPE_CHECKING:
    from tap_zuora_testenv.emulator.zuora import Zuora
    from tests.tap.running import Tap


@pytest.fixture(autouse=True)
def one_environment(zuora: Zuora) -> None:
    zuora.put_environment(environment(E1))
    zuora.put_job(E1, job(1))


IN_STATUS = f"is wrong at `{JOBS}.status`: "


@pytest.mark.parametrize(
    ("maps", "sentence"),
    [
        ({JOBS: {"status": "1 +"}}, f"{IN_STATUS}it is not an expression;"),
        ({JOBS: {"status": ""}}, f"{IN_STATUS}it is not an expression;"),
        ({JOBS: {"__filter__": "status ="}}, f"is wrong at `{JOBS}.__filter__`: it is not an expression;"),
        ({JOBS: {"__alias__": "1 +"}}, "it is not an expression;"),
        ({JOBS: {"__else__": "all"}}, 'an `__else__` must be null or "__NULL__";'),
        ({"__else__": "all"}, 'an `__else__` must be null or "__NULL__";'),
        ({JOBS: {"id": None}}, "Removing key property 'id' is not permitted"),
        ({JOBS: {"__key_properties__": ["none"]}}, "Property 'none' was not detected in schema."),
        ({JOBS: {"status": 5}}, f"is wrong at `{JOBS}.status`;"),
        ({JOBS: "status"}, f"is wrong at `{JOBS}`;"),
        ([JOBS], "Setting `stream_maps` is wrong;"),
    ],
    ids=str,
)
def test_a_mistake_that_shows_before_the_run_is_refused(tap: Tap, zuora: Zuora, maps: object, sentence: str) -> None:
    ran = tap(stream_maps=maps)
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict.startswith("Misconfigured: Setting `stream_maps` ")
    assert sentence in ran.verdict
    assert ran.verdict.endswith("ee https://sdk.meltano.com/en/latest/stream_maps.html.")
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("colour", "there is no `colour`;"),
        ("colour(status)", "there is no `colour`;"),
        ("status.colour", "there is no `colour`;"),
        ("createdById + 'a'", "TypeError, unsupported operand type(s) for +: 'NoneType' and 'str';"),
        ("md5(createdById)", "there is no `encode`;"),
        ("int(status)", "ValueError, invalid literal for int() with base 10: 'COMPLETED';"),
        ("status[99]", "IndexError, string index out of range;"),
        ("record['colour']", "KeyError, 'colour';"),
        ("1 / 0", "ZeroDivisionError, division by zero;"),
        ("lambda: 1", "FeatureNotAvailable, Sorry, Lambda is not available in this evaluator;"),
        ("fake.name()", "there is no `fake`; the package faker must be in the tap's environment;"),
    ],
)
def test_a_mistake_that_shows_at_a_record_ends_the_run_with_its_place(tap: Tap, expression: str, reason: str) -> None:
    ran = tap(stream_maps={JOBS: {"status": expression}})
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (2, [], [E1])
    assert ran.verdict.startswith(f"Misconfigured: Setting `stream_maps` {IN_STATUS}{reason} see https://sdk.")
    assert "Traceback" not in ran.log
    assert "unhandled" not in ran.log


def test_a_mistake_in_a_filter_ends_the_run_also_in_a_dry_run(tap: Tap) -> None:
    for options in ([], ["--test"]):
        ran = tap(*options, stream_maps={JOBS: {"__filter__": "colour == 'red'"}})
        assert ran.code == 2
        assert f"is wrong at `{JOBS}.__filter__`: there is no `colour`;" in ran.verdict
        assert "Traceback" not in ran.log


def test_a_filter_that_leaves_nothing_is_not_a_mistake(tap: Tap) -> None:
    ran = tap(stream_maps={JOBS: {"__filter__": "status == 'FAILED'"}})
    assert (ran.code, ran.ids(), ran.ids(ENVIRONMENTS)) == (0, [], [E1])


def test_a_result_that_no_message_can_contain_ends_the_run(tap: Tap) -> None:
    ran = tap(stream_maps={JOBS: {"status": r"'\ud800'"}})
    assert (ran.code, ran.ids()) == (2, [])
    assert ran.verdict.startswith("Misconfigured: Setting `stream_maps` is wrong: UnicodeEncodeError, ")
    assert "Traceback" not in ran.log


@pytest.mark.parametrize("entry", ["test_environments_jobs", "jobs_*", "copy"])
def test_an_entry_that_is_used_for_no_stream_gets_a_warning(tap: Tap, entry: str) -> None:
    definition = {"__source__": "test_environments_jobs"} if entry == "copy" else {"updatedById": None}
    ran = tap(stream_maps={entry: definition})
    assert (ran.code, len(ran.ids())) == (0, 1)
    assert f"The entry `{entry}` of the setting `stream_maps` is not used: no stream has that name" in ran.log


@pytest.mark.parametrize("entry", [JOBS, "test_*", "copy", "__else__"])
def test_an_entry_that_is_used_gets_no_warning(tap: Tap, entry: str) -> None:
    definition: Any = {"copy": {"__source__": JOBS}, "__else__": None}.get(entry, {"updatedById": None})
    ran = tap(stream_maps={entry: definition})
    assert ran.code == 0
    assert "is not used" not in ran.log


def test_flattening_without_a_depth_is_refused(tap: Tap) -> None:
    ran = tap(flattening_enabled=True)
    assert ran.code == 2
    assert ran.verdict == "Misconfigured: flattening_max_depth is required when flattening is enabled"


def test_a_catalog_whose_stream_was_renamed_is_refused(tap: Tap, zuora: Zuora) -> None:
    catalog = tap.catalog(JOBS)
    next(each for each in catalog["streams"] if each["tap_stream_id"] == JOBS)["stream"] = "jobs"
    ran = tap("--catalog", tap.file("given.json", catalog))
    assert (ran.code, ran.messages, len(zuora.requests)) == (2, [], 0)
    assert ran.verdict == (
        "Misconfigured: The catalog is refused: the `stream` of `test_environment_jobs` must be the same name; "
        "to rename a stream, use `__alias__` in the setting `stream_maps`."
    )


def test_a_catalog_may_lack_the_name_of_a_stream_or_a_whole_stream(tap: Tap) -> None:
    catalog = tap.catalog(JOBS)
    catalog["streams"] = [each for each in catalog["streams"] if each["tap_stream_id"] == JOBS]
    del catalog["streams"][0]["stream"]
    ran = tap("--catalog", tap.file("given.json", catalog))
    assert (ran.code, ran.verdict) == (0, "Done: emitted 1 job.")


@pytest.mark.parametrize(
    "schema",
    [{"properties": []}, {"properties": {"id": 5}}, {"properties": 5}, {"properties": {"id": {"type": 5}}}],
    ids=str,
)
@pytest.mark.parametrize("maps", [None, {JOBS: {"status": "'a'"}}], ids=["without maps", "with maps"])
def test_a_catalog_of_another_form_is_refused(tap: Tap, schema: object, maps: object) -> None:
    catalog = tap.catalog(JOBS)
    next(each for each in catalog["streams"] if each["tap_stream_id"] == JOBS)["schema"] = schema
    ran = tap("--catalog", tap.file("given.json", catalog), stream_maps=maps)
    assert ran.code == 2
    assert ran.verdict.startswith("Misconfigured: ")
    assert "catalog" in ran.verdict.lower()
    assert "Traceback" not in ran.log
