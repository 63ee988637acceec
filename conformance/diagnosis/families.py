"""Families of faults: broken servers that are mended in the same way.

A family is a TOML file in `families/`, named as the file is. `explain FAULT`, the causes in a
report and the field guide are made from it.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from conformance.specimens import CATALOGUE

_FAMILIES: Final = files("conformance.diagnosis") / "families"
_SUFFIX: Final = ".toml"


@dataclass(frozen=True, slots=True)
class Family:
    """One family. `title` says what is wrong in a few words, `symptom` what a user sees, `cause`
    why, `remedy` what to do, `origin` where it usually comes from. `wrong` and `right` are a few
    lines of Python. `specimens` are the broken servers that belong to it.
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

    @property
    def breaks(self) -> tuple[str, ...]:
        """The requirements that its specimens break, sorted."""
        return tuple(sorted({id_ for name in self.specimens for id_ in CATALOGUE[name].breaks}))


@cache
def families() -> dict[str, Family]:
    """Every family by its name, sorted."""
    names = sorted(
        one.name.removesuffix(_SUFFIX) for one in _FAMILIES.iterdir() if one.name.endswith(_SUFFIX)
    )
    return {name: family(name) for name in names}


@cache
def family(name: str) -> Family:
    """The family of this name."""
    data = tomllib.loads((_FAMILIES / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))
    return Family(name=name, **{**data, "specimens": tuple(data["specimens"])})


@cache
def family_of() -> dict[str, Family]:
    """The family of each specimen, by the specimen's name."""
    return {name: family for family in families().values() for name in family.specimens}
