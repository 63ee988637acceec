"""Ranks the families of faults by how well they explain the symptoms of a run.

Each specimen in the dictionary is a pattern of symptoms. The likeness of a run and a pattern is
computed for each view: the weight of the symptoms that both have, as a part of the weight of those
that either has. Rare symptoms weigh more. The pattern with the highest likeness is the first cause.
A server may have several faults, so the symptoms that the causes so far explain are set aside, and
the rest is compared again. If the first cause is not certain, the next families in the ranking are
named as alternatives to it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from conformance.diagnosis.dialects import Spoken, spoken_in
from conformance.diagnosis.dictionary import Dictionary, Entry, dictionary
from conformance.diagnosis.families import Family, family
from conformance.diagnosis.symptoms import View, place_of, symptoms_of, view_of
from conformance.oracle.findings import Outcome
from conformance.report.last_words import DIED
from conformance.report.model import ScenarioReport
from conformance.standard.requirements import Level, requirements

Confidence = Literal["almost-certain", "likely", "possible"]

MOST: Final = 3
"""The most causes that are named."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """How much counts against a pattern: a symptom of its own that the run is `missing`, and one of
    the run that is `foreign` to it. A shared symptom counts 1."""

    missing: float
    foreign: float


_ONE_FAULT: Final = _Weights(missing=0.6, foreign=1.0)
_SEVERAL: Final = _Weights(missing=0.8, foreign=0.25)
"""The weights if no pattern is much like the whole run: the server then has several faults, as real
servers do, and most symptoms of each are foreign to the patterns of the others."""
_ALIKE: Final = 0.3
"""The likeness of a pattern to the whole run at which the server counts as having one fault."""
_DEATH: Final = f"{View.SIGN}{DIED}"
_SHOWS: Final = 0.3
"""The part of a specimen's runs that must show a symptom for its pattern to have it."""
_ANOTHER: Final = 0.3
"""The likeness of a pattern to the remaining symptoms at which it is a further cause."""
_BESIDES: Final = 0.45
"""The same, if the causes so far already explain all requirements that it would explain."""
_CERTAIN: Final = 0.85, 0.4
_LIKELY: Final = 0.4, 0.15
"""The likeness that a confidence needs, and the lead over the next family as a part of it."""
_RIVALS: Final = 0.4
"""The likeness of an alternative to an uncertain cause, as a part of that cause's likeness."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A family of faults that explains part of a run's failures.

    `explains` are requirements, `shown_by` is the scenario that shows it best. `instead_of` is the
    family to which this one is an alternative: the server has one of the two. It is None for a
    cause in its own right.
    """

    family: Family
    confidence: Confidence
    explains: tuple[str, ...]
    shown_by: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The diagnosis of a run.

    It has up to three causes, of which the first explains the most; the requirements that none of
    them explains; and a dialect, which may be the reason for everything. If no MUST failed, the
    server is correct: the causes of missed SHOULDs are `advice`.
    """

    causes: tuple[Cause, ...] = ()
    advice: tuple[Cause, ...] = ()
    unexplained: tuple[str, ...] = ()
    dialect: Spoken | None = None


def diagnose(results: Sequence[ScenarioReport], known: Dictionary | None = None) -> Diagnosis:
    """Diagnose the results of a run by a dictionary; by default by the bundled one for servers."""
    whole = _Seen.in_(results)
    if not whole.broken:
        return Diagnosis()
    alive = _Seen.in_([_without_deaths(result) for result in results])
    played = frozenset(one.id for one in results if one.status in ("pass", "fail"))
    causes = _Search(known or dictionary(), whole, alive, played).causes()
    told = {id_ for cause in causes for id_ in cause.explains}
    unexplained = tuple(sorted(whole.broken - told))
    spoken = spoken_in(results, whole.broken)
    if _holds_a_must(whole.broken):
        return Diagnosis(causes, (), unexplained, spoken)
    return Diagnosis((), causes, unexplained, spoken)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The symptoms of a run, and the requirements that were found broken."""

    symptoms: frozenset[str]
    broken: frozenset[str]

    @classmethod
    def in_(cls, results: Sequence[ScenarioReport]) -> "_Seen":
        broken = frozenset(
            finding.requirement
            for result in results
            for finding in result.findings
            if finding.outcome is Outcome.FAIL
        )
        return cls(symptoms_of(results), broken)


