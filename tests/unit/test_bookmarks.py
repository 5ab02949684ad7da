from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tap_zuora_testenv.bookmarks import REPLICATION_KEY, Bookmark, Seen, is_finished
from tap_zuora_testenv.timestamps import NANOSECONDS_PER_SECOND, Instant, from_instant, instant

MINUTE = 60 * NANOSECONDS_PER_SECOND
NOW = instant("2026-01-01T12:00:00Z") or 0
FINISHED = ["COMPLETED", "FAILED", "CANCELLED"]
UNFINISHED = [
    "NEW",
    "SCHEDULED",
    "QUEUED",
    "INITIATED",
    "PROVISIONING",
    "DEPROVISIONING",
    "EXPORTING",
    "SCRUBBING",
    "RESETTING",
    "IMPORTING",
    "FINALIZING",
    "CANCELLING",
]


def job(identity: object = "j", status: object = "COMPLETED", updated: Instant | None = NOW) -> dict[str, Any]:
    return {
        "id": identity,
        "status": status,
        REPLICATION_KEY: None if updated is None else from_instant(updated),
    }


def seen(*jobs: dict[str, Any], listed: bool = True) -> Seen:
    all_of_them = Seen(listed=listed)
    for one in jobs:
        all_of_them.add(one)
    return all_of_them


# One rule.


@pytest.mark.parametrize("status", FINISHED)
def test_completed_failed_and_cancelled_are_the_ends_of_a_job(status: str) -> None:
    assert is_finished(job(status=status))


@pytest.mark.parametrize("status", [*UNFINISHED, "BRAND_NEW", "completed", "", None, 5, [], ["COMPLETED"]])
def test_no_other_status_is_the_end_of_a_job(status: object) -> None:
    assert not is_finished(job(status=status))


