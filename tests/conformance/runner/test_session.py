"""A server is checked after each scenario, unless it has been spoilt by every one before."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.driver.health_check import Aftermath
from conformance.driver.stage import Stage
from conformance.runner.course import Course
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import plays
from conformance.target.profile import Launch, Profile
from conformance.transcript.events import Connected, Event, Exited, HalfClosed, Sent, Start
from tests.conformance.command import REFERENCE

_HOSTILE = f"{sys.executable} {Path(__file__).with_name('hostile.py')}"
DEAF = f"{_HOSTILE} 'reads no more' {{port}}"
MORTAL = f"{_HOSTILE} 'dies at the fifth' {{port}}"


@contextmanager
def session_of(command: str, course: Course) -> Iterator[Session]:
    profile = Profile(launch=Launch(command=command))
    session = Session(Settings(profile=profile, address="tcp://127.0.0.1:0"), course)
    try:
        yield session
    finally:
        session.close()


def two_come(session: Session) -> list[Event]:
    """Let two clients connect and leave; return the transcript."""
    [play] = (play for play in plays() if play.scenario.id == "msg/header")

    def connect(stage: Stage) -> None:
        stage.connect()
        stage.connect()

    with session.stage(play.scenario) as stage:
        stage.play(lambda: connect(stage))
        return session.judge(stage)[1]


def is_kept(course: Course, command: str = REFERENCE) -> bool:
    """Whether a server is kept after two clients have connected and left."""
    with session_of(command, course) as session:
        two_come(session)
        assert session.server is not None
        return session.server.pid is not None


def test_a_sound_server_is_kept_and_checked_again() -> None:
    course = Course(has_been_unsound=True, deserted=2)
    assert is_kept(course)
    assert not course.deserted


def test_one_in_which_newcomers_cannot_chat_is_replaced_and_counted() -> None:
    course = Course(has_been_unsound=True, deserted=2)
    assert not is_kept(course, DEAF)
    assert course.deserted == 3


def test_who_came_after_a_scenario_is_in_the_transcript_of_one_that_died_of_them() -> None:
    with session_of(MORTAL, Course()) as session:
        transcript = two_come(session)
    came = [event.client for event in transcript if isinstance(event, Connected)]
    assert came[:4] == ["c1", "c2", "v1", "v2"]
    said = {event.client for event in transcript if isinstance(event, Sent)}
    assert {"v1", "v2"} <= said
    assert any(isinstance(event, Exited) for event in transcript)
    times = [event.t for event in transcript]
    assert times == sorted(times)


def test_who_left_is_in_the_transcript_of_one_that_dies_when_it_has_been_found_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(_: Aftermath) -> bool:
        assert session.server is not None
        assert session.server.pid is not None
        os.kill(session.server.pid, signal.SIGKILL)
        session.server.wait(10.0)
        return True

    monkeypatch.setattr(Aftermath, "is_sound", die)
    with session_of(REFERENCE, Course()) as session:
        events = [type(event) for event in two_come(session)]
    assert events.index(HalfClosed) < events.index(Exited)


def test_nobody_has_been_at_one_that_replaces_another() -> None:
    with session_of(MORTAL, Course()) as session:
        starts = [two_come(session)[0] for _ in range(2)]
    assert [start.words for start in starts if isinstance(start, Start)] == [(), ()]


def test_one_that_is_spoilt_each_time_is_replaced_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Aftermath, "is_sound", None)
    assert not is_kept(Course(has_been_unsound=True, deserted=3))


def test_it_is_checked_until_one_transcript_shows_what_newcomers_find() -> None:
    course = Course(deserted=3)
    assert is_kept(course)
    assert not course.deserted
