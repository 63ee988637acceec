"""Lanes that confirm what was left in doubt keep out of each other's way only where they must."""

from conformance.runner.course import Course


def test_lanes_confirm_different_requirements_at_once() -> None:
    course = Course()
    with course.confirming({"ROOM-2"}) as one, course.confirming({"TXT-3"}) as other:
        assert one == frozenset({"ROOM-2"})
        assert other == frozenset({"TXT-3"})


def test_what_another_lane_is_about_to_confirm_is_left_to_it() -> None:
    course = Course()
    with course.confirming({"ROOM-2", "FRM-1"}):
        assert course.is_in_question({"ROOM-2", "TXT-3"})
        with course.confirming({"ROOM-2", "TXT-3"}) as left:
            assert left is None
        course.broken.add("ROOM-2")
    assert not course.is_in_question({"ROOM-2", "TXT-3"})
    with course.confirming({"ROOM-2", "TXT-3"}) as left:
        assert left == frozenset({"TXT-3"})
