"""From symptoms to causes: the fewest families of faults that explain what a run showed.

Each specimen of the dictionary is a pattern of symptoms. A pattern explains the symptoms that it
shares with the run, and is spoken against by those that it should have shown and did not. Rare
symptoms weigh more. A server may have several faults, so patterns are chosen one after the other,
each for what those before it left unexplained, as long as it explains more than a further cause
costs.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from conformance.diagnosis.dictionary import Entry, dictionary
from conformance.diagnosis.families import Family, family_of
from conformance.diagnosis.symptoms import (
    played,
    requirement_of,
    scenario_of,
    symptoms_of,
)
from conformance.report.model import ScenarioReport

Confidence = Literal["almost-certain", "likely", "possible"]

MOST: Final = 3
"""Causes that are named at most."""
_PRICE: Final = 0.12
"""Part of what was seen that a further cause has to explain."""
_UNSEEN: Final = 0.6
"""Weight of a symptom that should have shown and did not, beside one that is explained."""
_OFTEN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Cause:
    """A family of faults that explains part of what a run showed. `explains` are requirements,
    `shown_by` the scenario that shows it best."""

    family: Family
    confidence: Confidence
    explains: tuple[str, ...]
    shown_by: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect that the server seems to speak: judged in it, `explains` would not fail. `profile`
    names the shipped one, None where `probe` is to find it; `options` are what `run` is to be told
    besides."""

    profile: str | None
    options: str
    explains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a run's failures come from: causes, the first explaining most, at most three; the
    requirements that none of them explains; and a dialect, which may be the reason for all."""

    causes: tuple[Cause, ...] = ()
    unexplained: tuple[str, ...] = ()
    dialect: Spoken | None = None


def diagnose(
    results: Sequence[ScenarioReport], entries: Sequence[Entry] | None = None
) -> Diagnosis:
    """Find the causes of what these scenarios showed, by the dictionary's entries."""
    seen = symptoms_of(results)
    if not seen:
        return Diagnosis()
    known = dictionary() if entries is None else tuple(entries)
    return _Search(known, seen, played(results)).diagnosis()


class _Search:
    """One run held against the dictionary."""

    def __init__(
        self, entries: tuple[Entry, ...], seen: frozenset[str], scenarios: frozenset[str]
    ) -> None:
        self._seen = seen
        self._weights = _weights(entries)
        self._total = sum(map(self._weight, seen))
        self._entries = [
            Entry(one.specimen, {s: p for s, p in one.shows.items() if _could(s, scenarios)})
            for one in entries
        ]

    def diagnosis(self) -> Diagnosis:
        causes: list[Cause] = []
        explained: dict[str, float] = {}
        while len(causes) < MOST:
            taken = {cause.family.name for cause in causes}
            ranked = self._ranked(explained, taken)
            if not ranked or ranked[0][0] < _PRICE:
                break
            (gain, best), *others = ranked
            family = family_of()[best.specimen]
            new = self._explained_requirements(best)
            causes.append(
                Cause(
                    family,
                    self._confidence(best, gain, others[0][0] if others else 0.0, explained),
                    tuple(new),
                    self._shown_by(best),
                )
            )
            for symptom, chance in best.shows.items():
                explained[symptom] = max(chance, explained.get(symptom, 0.0))
        told = {id_ for cause in causes for id_ in cause.explains}
        broken = sorted({requirement_of(one) for one in self._seen})
        return Diagnosis(tuple(causes), tuple(id_ for id_ in broken if id_ not in told))

    def _ranked(
        self, explained: Mapping[str, float], taken: Collection[str]
    ) -> list[tuple[float, Entry]]:
        """The best entry of each family that is left, by what it explains anew, best first."""
        best: dict[str, tuple[float, Entry]] = {}
        for entry in self._entries:
            name = family_of()[entry.specimen].name
            if name in taken:
                continue
            gain = self._gain(entry, explained)
            if name not in best or gain > best[name][0]:
                best[name] = gain, entry
        return sorted(best.values(), key=lambda one: -one[0])

    def _gain(self, entry: Entry, explained: Mapping[str, float]) -> float:
        """What an entry explains anew, less what it should have shown besides, as a part of all
        that was seen."""
        gain = 0.0
        for symptom, chance in entry.shows.items():
            weight = self._weight(symptom)
            if symptom in self._seen:
                gain += weight * max(0.0, chance - explained.get(symptom, 0.0))
            else:
                gain -= weight * chance * _UNSEEN
        return gain / self._total

    def _confidence(
        self, entry: Entry, gain: float, next_gain: float, explained: Mapping[str, float]
    ) -> Confidence:
        """How sure it is: how much of its pattern shows, how far it is ahead of the next family,
        and how little was seen that it does not explain."""
        expected = {s: self._weight(s) * p for s, p in entry.shows.items()}
        shows = sum(w for s, w in expected.items() if s in self._seen) / (
            sum(expected.values()) or 1.0
        )
        left = sum(self._weight(s) for s in self._seen if s not in explained)
        covers = gain * self._total / (left or 1.0)
        margin = (gain - next_gain) / gain if gain > 0 else 0.0
        if shows >= 0.85 and covers >= 0.7 and margin >= 0.15:
            return "almost-certain"
        if shows >= 0.6 and margin >= 0.05:
            return "likely"
        return "possible"

    def _explained_requirements(self, entry: Entry) -> Iterable[str]:
        broken = {requirement_of(one) for one in self._seen}
        return sorted(id_ for id_ in broken if entry.shows.get(id_, 0.0) >= _OFTEN)

    def _shown_by(self, entry: Entry) -> str:
        """The scenario of which the entry's symptoms weigh most."""
        counted: Counter[str] = Counter()
        for symptom, chance in entry.shows.items():
            scenario = scenario_of(symptom)
            if scenario is not None and symptom in self._seen:
                counted[scenario] += round(1000 * chance * self._weight(symptom))
        return counted.most_common(1)[0][0] if counted else ""

    def _weight(self, symptom: str) -> float:
        return self._weights.get(symptom, max(self._weights.values(), default=1.0))


def _could(symptom: str, scenarios: Collection[str]) -> bool:
    scenario = scenario_of(symptom)
    return scenario is None or scenario in scenarios


@cache
def _weights(entries: tuple[Entry, ...]) -> dict[str, float]:
    """How telling each symptom is: the rarer, the more."""
    counted: Counter[str] = Counter()
    for entry in entries:
        counted.update(s for s, chance in entry.shows.items() if chance >= _OFTEN)
    every = {symptom for entry in entries for symptom in entry.shows}
    return {s: math.log((len(entries) + 1) / (counted[s] + 0.5)) for s in every}
