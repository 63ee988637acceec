"""From verdict to cause: which families of faults a run's findings are attributed to."""

from collections import defaultdict

import pytest

from conformance.clients.registry import client_scenarios
from conformance.diagnosis import Diagnosis, diagnose
from conformance.diagnosis.dictionary import (
    Dictionary,
    client_dictionary,
    compiled,
    dictionary,
    opened,
)
from conformance.diagnosis.families import client_family_of, family_of
from conformance.diagnosis.ranking import MOST
from conformance.diagnosis.symptoms import View, place_of, symptoms_of, view_of
from conformance.oracle.clients.facts import Detected
from conformance.oracle.facts import Kind, Sign
from conformance.oracle.findings import Outcome
from conformance.report.model import FindingReport, ScenarioReport
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import requirements

_FAMILIES = {name: family.name for name, family in family_of().items()}


def _finding(
    requirement: str, kind: str, *signs: str, outcome: Outcome = Outcome.FAIL
) -> FindingReport:
    return FindingReport(
        requirement=requirement, outcome=outcome, expected="", actual="", kind=kind, signs=[*signs]
    )


def _run(found: dict[str, list[FindingReport]]) -> list[ScenarioReport]:
    """A run of all scenarios with these findings, by scenario."""
    return [
        ScenarioReport(
            id=one.id,
            status="fail" if one.id in found else "pass",
            requirements=list(one.requirements),
            findings=found.get(one.id, []),
        )
        for one in scenarios()
    ]


_CUTS = _run({"frm/many-lines-in-one-segment": [_finding("FRM-1", "joined", "shared-segment")]})
_STEALS = _run(
    {
        "room/the-same-words-again": [_finding("ROOM-2", "lost", "for-all")],
        "sanity/last": [_finding("ROOM-2", "lost", "for-all")],
    }
)
_SHOUTS = _run({"sanity/first": [_finding("TRN-2", "no-unit", "greeting")]})
_KNOWN = {
    "one-read-one-message": _CUTS,
    "drops-repeats": _STEALS,
    "greets": _SHOUTS,
}


@pytest.fixture
def known() -> Dictionary:
    """A dictionary of three faults."""
    return opened(compiled({name: [one] for name, one in _KNOWN.items()}, _FAMILIES, {}))


def _together(*runs: list[ScenarioReport]) -> list[ScenarioReport]:
    found: dict[str, list[FindingReport]] = defaultdict(list)
    for run in runs:
        for result in run:
            if result.findings:
                found[result.id] += result.findings
    return _run(found)


def test_where_nothing_fails_there_is_no_cause() -> None:
    unsure = _finding("ROOM-2", "lost", "for-all", outcome=Outcome.UNKNOWN)
    assert diagnose(_run({"sanity/last": [unsure]})) == Diagnosis()


@pytest.mark.parametrize("specimen", _KNOWN)
def test_what_a_fault_shows_is_laid_to_its_family(specimen: str, known: Dictionary) -> None:
    run = _KNOWN[specimen]
    found = diagnose(run, known)
    [cause] = found.causes
    assert cause.family == family_of()[specimen]
    assert cause.confidence == "almost-certain"
    assert cause.shown_by in {one.id for one in run if one.findings}
    assert cause.explains == tuple(
        {finding.requirement: 0 for one in run for finding in one.findings}
    )
    assert found.unexplained == ()


def test_of_two_faults_both_are_named(known: Dictionary) -> None:
    found = diagnose(_together(_CUTS, _SHOUTS), known)
    assert {one.family.name for one in found.causes} == {"one-read-one-message", "greets"}
    assert found.unexplained == ()


def test_a_fault_that_breaks_nothing_further_is_named_for_what_it_shows_besides() -> None:
    both = _run(
        {
            "room/the-same-words-again": [
                _finding("ROOM-2", "lost", "for-all"),
                _finding("ROOM-2", "made-up", "said"),
            ]
        }
    )
    makes_up = _run({"room/the-same-words-again": [_finding("ROOM-2", "made-up", "said")]})
    runs = {"drops-repeats": _STEALS, "makes-up-messages": makes_up}
    known = opened(compiled({name: [one] for name, one in runs.items()}, _FAMILIES, {}))
    causes = diagnose(_together(both, _STEALS), known).causes
    own = {one.family.name for one in causes if one.instead_of is None}
    assert own == {"drops-repeats", "doubles-messages"}