@pytest.mark.parametrize("bookmark", [Bookmark(NOW, unfinished=()), Bookmark(NOW, finished=("j",))])
@pytest.mark.parametrize(
    ("updated", "wanted"),
    [(NOW - 1, False), (NOW, True), (NOW + 1, True), (None, True)],
    ids=["before", "at", "after", "absent"],
)
def test_a_settled_job_is_wanted_from_the_bookmark_on(
    bookmark: Bookmark,
    updated: Instant | None,
    wanted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert bookmark.wants(job(updated=updated), None) is wanted


@pytest.mark.parametrize(
    "bookmark",
    [
        Bookmark(NOW, unfinished=("j",)),
        Bookmark(NOW, unfinished=("J",)),
        Bookmark(NOW, finished=()),
        Bookmark(NOW, finished=("other",)),
        Bookmark(NOW),
        Bookmark(),
    ],
    ids=repr,
)
def test_a_job_that_is_not_settled_is_always_wanted(bookmark: Bookmark) -> None:
    assert bookmark.wants(job(updated=NOW - MINUTE), None)


@pytest.mark.parametrize("status", UNFINISHED)
def test_an_unfinished_job_is_always_wanted(status: str) -> None:
    assert Bookmark(NOW, unfinished=()).wants(job(status=status, updated=NOW - MINUTE), NOW)


def test_ids_are_compared_without_case() -> None:
    assert not Bookmark(NOW, finished=("J",)).wants(job("j", updated=NOW - 1), None)


def test_an_id_that_is_a_number_is_known_again() -> None:
    after = Bookmark().after(seen(job(7), listed=False), now=NOW)
    assert after.finished == ("7",)
    assert not Bookmark(NOW, finished=("7",)).wants(job(7, updated=NOW - 1), None)


def test_an_id_with_half_a_character_can_be_written_and_is_known_again() -> None:
    after = Bookmark().after(seen(job("a\ud800"), listed=False), now=NOW)
    assert str(after.to_state()).encode()
    assert not Bookmark(NOW, finished=after.finished).wants(job("a\ud800", updated=NOW - 1), None)


def test_a_stamp_that_names_no_instant_counts_as_none() -> None:
    assert Bookmark(NOW, unfinished=()).wants({**job(), REPLICATION_KEY: "soon"}, None)


# The setting start_date.


def test_without_a_bookmark_a_finished_job_from_before_the_start_is_left_out() -> None:
    assert not Bookmark().wants(job(updated=NOW - 1), NOW)
    assert Bookmark().wants(job(updated=NOW), NOW)


@pytest.mark.parametrize("one", [job(status="NEW", updated=NOW - 1), job(updated=None)], ids=["unfinished", "no stamp"])
def test_without_a_bookmark_any_other_job_is_wanted(one: dict[str, Any]) -> None:
    assert Bookmark().wants(one, NOW)


def test_a_bookmark_overrides_the_start() -> None:
    assert Bookmark(NOW - MINUTE, unfinished=()).wants(job(updated=NOW - MINUTE), NOW)
    assert not Bookmark(NOW, unfinished=()).wants(job(updated=NOW - 1), NOW - MINUTE)


# What is written back.


def test_a_list_leaves_the_latest_stamp_and_the_unfinished_jobs_in_order() -> None:
    jobs = [job("c", "NEW", NOW - 5), job("b", updated=NOW - 3), job("a", "QUEUED", NOW - 4)]
    assert Bookmark().after(seen(*jobs), now=NOW) == Bookmark(NOW - 3, unfinished=("a", "c"))


def test_named_jobs_leave_the_latest_stamp_and_the_finished_ones() -> None:
    jobs = [job("c", "NEW", NOW - 5), job("b", updated=NOW - 3)]
    assert Bookmark().after(seen(*jobs, listed=False), now=NOW) == Bookmark(NOW - 3, finished=("b",))


def test_a_bookmark_does_not_move_back_to_older_stamps() -> None:
    assert Bookmark(NOW - 1).after(seen(job(updated=NOW - 9)), now=NOW).at == NOW - 1


def test_a_bookmark_is_never_after_the_start_of_the_run() -> None:
    assert Bookmark().after(seen(job(updated=NOW + 9)), now=NOW).at == NOW
    assert Bookmark(NOW + 9).after(seen(), now=NOW).at == NOW


def test_without_a_stamp_there_is_no_bookmark_but_what_was_seen_is_kept() -> None:
    after = Bookmark().after(seen(job(updated=None), job("k", "NEW", None)), now=NOW)
    assert after.to_state() == {"unfinished": ["k"]}


def test_naming_jobs_leaves_what_listing_wrote_as_it_was() -> None:
    listed = Bookmark(NOW - 9, unfinished=("k",))
    assert listed.after(seen(job("k"), listed=False), now=NOW) is listed


def test_listing_replaces_what_naming_jobs_wrote() -> None:
    assert Bookmark(NOW - 9, finished=("j",)).after(seen(job()), now=NOW) == Bookmark(NOW, unfinished=())


# The state.


def test_the_state_is_written_in_names_and_forms_that_others_read() -> None:
    assert Bookmark(NOW, unfinished=("a",)).to_state() == {
        "replication_key": "updateTime",
        "replication_key_value": "2026-01-01T12:00:00Z",
        "unfinished": ["a"],
    }
    assert Bookmark(NOW + 500_000_000, finished=()).to_state() == {
        "replication_key": "updateTime",
        "replication_key_value": "2026-01-01T12:00:00.5Z",
        "finished": [],
    }


def test_the_first_run_has_no_bookmark() -> None:
    assert Bookmark.from_state({}) == Bookmark()
    assert Bookmark().to_state() == {}


ids = st.none() | st.lists(st.text(), max_size=3).map(tuple)


@given(st.none() | st.integers(0, 2**62), ids, ids)
def test_a_bookmark_written_and_read_is_the_same(
    at: Instant | None, unfinished: tuple[str, ...] | None, finished: tuple[str, ...] | None
) -> None:
    bookmark = Bookmark(at, unfinished, finished)
    assert Bookmark.from_state(json.loads(json.dumps(bookmark.to_state()))) == bookmark


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"replication_key_value": "soon"}, "replication_key_value"),
        ({"replication_key_value": 1_767_268_800_000}, "replication_key_value"),
        ({"replication_key_value": ["2026-01-01"]}, "replication_key_value"),
        ({"unfinished": "j"}, "unfinished"),
        ({"unfinished": [5]}, "unfinished"),
        ({"finished": {"j": True}}, "finished"),
        ({"finished": [None]}, "finished"),
    ],
)
def test_a_state_that_is_not_ours_is_refused_by_the_name_of_what_is_wrong(
    state: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"its {complaint} is not"):
        Bookmark.from_state(state)


