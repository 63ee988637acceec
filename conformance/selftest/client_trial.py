"""Runs the client suite against one client specimen and compares its findings with the fault."""

import sys
from collections.abc import Iterator
from typing import Final

from conformance.clients.registry import FIRST, client_scenarios
from conformance.clients.use import Use
from conformance.runner.client_suite import run_client_suite
from conformance.runner.reporter import SilentReporter
from conformance.runner.selection import counting
from conformance.runner.session import Settings
from conformance.selftest.judged import Judged, compared
from conformance.specimens.clients import ClientSpecimen, client_specimens
from conformance.standard.requirements import Scope
from conformance.target.profile import Profile

SILENCE: Final = 4.0
"""Seconds of silence after leaving: longer than the specimen that gives up waits."""


def launch_of(name: str) -> str:
    """Return the command that launches a client specimen."""
    return f"{sys.executable} -m conformance.specimens.clients {name} {{host}} {{port}}"


def judge_client_specimen(name: str, whole: bool = False) -> Judged:
    """Run the client suite against one specimen.

    A legal one plays all scenarios. A broken one plays those that exercise what it breaks, or all
    if `whole`.
    """
    specimen = client_specimens()[name]
    ids = counting(frozenset(), "should", (Scope.CLIENT,))
    use = Use(launch_of(name), specimen.way, silence=SILENCE)
    chosen = frozenset(meant_for_client(specimen, whole))
    settings = Settings(
        profile=Profile(), address="", requirements=ids, selected=ids, scenarios=chosen
    )
    report = run_client_suite(use, settings, SilentReporter())
    return compared(report, specimen, chosen)


def meant_for_client(specimen: ClientSpecimen, whole: bool) -> Iterator[str]:
    """Yield the ids of the scenarios that a client specimen plays."""
    for scenario in client_scenarios():
        meant = specimen.breaks.intersection(scenario.requirements)
        if whole or specimen.legal or meant or scenario.id == FIRST:
            yield scenario.id