def _without_deaths(result: ScenarioReport) -> ScenarioReport:
    alive = [one for one in result.findings if one.kind != DIED]
    return result.model_copy(update={"findings": alive})


@dataclass(frozen=True, slots=True)
class _Match:
    """The best pattern of a family, and its likeness from 0 to 1."""

    likeness: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A family that is named as a cause, with its matching patterns, the best first."""

    entries: list[Entry]
    confidence: Confidence


class _Search:
    """The comparison of one run with the dictionary.

    Patterns of servers that die are compared with the whole run, other patterns only with what was
    found while the server was `alive`: what fails because of a death is no symptom of a fault that
    kills no server.
    """

    def __init__(
        self,
        known: Dictionary,
        whole: _Seen,
        alive: _Seen,
        played: frozenset[str],
    ) -> None:
        self._known = known
        self._whole = whole
        self._alive = alive
        self._against = _ONE_FAULT
        places = {symptom: place_of(symptom) for symptom in known.weights}
        self._hidden = {s for s, place in places.items() if place and place[1] not in played}
        reached = {place[0] for place in places.values() if place and place[1] in played}
        told = {f"{View.BROKEN}{id_}" for id_ in reached}
        self._hidden |= {s for s in places if view_of(s) is View.BROKEN} - told

    def causes(self) -> tuple[Cause, ...]:
        ranked = self._ranked_at_first()
        if ranked and ranked[0].likeness < _ALIKE:
            self._against = _SEVERAL
            ranked = self._ranked_at_first()
        if not ranked:
            return ()
        confidence = self._confidence(ranked)
        chosen = [_Chosen([ranked[0].entry], confidence)]
        while len(chosen) < MOST and self._choose_another(chosen):
            pass
        own = [self._cause(one.entries, one.confidence) for one in self._most_first(chosen)]
        causes = list(own)
        for rival in ranked[1:] if confidence != "almost-certain" else []:
            alike = rival.likeness >= _RIVALS * ranked[0].likeness
            is_named = any(rival.entry.family == one.family.name for one in causes)
            if len(causes) < MOST and alike and not is_named:
                other = self._cause([rival.entry], "possible")
                like = max(own, key=lambda one: _overlap(one.explains, other.explains))
                causes.append(replace(other, instead_of=like.family.name))
        return tuple(causes)

    def _ranked_at_first(self) -> list[_Match]:
        return [one for one in self._ranked(frozenset()) if self._explained(one.entry)]

    def _most_first(self, chosen: Sequence[_Chosen]) -> list[_Chosen]:
        """Order causes by how much each explains beyond the earlier ones.

        Causes that explain no MUST come last.
        """
        explained: set[str] = set()
        ranks = []
        for one in chosen:
            shown = {s for entry in one.entries for s in self._shown(entry) if place_of(s)}
            gain = sum(map(self._known.weight, shown - explained))
            broken = {id_ for entry in one.entries for id_ in self._explained(entry)}
            ranks.append((not _holds_a_must(broken), -gain))
            explained |= shown
        return [chosen[at] for at in sorted(range(len(chosen)), key=ranks.__getitem__)]

    def _shown(self, entry: Entry) -> frozenset[str]:
        """Return the symptoms of the run that a pattern has."""
        shows = (symptom for symptom, chance in entry.shows.items() if chance >= _SHOWS)
        return self._of(entry).symptoms.intersection(shows)

    def _of(self, entry: Entry) -> _Seen:
        """Return the part of the run with which a pattern is compared."""
        return self._whole if _DEATH in entry.shows else self._alive

    def _choose_another(self, chosen: list[_Chosen]) -> bool:
        """Choose a cause for the symptoms that the causes so far do not explain.

        It may be another pattern of a family that is chosen already.

        Returns:
            Whether one was found.
        """
        entries = [entry for one in chosen for entry in one.entries]
        aside = frozenset(
            symptom
            for one in entries
            for symptom, chance in one.shows.items()
            if chance >= _SHOWS or symptom not in self._of(one).symptoms
        )
        explained = {id_ for one in entries for id_ in self._explained(one)}
        ranked = self._ranked(aside)
        if not ranked or not (its := self._explained(ranked[0].entry)):
            return False
        if ranked[0].likeness < (_BESIDES if explained.issuperset(its) else _ANOTHER):
            return False
        best = ranked[0].entry
        for one in chosen:
            if one.entries[0].family == best.family:
                if best in one.entries:
                    return False
                one.entries.append(best)
                return True
        confidence = self._confidence(ranked)
        chosen.append(_Chosen([best], "likely" if confidence == "almost-certain" else confidence))
        return True

    def _ranked(self, aside: frozenset[str]) -> list[_Match]:
        """Return the best pattern of each family, best first, with some symptoms set aside."""
        of_whole, of_alive = (
            (left, self._weights(left))
            for left in (self._whole.symptoms - aside, self._alive.symptoms - aside)
        )
        best: dict[str, _Match] = {}
        for entry in self._known.entries:
            left, seen = of_whole if _DEATH in entry.shows else of_alive
            likeness = self._likeness(entry, left, aside, seen)
            if likeness > 0 and (
                entry.family not in best or likeness > best[entry.family].likeness
            ):
                best[entry.family] = _Match(likeness, entry)
        return sorted(best.values(), key=lambda one: -one.likeness)

    def _weights(self, symptoms: frozenset[str]) -> dict[View, float]:
        """Return the total weight of the symptoms of each view."""
        weights: dict[View, float] = dict.fromkeys(View, 0.0)
        for symptom in symptoms:
            weights[view_of(symptom)] += self._known.weight(symptom)
        return weights

    def _likeness(
        self,
        entry: Entry,
        left: frozenset[str],
        aside: frozenset[str],
        seen: Mapping[View, float],
    ) -> float:
        """Return the mean over the views of the shared weight as a part of the whole weight."""
        shared = dict.fromkeys(View, 0.0)
        missing = dict.fromkeys(View, 0.0)
        for symptom, chance in entry.shows.items():
            if symptom in left:
                shared[view_of(symptom)] += chance * self._known.weight(symptom)
            elif symptom not in aside and symptom not in self._hidden:
                missing[view_of(symptom)] += chance * self._known.weight(symptom)
        total = 0.0
        for view in View:
            if shared[view]:
                foreign = max(0.0, seen[view] - shared[view])
                against = self._against.foreign * foreign + self._against.missing * missing[view]
                total += shared[view] / (shared[view] + against)
        return total / len(View)

    def _confidence(self, ranked: Sequence[_Match]) -> Confidence:
        first = ranked[0].likeness
        ahead = (first - ranked[1].likeness) / first if len(ranked) > 1 else 1.0
        if first >= _CERTAIN[0] and ahead >= _CERTAIN[1]:
            return "almost-certain"
        return "likely" if first >= _LIKELY[0] and ahead >= _LIKELY[1] else "possible"

    def _cause(self, entries: Sequence[Entry], confidence: Confidence) -> Cause:
        return Cause(
            family(entries[0].family),
            confidence,
            tuple(sorted({id_ for entry in entries for id_ in self._explained(entry)})),
            self._shown_by(entries[0]),
        )

    def _explained(self, entry: Entry) -> set[str]:
        """Return the broken requirements that a pattern explains.

        A requirement that fails only because of a death needs a scenario of the pattern that shows
        it, since any fault that kills the server breaks it.
        """
        places = {place_of(s): s for s, chance in entry.shows.items() if chance >= _SHOWS}
        seen = self._of(entry)
        return {
            place[0]
            for place, symptom in places.items()
            if place
            and place[0] in seen.broken
            and (place[0] in self._alive.broken or symptom in seen.symptoms)
        }

    def _shown_by(self, entry: Entry) -> str:
        """Return the scenario that shows a pattern best.

        It is the one that the family names, or else the one whose symptoms weigh the most.
        """
        named = family(entry.family).shown_by
        if any(place and place[1] == named for place in map(place_of, self._shown(entry))):
            return named
        weights: dict[str, float] = {}
        for symptom in self._of(entry).symptoms.intersection(entry.shows):
            if place := place_of(symptom):
                weight = entry.shows[symptom] * self._known.weight(symptom)
                weights[place[1]] = weights.get(place[1], 0.0) + weight
        if not weights:
            places = (place_of(symptom) for symptom in self._of(entry).symptoms)
            return min((place[1] for place in places if place), default="")
        return max(sorted(weights), key=weights.__getitem__)


def _holds_a_must(ids: Collection[str]) -> bool:
    return any(requirements()[id_].level is Level.MUST for id_ in ids)


def _overlap(some: Collection[str], others: Collection[str]) -> float:
    """Return what two causes both explain, as a part of what either explains."""
    return len({*some} & {*others}) / max(1, len({*some, *others}))