# Histories: jobs change at Zuora, and runs of every kind read them. Time is in seconds of Zuora's clock.

JOB_IDS = ("A", "B", "C", "D")
BEGIN = 1_767_268_800


class Stamp(NamedTuple):
    """What a change does to `updateTime`.

    Attributes:
        form: The one of Zuora's forms in which it is written; None for no stamp.
        ahead: Seconds in the future, 0 for now.
    """

    form: int | None
    ahead: int

    def at(self, now: int) -> object:
        at = now + self.ahead
        in_utc = from_instant(at * NANOSECONDS_PER_SECOND)
        elsewhere = from_instant((at + 5400) * NANOSECONDS_PER_SECOND)
        forms = [
            in_utc,
            in_utc.replace("Z", ".000Z"),
            in_utc.replace("T", " ").replace("Z", ""),
            elsewhere.replace("Z", "+01:30"),
            elsewhere.replace("Z", ".000+0130"),
            in_utc.replace("Z", " UTC"),
            at * 1000,
        ]
        return None if self.form is None else forms[self.form]


class Change(NamedTuple):
    """A job appears, goes on, ends, or is touched once more after its end.

    A stamp of None does not move `updateTime`; a job that ended is never changed without a new one.
    """

    job: str
    finishes: bool
    stamp: Stamp | None
    seconds_later: int = 1


class Run(NamedTuple):
    """A run of the tap.

    Attributes:
        named: The jobs that the configuration names; None to list them.
        failing: The jobs whose request fails, or whose element of the list is not a row.
        list_fails: Whether the request for the list fails.
        interrupted_after: The number of answers after which a signal arrives, if that is before the end.
        slow: How many seconds the tap's clock is behind Zuora's.
        meanwhile: What changes between the requests of a run that names jobs.
        lacking: The jobs that the list lacks, of those that the tap has seen as they are or knows to be unfinished.
            With all of them, the list is empty.
    """

    named: tuple[str, ...] | None = None
    failing: frozenset[str] = frozenset()
    list_fails: bool = False
    interrupted_after: int | None = None
    slow: int = 0
    meanwhile: tuple[Change, ...] = ()
    lacking: frozenset[str] = frozenset()


