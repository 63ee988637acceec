"""From symptoms to causes: the families of faults that explain what a run showed.

Each specimen of the dictionary is a pattern of symptoms. How like a pattern the run looks is said
by each view of it apart: what both have, beside what only one of them has, rare symptoms weighing
more. The most alike is the first cause. A server may have several faults: what the causes so far
show is set aside, and the rest is held against the patterns again. Where the first cause is not
certain, what else looks much like the run is named beside it, as what it may be instead.
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
"""Causes that are named at most."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """What counts against a pattern, beside a symptom that it shares with the run: one that should
    have shown and is `missing`, and one that showed and is `foreign` to it."""

    missing: float
    foreign: float


_ONE_FAULT: Final = _Weights(missing=0.6, foreign=1.0)
_SEVERAL: Final = _Weights(missing=0.8, foreign=0.25)
"""Where no pattern is much like the whole run, the server has several faults, as those of the wild
have, and most of what each shows is foreign to the others' patterns."""
_ALIKE: Final = 0.3
"""How like the whole run a pattern must be for its server to be one of one fault."""
_DEATH: Final = f"{View.SIGN}{DIED}"
_SHOWS: Final = 0.3
"""A pattern shows what it showed in this part of its runs, or more."""
_ANOTHER: Final = 0.3
"""How like a pattern what is left must be, to have a cause of its own."""
_BESIDES: Final = 0.45
"""The same, where those chosen break all that the further cause breaks."""
_CERTAIN: Final = 0.85, 0.4
_LIKELY: Final = 0.4, 0.15
"""How alike a pattern must be, and by which part of that ahead of the next family's."""
_RIVALS: Final = 0.4
"""How alike another family must be to be named beside an uncertain one, as a part of that."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A family of faults that explains part of what a run showed. `explains` are requirements,
    `shown_by` the scenario that shows it best. `instead_of` is the family that this one may be
    mistaken for: of the two the server has one. None for a cause of its own."""

    family: Family
    confidence: Confidence
    explains: tuple[str, ...]
    shown_by: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a run's failures come from: causes, the first explaining most, at most three; the
    requirements that none of them explains; and a dialect, which may be the reason for all. Where
    no MUST failed the server is correct: what it misses SHOULDs by is `advice`, and no cause."""

    causes: tuple[Cause, ...] = ()
    advice: tuple[Cause, ...] = ()
    unexplained: tuple[str, ...] = ()
    dialect: Spoken | None = None


def diagnose(results: Sequence[ScenarioReport], known: Dictionary | None = None) -> Diagnosis:
    """Find the causes of what these scenarios showed, by a dictionary."""
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
    """What was seen of a run: its symptoms, and the requirements that were found broken."""

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
    """A family's pattern that is most like what is looked at, and how like it is, from 0 to 1."""

    likeness: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A family that is named as a cause, and those of its patterns that show, the first the most
    alike."""

    entries: list[Entry]
    confidence: Confidence


class _Search:
    """One run held against the dictionary: the whole of it against patterns of servers that died,
    and against the others what was found of it while it was `alive`. What failed by a death is no
    sign of a fault that ends no server.
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
        """Causes in another order: what explains most of what those before it left is first, and
        what explains no MUST comes last."""
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
        """What was seen that a pattern shows."""
        shows = (symptom for symptom, chance in entry.shows.items() if chance >= _SHOWS)
        return self._of(entry).symptoms.intersection(shows)

    def _of(self, entry: Entry) -> _Seen:
        """What was seen that a pattern may account for."""
        return self._whole if _DEATH in entry.shows else self._alive

    def _choose_another(self, chosen: list[_Chosen]) -> bool:
        """Choose the cause of what those chosen do not explain, if something is left and has one: a
        further one, or another pattern of a family that is chosen."""
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
        """The most alike pattern of each family, best first, with some symptoms set aside."""
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
        """What the symptoms of each view weigh together."""
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
        """The mean over the views: what both have, as a part of what either has, each weighed."""
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
        """The broken requirements that a pattern breaks as well; what fails by a death alone, only
        if a scenario that shows the pattern has shown it: whatever ends a server, it breaks them.
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
        """The scenario that the family names, or else the one in which most of what the pattern
        shows was seen, the rarest first."""
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
    """What two causes both explain, as a part of what either does."""
    return len({*some} & {*others}) / max(1, len({*some, *others}))
