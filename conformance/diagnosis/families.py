"""Families of faults: broken servers, or clients, that are mended in the same way.

A family is a TOML file in `families/`, or `client_families/`, named as the file is.
`explain FAULT`, the causes in a report and the field guide are made from it.
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
    """One family. `title` says what is wrong in a few words, `symptom` what a user sees, `cause`
    why, `remedy` what to do, `origin` where it usually comes from. `wrong` and `right` are a few
    lines of Python. `specimens` are the broken servers, or clients, that belong to it. `shown_by`
    is the scenario that shows it in the fewest octets, where that is worth saying.
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
    """Every family of servers by its name, sorted."""
    return {name: _read(_FAMILIES, name) for name in _names(_FAMILIES)}


@cache
def client_families() -> dict[str, Family]:
    """Every family of clients by its name, sorted."""
    return {name: _read(_CLIENT_FAMILIES, name) for name in _names(_CLIENT_FAMILIES)}


def _names(folder: Traversable) -> list[str]:
    names = (one.name for one in folder.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def family(name: str) -> Family:
    """The family of this name, of servers or of clients."""
    return families().get(name) or client_families()[name]


def _read(folder: Traversable, name: str) -> Family:
    data = tomllib.loads((folder / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))
    return Family(name=name, **{**data, "specimens": tuple(data["specimens"])})


@cache
def family_of() -> dict[str, Family]:
    """The family of each specimen of a server, by the specimen's name."""
    return {name: family for family in families().values() for name in family.specimens}


@cache
def client_family_of() -> dict[str, Family]:
    """The family of each specimen of a client, by the specimen's name."""
    return {name: family for family in client_families().values() for name in family.specimens}
