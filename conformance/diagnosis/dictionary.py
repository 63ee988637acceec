"""The fault dictionary: how often each specimen showed each symptom.

There is one for broken servers, which `make diagnosis` makes by running the suite against each, and
one for broken clients, which `make client-diagnosis` makes. Both are bundled with the suite, and
say which commit made them (`made`).
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
    """The contents of a dictionary file.

    `symptoms` are numbered from 0. `specimens` has for each specimen its family, the number of
    runs, and the number of runs that showed each symptom.
    """

    model_config = ConfigDict(extra="forbid")

    made: dict[str, str]
    symptoms: list[str]
    specimens: dict[str, tuple[str, int, dict[int, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One specimen of a family, with the probability of each symptom that it ever showed."""

    specimen: str
    family: str
    shows: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """All entries, and the weights of symptoms.

    The fewer families often show a symptom, the more it weighs. One that no family shows weighs
    `most`.
    """

    entries: tuple[Entry, ...]
    weights: Mapping[str, float]
    most: float

    def weight(self, symptom: str) -> float:
        """Return the weight of a symptom."""
        return self.weights.get(symptom, self.most)


@cache
def dictionary() -> Dictionary:
    """Return the bundled dictionary of broken servers."""
    return _shipped("dictionary.json")


@cache
def client_dictionary() -> Dictionary:
    """Return the bundled dictionary of broken clients."""
    return _shipped("client_dictionary.json")


def _shipped(name: str) -> Dictionary:
    return opened(DictionaryFile.model_validate_json((_FILES / name).read_bytes()))


def opened(file: DictionaryFile, without: str = "") -> Dictionary:
    """Make a dictionary from its file, `without` one specimen if one is named."""
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
    """Make a dictionary file from the results of runs against each specimen."""
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
