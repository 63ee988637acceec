"""The rooms of the suite keep their order: no import leads up, and none in a circle."""

import ast

from tests import rooms


def test_every_folder_is_a_room() -> None:
    inside = (rooms.ROOT / "conformance").iterdir()
    folders = {one.name for one in inside if one.is_dir() and (one / "__init__.py").is_file()}
    assert folders == set(rooms.ROOMS)


def test_no_room_imports_a_higher_one() -> None:
    assert rooms.upward() == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert rooms.circle() == []


def test_no_two_classes_share_a_name() -> None:
    where: dict[str, list[str]] = {}
    for path in sorted(rooms.ROOT.glob("conformance/**/*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                where.setdefault(node.name, []).append(str(path.relative_to(rooms.ROOT)))
    assert [(name, paths) for name, paths in where.items() if len(paths) > 1] == []
