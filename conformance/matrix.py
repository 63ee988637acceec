"""The suite judged by its specimens: every broken server caught, every legal one let pass."""

import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from rich.console import Console

from conformance.profile import Known, Launch, Profile
from conformance.report import ScenarioReport
from conformance.run import Unreachable, run_suite
from conformance.scenario import scenarios
from conformance.session import Settings
from conformance.specimens import CATALOGUE, Specimen
from conformance.standard import Kind, Level, requirements

_STYLES = {"caught": "green", "passed": "green", "missed": "red", "accused": "red"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What the suite made of one specimen.

    `found` names for each requirement found broken the scenarios that found it. `missed` are
    requirements it breaks that were not found, `accused` those found that it does not break.
    """

    name: str
    found: dict[str, list[str]]
    missed: list[str]
    accused: list[str]
    seconds: float

    @property
    def outcome(self) -> Literal["caught", "passed", "missed", "accused"]:
        if self.missed:
            return "missed"
        if self.accused:
            return "accused"
        return "passed" if CATALOGUE[self.name].legal else "caught"


class _Silent:
    """A reporter that tells nobody."""

    def on_start(self, scenario: str) -> None: ...

    def on_result(self, result: ScenarioReport) -> None: ...


def judge_specimens(
    names: Sequence[str], console: Console, json_path: Path | None, jobs: int, *, whole: bool
) -> bool:
    """Judge specimens, all where none is named; tell whether all was as it should be.

    A broken specimen meets the scenarios meant for what it breaks, or, with `whole`, all of
    them; a legal one always meets all. Raises `KeyError` for a name there is none of.
    """
    for name in names:
        if name not in CATALOGUE:
            nearest = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.0)[0]
            raise KeyError(f"no specimen {name!r}; the nearest is {nearest}")
    results: list[Judged] = []
    for result in _judge_all(names or tuple(CATALOGUE), jobs, whole):
        results.append(result)
        style = _STYLES[result.outcome]
        by = "; ".join(f"{id_} by {', '.join(found)}" for id_, found in result.found.items())
        console.print(
            f"[{style}]{result.outcome:8}[/]{result.name}  [dim]{by}[/]  {result.seconds:.1f} s"
        )
        if result.missed:
            console.print(f"        not found: {' '.join(result.missed)}")
        if result.accused:
            console.print(f"        found, but not broken by it: {' '.join(result.accused)}")
    good = [result for result in results if result.outcome in ("caught", "passed")]
    broken = [result for result in results if not CATALOGUE[result.name].legal]
    legal = len(results) - len(broken)
    console.print(
        f"{sum(not result.missed for result in broken)} of {len(broken)} broken servers caught, "
        f"{sum(result.outcome == 'passed' for result in results)} of {legal} legal ones let pass, "
        f"{sum(bool(result.accused) for result in results)} accused of what they do not do"
    )
    if json_path is not None:
        json_path.write_text(json.dumps(_as_json(results), indent=1) + "\n")
    return len(good) == len(results)


def _judge_all(names: Sequence[str], jobs: int, whole: bool) -> Iterator[Judged]:
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        futures = [pool.submit(judge_specimen, name, whole) for name in names]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def judge_specimen(name: str, whole: bool = False) -> Judged:
    """Run the suite against one specimen, and hold what it found against what it breaks."""
    specimen = CATALOGUE[name]
    settings = Settings(
        profile=Profile(
            name=name,
            launch=Launch(command=f"{sys.executable} -m conformance.specimens {name} {{port}}"),
            limits=Known(capacity=specimen.capacity),
        ),
        address="tcp://127.0.0.1:0",
        requirements=frozenset(
            one.id for one in requirements().values() if one.kind is not Kind.CLIENT
        ),
        scenarios=frozenset(_meant_for(specimen, whole)),
    )
    try:
        report = run_suite(settings, _Silent(), look_first=False)
    except Unreachable:
        return Judged(name, {}, sorted(specimen.breaks), [], 0.0)
    found: dict[str, list[str]] = {}
    for result in report.scenarios:
        for finding in result.findings:
            if finding.outcome == "fail" and result.id not in found.setdefault(
                finding.requirement, []
            ):
                found[finding.requirement].append(result.id)
    undecided = [
        one.id
        for one in report.requirements
        if specimen.legal and one.level is Level.MUST and one.status in ("unknown", "not-exercised")
    ]
    return Judged(
        name=name,
        found={id_: found[id_] for id_ in sorted(found)},
        missed=sorted(specimen.breaks - found.keys()) + undecided,
        accused=sorted(found.keys() - specimen.breaks - specimen.may_break),
        seconds=report.duration_s,
    )


def _meant_for(specimen: Specimen, whole: bool) -> Iterator[str]:
    for scenario in scenarios():
        meant = specimen.breaks.intersection(scenario.requirements)
        if whole or specimen.legal or meant or scenario.id == "sanity/first":
            yield scenario.id


def _as_json(results: list[Judged]) -> dict[str, object]:
    return {
        "schema": 1,
        "specimens": [
            {
                "name": result.name,
                "legal": CATALOGUE[result.name].legal,
                "breaks": sorted(CATALOGUE[result.name].breaks),
                "found": result.found,
                "missed": result.missed,
                "accused": result.accused,
            }
            for result in sorted(results, key=lambda result: list(CATALOGUE).index(result.name))
        ],
    }
