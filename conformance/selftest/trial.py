"""Runs the suite against one specimen and compares its findings with the specimen's fault."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from conformance.dialect import PLAIN
from conformance.report.build import judged_again
from conformance.report.model import ScenarioReport
from conformance.runner.preflight import Unreachable
from conformance.runner.reporter import SilentReporter
from conformance.runner.selection import counting
from conformance.runner.session import Settings, transcript_path
from conformance.runner.suite import run_suite
from conformance.scenarios.registry import FIRST, of_one_server
from conformance.selftest.client_trial import judge_client_specimen
from conformance.selftest.judged import Judged, compared
from conformance.specimens import CATALOGUE, Specimen
from conformance.specimens.clients import client_specimens
from conformance.target.bundled_profiles import shipped_profile
from conformance.target.profile import Known, Launch, Profile
from conformance.transcript.files import read

_BULK: Final = frozenset(
    (
        "quit/the-end-of-stream-leaves", "quit/a-leaver-with-a-backlog-reads-it-all",
        "quit/what-precedes-quit-is-delivered", "lim/a-stalled-reader-is-disconnected",
        "lim/a-laggard-stays", "lim/a-slow-reader-misses-nothing",
        "quit/a-leaver-that-never-reads-delays-nobody",
        "hb/a-silent-member-stays", "stop/stopping", "msg/the-same-time-for-all",
        "room/one-generation-after-another",
    )
)  # fmt: skip
"""Scenarios that take seconds and show the same in every dialect: one specimen of each kind of
framing plays them."""
MEET_ALL: Final = ("stage-6", "slash-dates")
"""The specimens that play these for all dialects."""
_AS_ANY_IN_BULK: Final = frozenset(
    (
        "local-time", "clock-three-seconds-slow", "bare-notices", "long-notices",
        "starts-slowly", "accepts-slowly", "keeps-places", "just-room-enough",
        "turns-away-silently", "leaks-memory", "leaks-threads", "summer-time",
    )
)  # fmt: skip
"""Legal specimens that are strange in what they send or keep, or in how members join. Under bulk
traffic they behave like any other server."""
_FLOODING: Final = ("s2", "s3", "s4")
"""Specimens that flood the room when a member has left. Bulk scenarios would take a minute and show
nothing new."""


def judge_specimen(name: str, whole: bool = False) -> Judged:
    """Run the suite against one specimen and compare its findings with what the specimen breaks.

    With `whole`, all scenarios are played, and each transcript is judged again. A client specimen
    plays the client suite.
    """
    if name in client_specimens():
        return judge_client_specimen(name, whole)
    with TemporaryDirectory() as kept:
        return _judge_specimen(CATALOGUE[name], whole, Path(kept))


def _judge_specimen(specimen: Specimen, whole: bool, kept: Path) -> Judged:
    name = specimen.name
    chosen = frozenset(meant_for(specimen, whole))
    settings = Settings(
        profile=Profile(
            name=name,
            launch=Launch(command=f"{sys.executable} -m conformance.specimens {name} {{port}}"),
            limits=Known(capacity=specimen.capacity),
            dialect=shipped_profile(specimen.profile).dialect if specimen.profile else PLAIN,
        ),
        address="tcp://127.0.0.1:0",
        requirements=counting(frozenset(), "should"),
        scenarios=chosen,
        transcripts=kept if whole else None,
    )
    try:
        # Other specimens are judged at the same time: more lanes would only cost launches.
        report = run_suite(settings, SilentReporter(), None if whole else 1, explained=False)
    except Unreachable:
        return Judged(name, {}, sorted(specimen.breaks), [], 0.0, legal=specimen.legal)
    otherwise = told_otherwise(report.scenarios, kept) if whole else []
    return compared(report, specimen, chosen, otherwise)


def told_otherwise(results: Iterable[ScenarioReport], transcripts: Path) -> list[str]:
    """Return the scenarios whose transcript, judged again, gives other findings than the run."""
    kept = ((result, transcript_path(transcripts, result.id)) for result in results)
    return [
        result.id
        for result, path in kept
        if path.exists() and judged_again(read(path)).findings != result.findings
    ]


def meant_for(specimen: Specimen, whole: bool) -> Iterator[str]:
    """Yield the ids of the scenarios that a specimen plays."""
    in_dialect = specimen.profile is not None and specimen.name not in MEET_ALL
    brief = in_dialect or specimen.name in _AS_ANY_IN_BULK
    for scenario in of_one_server():
        is_bulk = scenario.id in _BULK
        meant = specimen.breaks.intersection(scenario.requirements) and not (
            is_bulk and specimen.name in _FLOODING
        )
        legal = specimen.legal and not (is_bulk and brief)
        if whole or legal or meant or scenario.id == FIRST:
            yield scenario.id
