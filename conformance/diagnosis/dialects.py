"""Finds out from the headers of its first broadcasts whether a failing server speaks a dialect."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.dialect import PLAIN, Dialect
from conformance.dialect.departures import departures
from conformance.dialect.forms import forms
from conformance.oracle.facts import Kind
from conformance.report.model import ScenarioReport
from conformance.scenarios.registry import FIRST
from conformance.target.bundled_profiles import shipped_names, shipped_profile

_HEADER: Final = Kind.HEADER.name.lower()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect that the server seems to speak.

    Judged in this dialect, it would not break the requirements in `explains`. `profile` is a
    bundled profile, or None if `probe` must find it. `options` are further options for `run`.
    """

    profile: str | None
    options: str
    explains: tuple[str, ...]


def spoken_in(results: Sequence[ScenarioReport], broken: Collection[str]) -> Spoken | None:
    """Return the dialect of the headers of a run's first broadcasts.

    None if they have the form of chatproto/1. `broken` are the requirements that failed.
    """
    first = [found for one in results if one.id == FIRST for found in one.findings]
    headed = [found.octets.encode("latin-1") for found in first if found.kind == _HEADER]
    if not headed:
        return None
    for name in shipped_names():
        dialect = shipped_profile(name).dialect
        if _is_headed_so(headed, dialect):
            ids = (one.requirement for one in departures(dialect) if one.requirement in broken)
            return Spoken(name, f"--profile {name}", tuple(ids))
    shown = sorted({found.requirement for found in first}.intersection(broken))
    return Spoken(None, "--probe", tuple(shown))


def _is_headed_so(headed: Sequence[bytes], dialect: Dialect) -> bool:
    opening = forms(dialect).opening
    if opening is None or dialect.opening == PLAIN.opening:
        return False
    return all(opening.match(octets) is not None for octets in headed)
