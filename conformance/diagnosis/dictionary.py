"""The dictionary of faults: how often each specimen showed each symptom.

It is made by `make diagnosis`, which runs the suite against every broken specimen, and ships with
the suite. `made` says by which commit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict

_FILE: Final = files("conformance.diagnosis") / "dictionary.json"


class DictionaryFile(BaseModel):
    """The file: symptoms by number; of each specimen, the rounds and how often it showed which."""

    model_config = ConfigDict(extra="forbid")

    made: dict[str, str]
    symptoms: list[str]
    specimens: dict[str, tuple[int, dict[int, int]]]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One specimen: how likely a run against it shows each symptom, of those that it ever did."""

    specimen: str
    shows: Mapping[str, float]


@cache
def dictionary() -> tuple[Entry, ...]:
    """The dictionary that ships with the suite."""
    kept = DictionaryFile.model_validate_json(_FILE.read_bytes())
    return tuple(
        Entry(name, {kept.symptoms[number]: count / rounds for number, count in shown.items()})
        for name, (rounds, shown) in kept.specimens.items()
    )


def compiled(runs: Mapping[str, Iterable[frozenset[str]]], made: dict[str, str]) -> DictionaryFile:
    """The file of a dictionary, from the symptoms that runs against each specimen showed."""
    counted = {name: [Counter(one) for one in shown] for name, shown in runs.items()}
    every = sorted({symptom for ones in counted.values() for one in ones for symptom in one})
    number = {symptom: index for index, symptom in enumerate(every)}
    return DictionaryFile(
        made=made,
        symptoms=every,
        specimens={
            name: (
                len(ones),
                {number[one]: count for one, count in sorted(sum(ones, Counter[str]()).items())},
            )
            for name, ones in sorted(counted.items())
        },
    )
