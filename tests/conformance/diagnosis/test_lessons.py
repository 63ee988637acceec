"""Lessons: in an order in which a server is written, each short, up to the first that is broken."""

import pytest

from conformance.diagnosis.lessons import LESSONS
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import Level, requirements
from tests.conformance.command import REFERENCE, run, specimen


def test_each_lesson_plays_what_it_is_about() -> None:
    played = {one.id: one for one in scenarios()}
    for lesson in LESSONS:
        shown = {id_ for name in lesson.scenarios for id_ in played[name].requirements}
        assert set(lesson.requirements) <= shown, lesson.title


def test_the_lessons_teach_most_of_what_a_server_must_do() -> None:
    taught = [id_ for lesson in LESSONS for id_ in lesson.requirements]
    assert len(taught) == len(set(taught))
    musts = {one.id for one in requirements().values() if one.level is Level.MUST}
    assert set(taught) <= musts
    assert len(taught) > 30


def test_it_stops_at_the_first_that_is_broken() -> None:
    done = run("learn", "--launch", specimen("read-ends-a-line"), "--from", "3", "--hint")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line[:1] for line in lines[:2]] == ["✓", "✗"]
    assert "FRM-1" in done.stdout
    assert "explain one-read-one-message" in done.stdout
    assert "The word that leaves" not in done.stdout


def test_it_says_where_there_is_no_server() -> None:
    done = run("learn", "tcp://127.0.0.1:1")
    assert done.returncode == 3
    assert "nothing answers" in done.stderr


@pytest.mark.heavy
@pytest.mark.long
def test_a_correct_server_passes_all() -> None:
    done = run("learn", "--launch", REFERENCE)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("✓") == len(LESSONS)
