"""The rooms of the suite keep their order: no import leads up, and none in a circle."""

from tests import rooms


def test_every_folder_is_a_room() -> None:
    inside = (rooms.ROOT / "conformance").iterdir()
    folders = {one.name for one in inside if one.is_dir() and (one / "__init__.py").is_file()}
    assert folders == set(rooms.ROOMS)


def test_no_room_imports_a_higher_one() -> None:
    assert rooms.upward() == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert rooms.circle() == []
