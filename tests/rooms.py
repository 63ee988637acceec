"""The rooms of `conformance/`, and which imports which: `python -m tests.rooms` prints both.

A room is a folder. A lower one knows nothing of those above it, so the whole is read from the
bottom up, one room at a time.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
ROOMS: Final = (
    "standard",
    "specimens",
    "timing",
    "dialect",
    "transcript",
    "target",
    "probe",
    "programs",
    "oracle",
    "driver",
    "scenarios",
    "clients",
    "report",
    "diagnosis",
    "runner",
    "output",
    "watch",
    "selftest",
    "commands",
)
"""From the bottom to the top."""

Import = tuple[str, str]
"""Two modules, the one that imports first."""


def imports() -> set[Import]:
    """Return every import between modules of `conformance`, those behind `TYPE_CHECKING` and in
    functions included."""
    found: set[Import] = set()
    for path in (ROOT / "conformance").rglob("*.py"):
        module = _module(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {(module, name) for name in _named(node) if name != module}
    return found


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        deeper = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [name if _exists(name) else node.module for name in deeper]
    else:
        return
    yield from (name for name in names if name.startswith("conformance.") and _exists(name))


def _exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def room_of(module: str) -> str | None:
    """Return the room of a module; None for the package itself and its `__main__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else None


def upward() -> list[Import]:
    """Return the imports from a room to a higher one, sorted."""
    return sorted(
        (one, other)
        for one, other in imports()
        if (a := room_of(one)) and (b := room_of(other)) and ROOMS.index(a) < ROOMS.index(b)
    )


def circle() -> list[str]:
    """Return modules that import each other in a circle; empty if there is none."""
    graph: dict[str, set[str]] = defaultdict(set)
    for one, other in imports():
        graph[one].add(other)
    done: set[str] = set()
    path: list[str] = []

    def visit(module: str) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        path.append(module)
        for other in sorted(graph[module]):
            if found := visit(other):
                return found
        path.pop()
        done.add(module)
        return []

    for module in sorted(graph):
        if found := visit(module):
            return found
    return []


def show() -> str:
    """Draw the rooms from the top down: the modules in each, and the rooms it imports."""
    inside: dict[str, set[str]] = defaultdict(set)
    below: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "conformance").rglob("*.py"):
        module = _module(path)
        if (room := room_of(module)) and module.count(".") > 1:
            inside[room].add(module.split(".", 2)[2])
    for one, other in imports():
        if (a := room_of(one)) and (b := room_of(other)) and a != b:
            below[a].add(b)
    lines: list[str] = []
    for room in reversed(ROOMS):
        lines.append(f"{room}: {', '.join(sorted(inside[room]))}")
        known = sorted(below[room], key=ROOMS.index, reverse=True)
        lines.append(f"    imports {', '.join(known) if known else 'no other room'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(f"{show()}\n")
