"""The dictionary of faults: how often each specimen showed each symptom.

There is one of broken servers, which `make diagnosis` makes by running the suite against each, and
one of broken clients, which `make client-diagnosis` makes. Both ship with the suite. `made` says by
which commit.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict

from conformance.diagnosis.symptoms import symptoms_of
from conformance.report.model import ScenarioReport

_FILES: Final = files("conformance.diagnosis")
_OFTEN: Final = 0.5


class DictionaryFile(BaseModel):
    """The file. `symptoms` are numbered from 0; of each specimen it says its family, the number of
    runs, and in how many of them it showed which symptom."""

    model_config = ConfigDict(extra="forbid")

    made: dict[str, str]
    symptoms: list[str]
    specimens: dict[str, tuple[str, int, dict[int, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One specimen, of a family: how likely a run against it shows each symptom, of those that it
    ever did."""

    specimen: str
    family: str
    shows: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """All entries. `weights` says how telling each symptom is: the fewer families often show it,
    the more. One that none ever showed weighs `most`."""

    entries: tuple[Entry, ...]
    weights: Mapping[str, float]
    most: float

    def weight(self, symptom: str) -> float:
        """How telling a symptom is."""
        return self.weights.get(symptom, self.most)


@cache
def dictionary() -> Dictionary:
    """The dictionary of broken servers that ships with the suite."""
    return _shipped("dictionary.json")


@cache
def client_dictionary() -> Dictionary:
    """The dictionary of broken clients that ships with the suite."""
    return _shipped("client_dictionary.json")


def _shipped(name: str) -> Dictionary:
    return opened(DictionaryFile.model_validate_json((_FILES / name).read_bytes()))


def opened(file: DictionaryFile, without: str = "") -> Dictionary:
    """A dictionary from its file; one specimen may be left out."""
    entries = tuple(
        Entry(name, family, {file.symptoms[at]: count / runs for at, count in shown.items()})
        for name, (family, runs, shown) in file.specimens.items()
        if name != without
    )
    showing: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for symptom, chance in entry.shows.items():
            families = showing[symptom]
            if chance >= _OFTEN:
                families.add(entry.family)
    total = len({entry.family for entry in entries}) + 1
    weights = {symptom: math.log(total / (len(ones) + 0.5)) for symptom, ones in showing.items()}
    return Dictionary(entries, weights, math.log(total))


def compiled(
    runs: Mapping[str, Iterable[Iterable[ScenarioReport]]],
    families: Mapping[str, str],
    made: dict[str, str],
) -> DictionaryFile:
    """The file of a dictionary, from what runs against each specimen found."""
    shown = {name: [symptoms_of(one) for one in ones] for name, ones in sorted(runs.items())}
    counted = {name: Counter(s for one in ones for s in one) for name, ones in shown.items()}
    symptoms = sorted({symptom for ones in counted.values() for symptom in ones})
    number = {symptom: at for at, symptom in enumerate(symptoms)}
    return DictionaryFile(
        made=made,
        symptoms=symptoms,
        specimens={
            name: (
                families[name],
                len(shown[name]),
                {number[s]: n for s, n in sorted(ones.items())},
            )
            for name, ones in counted.items()
        },
    )