@dataclass
class World:
    """Zuora, a warehouse, and the state that a tap with some rule keeps between its runs."""

    rule: type[Bookmark] = Bookmark
    follows_up: bool = True
    now: int = BEGIN
    zuora: dict[str, dict[str, Any]] = field(default_factory=dict)
    warehouse: dict[str, dict[str, Any]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    settled: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The finished jobs as the run that wrote the state saw them."""
    sent_again: list[dict[str, Any]] = field(default_factory=list)
    """Of all that runs emitted: what was settled, has not changed, and has a stamp before the bookmark."""

    def happen(self, event: Change | Run) -> None:
        match event:
            case Change():
                self.change(event)
            case Run():
                self.run(event)

    def change(self, change: Change) -> None:
        self.now += change.seconds_later
        before = self.zuora.get(change.job, {"id": change.job, "progressPercentage": 0})
        stamp = change.stamp
        if stamp is None and (change.job not in self.zuora or is_finished(before)):
            stamp = Stamp(0, 0)
        self.zuora[change.job] = {
            **before,
            "progressPercentage": before["progressPercentage"] + 1,
            "status": "COMPLETED" if change.finishes or is_finished(before) else "IMPORTING",
            **({} if stamp is None else {REPLICATION_KEY: stamp.at(self.now)}),
        }

    def run(self, run: Run) -> None:
        started = (self.now - run.slow) * NANOSECONDS_PER_SECOND
        bookmark, observed, is_whole = self.rule.from_state(self.state), Seen(listed=run.named is None), True
        finished: dict[str, dict[str, Any]] = {}
        for number, job_id in enumerate([*self.zuora] if run.named is None else run.named):
            if run.list_fails or number == run.interrupted_after:
                return
            if run.named is not None and 0 < number <= len(run.meanwhile):
                self.change(run.meanwhile[number - 1])
            if self.is_lacking(job_id, run, bookmark):
                continue
            if job_id in run.failing or job_id not in self.zuora:
                is_whole = False
                continue
            answer = dict(self.zuora[job_id])
            observed.add(answer)
            if is_finished(answer):
                finished[job_id] = answer
            if bookmark.wants(answer, None):
                self.emit(answer, bookmark)
        if not is_whole and run.named is None:
            return
        written = json.loads(json.dumps(bookmark.after(observed, now=started).to_state()))
        if run.named is None or bookmark.unfinished is None:
            self.settled = finished
        self.state = written

    def is_lacking(self, job_id: str, run: Run, bookmark: Bookmark) -> bool:
        """Return whether a list lacks a job that is not requested by its id either."""
        if run.named is not None or job_id not in run.lacking:
            return False
        if job_id in (bookmark.unfinished or ()):
            return not self.follows_up
        job = self.zuora[job_id]
        return is_finished(job) and self.warehouse.get(job_id) == job

    def emit(self, answer: dict[str, Any], bookmark: Bookmark) -> None:
        self.warehouse[answer["id"]] = answer
        at = instant(answer[REPLICATION_KEY])
        if bookmark.at is not None and at is not None and at < bookmark.at and self.settled.get(answer["id"]) == answer:
            self.sent_again.append(answer)


class PlainBookmark(Bookmark):
    """The rule that comes to mind first."""

    @override
    def wants(self, job: dict[str, Any], start: Instant | None) -> bool:
        updated = instant(job.get(REPLICATION_KEY))
        return self.at is None or updated is None or updated >= self.at


def lived(history: list[Change | Run], rule: type[Bookmark] = Bookmark, *, follows_up: bool = True) -> World:
    """Let a history happen, and then one more run that lists everything and is complete."""
    world = World(rule, follows_up)
    for event in [*history, Run()]:
        world.happen(event)
    return world


stamps = st.builds(Stamp, st.integers(0, 6), st.just(0))
odd_stamps = st.builds(Stamp, st.none() | st.integers(0, 6), st.sampled_from([0, 1, 5, 1000]))
some_jobs = st.lists(st.sampled_from(JOB_IDS), unique=True, min_size=1).map(tuple)
mostly_none: st.SearchStrategy[frozenset[str]] = st.sampled_from(
    [frozenset()] * 6 + [frozenset(one) for one in JOB_IDS]
)


def histories_of(
    stamps: st.SearchStrategy[Stamp], slow: st.SearchStrategy[int], changes_in_a_run: int
) -> st.SearchStrategy[list[Change | Run]]:
    changes = st.builds(
        Change,
        st.sampled_from(JOB_IDS),
        st.booleans(),
        st.none() | stamps,
        st.sampled_from([1, 1, 2, 0]),
    )
    runs = st.builds(
        Run,
        named=st.none() | some_jobs,
        failing=mostly_none,
        list_fails=st.sampled_from([False] * 7 + [True]),
        interrupted_after=st.sampled_from([None] * 6 + [0, 1, 2, 3]),
        slow=slow,
        meanwhile=st.lists(changes, max_size=changes_in_a_run).map(tuple),
        lacking=st.sampled_from([frozenset(), frozenset(), frozenset(JOB_IDS), *(frozenset(one) for one in JOB_IDS)]),
    )
    event = st.one_of(changes, changes, st.just(Run()), runs)
    return st.lists(event, min_size=10, max_size=40) | st.lists(event, max_size=10)


histories = histories_of(stamps | odd_stamps, st.sampled_from([0, 0, 1, 5, 1000]), 2)
# The limit of the rule: if the tap's clock is ahead of Zuora's, the start of the run does not bound what follows. A
# bookmark from a stamp in the future, or from a change during the run, may then be after the next change.
histories_on_a_fast_clock = histories_of(stamps, st.sampled_from([0, -1, -5, -1000, 5]), 0)
many = settings(max_examples=400)
searching = settings(max_examples=2000, database=None, phases=[Phase.generate])
"""Such a history is found among the first hundred; no time is spent on making it smaller."""


# A list in between is empty, and then the job ends with its `updateTime` unchanged.
LACKING: list[Change | Run] = [
    Change("A", False, Stamp(0, 0)),
    Run(),
    Change("B", True, Stamp(0, 0)),
    Run(lacking=frozenset(JOB_IDS)),
    Change("A", True, None),
]


@given(histories)
@example(LACKING)
@example([Change("A", False, Stamp(0, 0)), Change("B", True, Stamp(0, 0)), Run(), Change("A", True, None)])
@example([Change("A", True, Stamp(0, 1000)), Run(), Change("B", True, Stamp(0, 0))])
@many
def test_after_any_history_nothing_is_lost(history: list[Change | Run]) -> None:
    world = lived(history)
    assert world.warehouse == world.zuora


@given(histories_on_a_fast_clock)
@many
def test_on_a_clock_that_is_ahead_nothing_is_lost_while_no_stamp_is(history: list[Change | Run]) -> None:
    world = lived(history)
    assert world.warehouse == world.zuora


@given(histories | histories_on_a_fast_clock)
@many
def test_a_finished_job_that_did_not_change_is_not_sent_again(history: list[Change | Run]) -> None:
    assert lived(history).sent_again == []


def test_a_job_is_lost_if_a_list_that_lacks_it_settles_it() -> None:
    assert lived(LACKING).warehouse == lived(LACKING).zuora
    careless = lived(LACKING, follows_up=False)
    assert careless.warehouse != careless.zuora


def loses(history: list[Change | Run], rule: type[Bookmark]) -> bool:
    world = lived(history, rule)
    return world.warehouse != world.zuora


@pytest.mark.parametrize("strategy", [histories, histories_on_a_fast_clock], ids=["slow", "fast"])
def test_the_plain_rule_loses_jobs_in_such_histories(
    strategy: st.SearchStrategy[list[Change | Run]],
) -> None:
    assert find(strategy, lambda history: loses(history, PlainBookmark), settings=searching)


class ForgetfulBookmark(Bookmark):
    """The rule without its lists: what is finished counts as settled."""

    @override
    def _is_settled(self, job: dict[str, Any]) -> bool:
        return True


def test_the_rule_loses_jobs_without_its_lists() -> None:
    assert find(histories, lambda history: loses(history, ForgetfulBookmark), settings=searching)


class EagerBookmark(Bookmark):
    """The rule without its bound: a bookmark may be in the future."""

    @override
    def after(self, seen: Seen, *, now: Instant) -> Bookmark:
        return super().after(seen, now=now + 10_000 * NANOSECONDS_PER_SECOND)


def test_the_rule_loses_jobs_when_a_bookmark_may_be_in_the_future() -> None:
    assert find(histories, lambda history: loses(history, EagerBookmark), settings=searching)


@given(histories)
def test_a_bookmark_moves_neither_back_nor_forward_beyond_the_start_of_a_run(
    history: list[Change | Run],
) -> None:
    world, latest = World(), 0
    for event in history:
        started = (world.now - (event.slow if isinstance(event, Run) else 0)) * NANOSECONDS_PER_SECOND
        world.happen(event)
        at = Bookmark.from_state(world.state).at or 0
        if isinstance(event, Run):
            assert at >= min(latest, started)
            assert at <= max(latest, started)
            latest = at