def test_what_another_pattern_of_a_named_family_shows_is_its_doing() -> None:
    quits = _run({"quit/quit-leaves": [_finding("QUIT-3", "reset-leaver", "by-reset")] * 2})
    offends = _run({"err/only-the-offender-is-closed": [_finding("ERR-2", "put-out", "by-reset")]})
    stays = _run({"err/only-the-offender-is-closed": [_finding("ERR-2", "kept", "untold")]})
    runs = {"quit-resets": quits, "violation-resets": offends, "violation-hangs": stays}
    known = opened(compiled({name: [one] for name, one in runs.items()}, _FAMILIES, {}))
    [cause] = diagnose(_together(quits, offends), known).causes
    assert cause.family.name == "closing-resets"
    assert cause.explains == ("ERR-2", "QUIT-3")


def test_what_no_fault_shows_is_left_unexplained(known: Dictionary) -> None:
    stops = _run({"stop/stopping": [_finding("STOP-1", "stop-hangs", "signal")]})
    assert diagnose(stops, known) == Diagnosis(unexplained=("STOP-1",))
    found = diagnose(_together(_CUTS, stops), known)
    assert [one.family.name for one in found.causes] == ["one-read-one-message"]
    assert found.unexplained == ("STOP-1",)


def test_twins_are_never_certain() -> None:
    """Two families with the same symptoms are both possible."""
    runs = {"one-read-one-message": [_CUTS], "greets": [_CUTS]}
    found = diagnose(_CUTS, opened(compiled(runs, _FAMILIES, {})))
    first, rival = found.causes
    assert {first.confidence, rival.confidence} == {"possible"}
    assert (first.instead_of, rival.instead_of) == (None, first.family.name)
    assert len(found.causes) <= MOST


def test_a_cause_is_shown_by_the_scenario_that_its_family_names() -> None:
    rarest = _run({"frm/a-line-in-two-segments": [_finding("FRM-1", "cut-at-segment")]})
    run = _together(_CUTS, rarest)
    [cause] = diagnose(run, opened(compiled({"read-ends-a-line": [run]}, _FAMILIES, {}))).causes
    assert cause.shown_by == cause.family.shown_by == "frm/many-lines-in-one-segment"


def test_what_was_not_played_speaks_against_nothing() -> None:
    """A scenario that this run left out is no evidence of a fault."""
    known = opened(compiled({"drops-repeats": [_STEALS]}, _FAMILIES, {}))
    some = [one for one in _STEALS if one.id != "sanity/last"]
    [whole], [partly] = diagnose(_STEALS, known).causes, diagnose(some, known).causes
    assert whole == partly


def test_what_fails_by_chance_is_of_no_place() -> None:
    generated = ScenarioReport(
        id="gen/programs",
        status="fail",
        requirements=[],
        findings=[_finding("ROOM-2", "lost", "for-one")],
    )
    assert not any(place_of(symptom) for symptom in symptoms_of([generated]))


@pytest.mark.parametrize(
    ("octets", "profile"),
    [
        ("2026/11/29 19:07:10 127.0.0.1:45488 n8816bbx00001z", "slash-dates"),
        ("::ffff:127.0.0.1:48994 says n8816bbx00001z", "scanner"),
        ("[19:07] ann> n8816bbx00001z", None),
    ],
)
def test_a_dialect_is_known_by_its_headers(octets: str, profile: str | None) -> None:
    finding = _finding("MSG-1", "header").model_copy(update={"octets": octets})
    spoken = diagnose(_run({"sanity/first": [finding]})).dialect
    assert spoken is not None
    assert spoken.profile == profile
    assert spoken.options == (f"--profile {profile}" if profile else "--probe")
    assert "MSG-1" in spoken.explains
    assert diagnose(_SHOUTS).dialect is None


def test_the_dictionary_that_ships_is_not_stale() -> None:
    """`make diagnosis` makes the dictionary again: a specimen was added or removed, or scenarios or
    findings have other names."""
    entries = dictionary().entries
    assert {one.specimen: one.family for one in entries} == _FAMILIES
    symptoms = [symptom for one in entries for symptom in one.shows]
    places = {place for symptom in symptoms if (place := place_of(symptom))}
    assert {scenario for _, scenario in places} <= {one.id for one in scenarios()}
    words = {name.lower().replace("_", "-") for name in (*Kind.__members__, *Sign.__members__)}
    signs = (s for s in symptoms if view_of(s) in (View.SIGN, View.LOOKS))
    assert {word for s in signs for word in s[1:].split()} <= words
    broken = {s[1:] for s in symptoms if view_of(s) is View.BROKEN}
    assert {requirement for requirement, _ in places} == broken <= set(requirements())


