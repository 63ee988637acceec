"""A server is checked after each scenario, unless it has been spoilt by every one before."""

import sys
from pathlib import Path

import pytest

from conformance.driver.health_check import Aftermath
from conformance.driver.stage import Stage
from conformance.runner.course import Course
from conformance.runner.session import Session, Settings
from conformance.scenarios.registry import plays
from conformance.target.profile import Launch, Profile
from tests.conformance.command import REFERENCE

DEAF = f"{sys.executable} {Path(__file__).with_name('hostile.py')} 'reads no more' {{port}}"


def is_kept(course: Course, command: str = REFERENCE) -> bool:
    """Whether a server is kept after two clients have connected and left."""
    profile = Profile(launch=Launch(command=command))
    session = Session(Settings(profile=profile, address="tcp://127.0.0.1:0"), course)
    [play] = (play for play in plays() if play.scenario.id == "msg/header")

    def connect(stage: Stage) -> None:
        stage.connect()
        stage.connect()

    try:
        with session.stage(play.scenario) as stage:
            stage.play(lambda: connect(stage))
            session.judge(stage)
        assert session.server is not None
        return session.server.pid is not None
    finally:
        session.close()


def test_a_sound_server_is_kept_and_checked_again() -> None:
    course = Course(has_been_unsound=True, deserted=2)
    assert is_kept(course)
    assert not course.deserted


def test_one_in_which_newcomers_cannot_chat_is_replaced_and_counted() -> None:
    course = Course(has_been_unsound=True, deserted=2)
    assert not is_kept(course, DEAF)
    assert course.deserted == 3


def test_one_that_is_spoilt_each_time_is_replaced_unchecked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Aftermath, "is_sound", None)
    assert not is_kept(Course(has_been_unsound=True, deserted=3))


def test_it_is_checked_until_one_transcript_shows_what_newcomers_find() -> None:
    course = Course(deserted=3)
    assert is_kept(course)
    assert not course.deserted
