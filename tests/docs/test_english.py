"""dev/english.py finds the habits that it describes, where they are, and leaves good English alone."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from dev.english import CHECKOUT, DRAWN, EXEMPT, findings, published

GIT = shutil.which("git")
HABITS = [
    "Who has it can erase a sandbox.",
    "Keep it safe. Who has it can erase a sandbox.",
    "Whom Airflow loads.",
    "A long id is whole for who copies it.",
    "Whoever has it can erase a sandbox.",
    "The log tells what was requested.",
    "Progress is told every ten seconds.",
    "The row stands there twice.",
    "Its own words stand above.",
    "A time that lies in the future.",
    "Jobs that lie after the bookmark.",
    "For those jobs alone.",
    "Leave it. That alone is enough.",
    "One bookmark an environment.",
    "It writes 182 bytes an environment, on average.",
    "A line a row, a file a run.",
    "The answer has begun.",
    "In the midst of a run.",
    "The tap shall not do that.",
    "Mend it.",
    "The same but for its process.",
    "A secret belongs into the environment.",
    "The list is written anew.",
    "It starts afresh.",
    "It runs for ever.",
    "It ends the run all the same.",
    "A project of its own.",
    "An API request that has a path of their own.",
    "A row that is no job.",
    "An answer that is none.",
    "It is taken for a fault.",
    "A spreadsheet takes it for a formula.",
    "A list that cannot be had.",
    "To be rid of them, drop the schema.",
    "The variables by which dbt gets to know the place.",
    "Print what came of the run.",
    "The first fault has its way.",
    "It waits in vain.",
    "This may no longer be so.",
    "Without more it shows an emulated Zuora.",
    "A habit goes on in\nthe next line: a row that is\nno job.",
]
GOOD = [
    "Anyone who has the secret can erase a sandbox.",
    "Who has it?",
    "Ask the user who has it.",
    "It stands for the process that reads, and it stands out.",
    "The server is left alone, and a comment leaves the next one alone.",
    "A stand-alone module.",
    "A line that is left\nalone.",
    "One line per row, once a day.",
    "Without a thread a run ends, and a response a message may quote.",
    "One of a stream, 5 and a run, 100 in a second.",
    "Everything but the process for a request.",
    "There is no job, and it is no longer there, no later than that, and no more than one.",
    "It is none of them.",
    "A project of your own.",
    "That is taken for granted; it takes a minute for that.",
    "All the same form: all the same as before.",
    "The same as before, if that is so.",
    "It can be so small that nobody sees it.",
]


def found_in(text: str, name: str = "page.md") -> list[tuple[int, str]]:
    return [(line, words) for line, words, _ in sorted(findings(name, text))]


@pytest.mark.parametrize("text", HABITS)
def test_a_habit_is_found(text: str) -> None:
    assert found_in(text)


@pytest.mark.parametrize("text", GOOD)
def test_good_english_passes(text: str) -> None:
    assert found_in(text) == []


def test_a_habit_is_found_in_its_line_with_what_to_write_instead() -> None:
    assert list(findings("page.md", "One\n\nA row that\nis no job.\n")) == [(3, "that is no job", '"is not a"')]


def test_the_english_of_a_module_is_its_comments_strings_and_names_of_tests() -> None:
    text = '''"""Who has it can read it."""

# It goes on in
# the midst of a comment, and
# the row stands here.
NAME = "it is taken for another"  # The list is written anew.


def test_a_row_that_is_no_job_is_left_out() -> None:
    told = alone = f"The run {NAME} lies elsewhere."
'''
    assert found_in(text, "module.py") == [
        (1, "Who has"),
        (4, "midst"),
        (5, "stands"),
        (6, "anew"),
        (6, "taken for"),
        (9, "that is no job"),
        (10, "lies elsewhere"),
    ]


def test_marks_of_comments_do_not_hide_a_habit_that_goes_on_in_the_next_line() -> None:
    assert found_in("-- A row that is\n-- no job.\nselect 1", "model.sql") == [(1, "that is no job")]
    assert found_in("# A row that\n# is no job.\nkey: 1", "settings.yml") == [(1, "that is no job")]


@pytest.mark.skipif(GIT is None or not (CHECKOUT / ".git").exists(), reason="an sdist has no history")
def test_every_text_that_git_tracks_is_read() -> None:
    line = [str(GIT), "ls-files"]
    tracked = subprocess.run(line, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - git
    read = {path.relative_to(CHECKOUT).as_posix() for path in published()}
    others = {path for path in tracked.splitlines() if path not in read}
    assert {path for path in others if not path.endswith(tuple(DRAWN))} <= EXEMPT
