"""Families of faults: broken servers or clients that have the same remedy.

Each family is a TOML file in `families/` or `client_families/`, and is named after its file. The
output of `explain FAULT`, the causes in a report and the field guide are made from these files.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from conformance.specimens import every_specimen

_FAMILIES: Final = files("conformance.diagnosis") / "families"
_CLIENT_FAMILIES: Final = files("conformance.diagnosis") / "client_families"
_SUFFIX: Final = ".toml"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of faults.

    `title` says in a few words what is wrong, `symptom` what a user sees, `cause` why, `remedy`
    what to do, `origin` where it usually comes from. `wrong` and `right` are a few lines of Python.
    `specimens` are the broken servers or clients that belong to it. `shown_by` is the scenario that
    shows it in the fewest octets; it may be empty.
    """

    name: str
    title: str
    symptom: str
    cause: str
    remedy: str
    origin: str
    specimens: tuple[str, ...]
    wrong: str
    right: str
    shown_by: str = ""

    @property
    def breaks(self) -> tuple[str, ...]:
        """The requirements that its specimens break, sorted."""
        return tuple(
            sorted({id_ for name in self.specimens for id_ in every_specimen()[name].breaks})
        )


@cache
def families() -> dict[str, Family]:
    """Return every family of server faults by name, sorted."""
    return {name: _read(_FAMILIES, name) for name in _names(_FAMILIES)}


@cache
def client_families() -> dict[str, Family]:
    """Return every family of client faults by name, sorted."""
    return {name: _read(_CLIENT_FAMILIES, name) for name in _names(_CLIENT_FAMILIES)}


def _names(folder: Traversable) -> list[str]:
    names = (one.name for one in folder.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def family(name: str) -> Family:
    """Return the family with this name, of server or of client faults."""
    return families().get(name) or client_families()[name]


def _read(folder: Traversable, name: str) -> Family:
    data = tomllib.loads((folder / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))
    return Family(name=name, **{**data, "specimens": tuple(data["specimens"])})


@cache
def family_of() -> dict[str, Family]:
    """Return the family of each server specimen, by the specimen's name."""
    return {name: family for family in families().values() for name in family.specimens}


@cache
def client_family_of() -> dict[str, Family]:
    """Return the family of each client specimen, by the specimen's name."""
    return {name: family for family in client_families().values() for name in family.specimens}