def test_the_dictionary_of_clients_is_not_stale() -> None:
    """`make client-diagnosis` makes it again."""
    entries = client_dictionary().entries
    families = {name: family.name for name, family in client_family_of().items()}
    assert {one.specimen: one.family for one in entries} == families
    symptoms = [symptom for one in entries for symptom in one.shows]
    places = {place for symptom in symptoms if (place := place_of(symptom))}
    assert {scenario for _, scenario in places} <= {one.id for one in client_scenarios()}
    kinds = {s[1:] for s in symptoms if view_of(s) in (View.SIGN, View.LOOKS)}
    assert kinds <= {kind.value for kind in Detected}


def test_each_broken_client_is_known_again_by_its_symptoms() -> None:
    known = client_dictionary()
    for entry in known.entries:
        found: dict[str, list[FindingReport]] = defaultdict(list)
        kinds = sorted(s[1:] for s in entry.shows if s.startswith("~"))
        for requirement, scenario in filter(None, map(place_of, entry.shows)):
            found[scenario] += [_finding(requirement, kind) for kind in kinds]
        run = [
            ScenarioReport(
                id=one.id,
                status="fail" if one.id in found else "pass",
                requirements=list(one.requirements),
                findings=found.get(one.id, []),
            )
            for one in client_scenarios()
        ]
        diagnosis = diagnose(run, known)
        first, *_ = diagnosis.causes or diagnosis.advice
        assert first.family.name == entry.family, entry.specimen


def test_what_fails_by_a_death_alone_is_no_sign_of_a_fault_that_ends_no_server() -> None:
    died = {"frm/many-lines-in-one-segment": [_finding("FRM-1", "died")]}
    elsewhere = {"quit/what-follows-quit-is-ignored": [_finding("FRM-1", "died")]}
    runs = {"one-read-one-message": [_CUTS], "reset-ends-the-server": [_run(died)]}
    known = opened(compiled(runs, _FAMILIES, {}))
    assert [one.family.name for one in diagnose(_run(died), known).causes] == ["ends-with-a-member"]
    assert diagnose(_run(elsewhere), known) == Diagnosis(unexplained=("FRM-1",))


def test_of_six_faults_each_comes_before_what_a_server_with_many_others_has() -> None:
    singles = ("greets", "no-notice", "no-echo", "keeps-cr", "spins-alone", "relays-cr")
    apart = {one.requirements[0]: one.id for one in scenarios()}
    faults = [_run({id_: [_finding(of, f"kind of {of}")]}) for of, id_ in [*apart.items()][:15]]
    runs = {name: [run] for name, run in zip(singles, faults, strict=False)}
    runs["s6"] = [_together(*faults[3:])]
    found = diagnose(_together(*faults[:6]), opened(compiled(runs, _FAMILIES, {})))
    assert len(found.causes) == MOST
    assert {one.family.name for one in found.causes} <= {_FAMILIES[name] for name in singles}


def test_what_a_correct_server_misses_shoulds_by_is_advice() -> None:
    silent = _run({"err/a-notice-says-why": [_finding("ERR-3", "no-notice")]})
    known = opened(compiled({"no-notice": [silent]}, _FAMILIES, {}))
    found = diagnose(silent, known)
    assert [one.family.name for one in found.advice] == ["no-notice"]
    assert found.causes == ()
    both = diagnose(_together(silent, _CUTS), known)
    assert [one.family.name for one in both.causes] == ["no-notice"]
    assert both.advice == ()


def test_what_explains_no_must_is_no_first_cause() -> None:
    spins = [_finding("RES-1", "spins", "said")] * 2
    idle = _run({"res/nothing-to-do": spins, "res/no-descriptor-is-free": spins})
    runs = {"spins-alone": [idle], "greets": [_SHOUTS]}
    causes = diagnose(_together(idle, _SHOUTS), opened(compiled(runs, _FAMILIES, {}))).causes
    assert [one.family.name for one in causes] == ["greets", "spins"]
