"""Lanes that confirm what was left in doubt wait for each other only where they must."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.runner.course import Course


def test_lanes_confirm_different_requirements_at_once() -> None:
    course = Course()
    with course.confirming({"ROOM-2"}) as one, course.confirming({"TXT-3"}) as other:
        assert one == {"ROOM-2"}
        assert other == {"TXT-3"}


def test_what_another_lane_is_about_to_confirm_is_waited_for() -> None:
    course = Course()

    def confirm() -> frozenset[str]:
        with course.confirming({"ROOM-2", "TXT-3"}) as left:
            return left

    with ThreadPoolExecutor() as pool:
        with course.confirming({"ROOM-2", "FRM-1"}):
            later = pool.submit(confirm)
            with pytest.raises(TimeoutError):
                later.result(0.1)
            course.broken.add("ROOM-2")
        assert later.result(10) == {"TXT-3"}
