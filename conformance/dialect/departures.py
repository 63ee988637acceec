"""Derives which requirements a dialect breaks, and by which of its settings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from conformance.dialect.model import PLAIN, Capability, Dialect
from conformance.standard.requirements import requirements

_LONGEST: Final = 1_025
"""Octets of the longest line that every server must accept, with its LF (LIM-1)."""
_ABSENT: Final[dict[Capability, str]] = {
    "notices": "ERR-3 LIM-5",
    "line-limit": "LIM-2",
    "backlog-limit": "LIM-3 LIM-4",
    "half-close": "QUIT-5",
    "many-members": "LIM-6",
    "stop": "STOP-1",
    "rebind": "STOP-2",
    "second-server": "STOP-3",
}
_WHOLE_TIME: Final = (
    ("%Y", "%y"), ("%m", "%b", "%B", "%j"), ("%d", "%e", "%j"), ("%H", "%I"), ("%M",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Departure:
    """One requirement that a dialect breaks, and the settings that break it.

    `whole`: no part of it can hold in the dialect, so it is not judged. If only a part is broken,
    the rest is judged, in the dialect's terms.
    """

    requirement: str
    settings: tuple[str, ...]
    whole: bool


@lru_cache(maxsize=64)
def departures(dialect: Dialect) -> tuple[Departure, ...]:
    """Return the requirements that a dialect breaks, each once, in the standard's order."""
    settings: dict[str, list[str]] = {}
    whole: set[str] = set()
    for setting, ids, wholly in _broken(dialect):
        for id_ in ids.split():
            known = settings.setdefault(id_, [])
            if setting not in known:
                known.append(setting)
            if wholly:
                whole.add(id_)
    return tuple(
        Departure(id_, tuple(settings[id_]), id_ in whole)
        for id_ in requirements()
        if id_ in settings
    )


@lru_cache(maxsize=64)
def wholly_departed(dialect: Dialect) -> frozenset[str]:
    """Return the requirements of which no part can hold in a dialect."""
    return frozenset(one.requirement for one in departures(dialect) if one.whole)


def _broken(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    """Yield for each setting the requirements that it breaks, and whether wholly."""
    yield from _framing(dialect)
    yield from _broadcast(dialect)
    yield from _texts(dialect)
    yield from _besides(dialect)
    yield from _leaving(dialect)
    for one in sorted(dialect.absent):
        yield f'absent = ["{one}"]', _ABSENT[one], True


def _framing(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    if dialect.by_read:
        setting = _said("framing", dialect.framing)
        yield setting, "FRM-1 FRM-4 LIM-2", True
        yield setting, "FRM-2", False
        if dialect.read_size < _LONGEST:
            yield _said("read_size", dialect.read_size), "LIM-1", True


def _broadcast(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    for key in ("prefix", "header", "infix"):
        if getattr(dialect, key) != getattr(PLAIN, key):
            yield _said(key, getattr(dialect, key)), "MSG-1", False
    if not dialect.header:
        yield _said("header", dialect.header), "MSG-1", True
    if not dialect.has_time:
        yield _said("header", dialect.header), "MSG-4 MSG-5", True
    elif dialect.time != PLAIN.time:
        yield _said("time", dialect.time), "MSG-1", False
        if not all(any(part in dialect.time for part in parts) for parts in _WHOLE_TIME):
            yield _said("time", dialect.time), "MSG-4 MSG-5", True
    if not dialect.has_peer:
        yield _said("header", dialect.header), "MSG-2", True
    elif dialect.peer != PLAIN.peer:
        yield _said("peer", dialect.peer), "MSG-2", not dialect.tells_members_apart
    if re.fullmatch(r"\n+", dialect.closing) is None:
        yield _said("tail", dialect.tail), "TRN-2" if "\n" in dialect.closing else "MSG-1", False


def _texts(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    if dialect.text in ("verbatim", "repr", "left-stripped"):
        yield _said("text", dialect.text), "FRM-3", True
    if dialect.text in ("verbatim", "repr", "chomped"):
        yield _said("text", dialect.text), "TXT-3", True
    elif dialect.text != "stripped":
        yield _said("text", dialect.text), "TXT-3", False
    if dialect.is_repr:
        yield _said("text", dialect.text), "TXT-4", True
        yield _said("text", dialect.text), "TXT-5", False
    elif dialect.controls == "relayed":
        yield _said("controls", dialect.controls), "TXT-4", True
    if dialect.sends != PLAIN.sends:
        yield _said("sends", dialect.sends), "TXT-1 TXT-5", False
    if dialect.undecodable != "closes":
        yield _said("undecodable", dialect.undecodable), "TXT-2", True
    if dialect.undecodable == "passes":
        yield _said("undecodable", dialect.undecodable), "TXT-1", False
    if not dialect.knows_violations:
        yield _said("undecodable", dialect.undecodable), "ERR-1 ERR-2 ERR-3", True


def _besides(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    if not dialect.echo:
        yield "echo = false", "ROOM-2", False
    if dialect.blank != "ignored":
        yield _said("blank", dialect.blank), "HB-1", True
    for key in ("greeting", "prompt", "welcome", "join", "leave"):
        if getattr(dialect, key):
            yield _said(key, getattr(dialect, key)), "TRN-2", False
    if dialect.lines:
        yield f"lines = [{', '.join(map(_quoted, dialect.lines))}]", "TRN-2", False
    if dialect.asks_name:
        first = ("prompt", dialect.prompt) if dialect.prompt else ("first_line", "name")
        yield _said(*first), "ROOM-1", False


def _leaving(dialect: Dialect) -> Iterator[tuple[str, str, bool]]:
    quit_ = dialect.quit
    words = f"quit.words = [{', '.join(map(_quoted, quit_.words))}]"
    if not quit_.words:
        yield words, "QUIT-1 QUIT-3 QUIT-4", True
    elif "quit" not in quit_.words:
        yield words, "QUIT-1", False
    if any(word != "quit" for word in quit_.words):
        yield words, "QUIT-2", False
    if quit_.match in ("bare", "exact"):
        yield _said("quit.match", quit_.match), "QUIT-1", False
    elif quit_.match != "stripped":
        yield _said("quit.match", quit_.match), "QUIT-2", False
    if quit_.answer:
        yield _said("quit.answer", quit_.answer), "TRN-2", False
    if not quit_.closes:
        yield "quit.closes = false", "QUIT-3", True


def _said(key: str, value: str | int) -> str:
    """Write a setting as in a profile."""
    return f"{key} = {_quoted(value) if isinstance(value, str) else value}"


def _quoted(value: str) -> str:
    written = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{written}"'
