"""Reports to show: of a small correct room that was spoiled, and of the worst there may be."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.oracle import Finding, Outcome, judge
from conformance.report.build import finding_report, judged, summarise
from conformance.report.excerpt import MAX_EVENTS, MAX_OCTETS, StretchEvent
from conformance.report.model import FindingReport, OutageReport, Report, ScenarioReport
from conformance.scenarios.registry import scenarios
from conformance.standard.requirements import requirements
from conformance.transcript.events import Event, Finish
from tests.conformance.scene import START, Scene, chat, talk

IDS = frozenset(one.id for one in requirements().values() if one.kind.binds_servers)


def altered() -> Scene:
    """A room that shows Bob another text than Ann said."""
    scene = chat()
    scene.send("ann", b"n0ddba1x90", b"001z hello\n")
    scene.serve("ann")
    unit = scene.peers["bob"].waiting[-1]
    scene.peers["bob"].waiting[-1] = unit.replace(b"hello", b"hEllo")
    scene.deliver()
    scene.fence()
    return scene


def swapped(*speakers: str) -> Scene:
    """A room that shows Cyd the last two broadcasts in the other order."""
    scene = chat("ann", "bob", "cyd")
    talk(scene, speakers)
    waiting = scene.peers["cyd"].waiting
    waiting[-2:] = waiting[:-3:-1]
    scene.deliver()
    scene.fence()
    return scene


def cut_off() -> Scene:
    """A room that resets whoever quits, while another member does not read for a while."""
    scene = chat("ann", "bob")
    scene.stall("bob")
    scene.send("ann", b"quit\n")
    scene.half_close("ann")
    scene.reset("ann")
    scene.peers["ann"].member = False
    scene.resume("bob")
    scene.wait_in_vain("bob")
    return scene


def events_of(scene: Scene) -> list[Event]:
    return [*scene.events, Finish(scene.now)]


def findings_of(scene: Scene, requirement: str) -> list[Finding]:
    return [one for one in judge(events_of(scene)).findings if one.requirement == requirement]


def found(scene: Scene, requirement: str) -> FindingReport:
    """Return the first finding of a requirement, as a report holds it."""
    return finding_report(findings_of(scene, requirement)[0], events_of(scene))


def played(scene: Scene, id_: str = "room/everyone-speaks-at-once") -> ScenarioReport:
    [scenario] = (one for one in scenarios() if one.id == id_)
    events = events_of(scene)
    return judged(scenario, judge(events), None, events)


def report(
    *results: ScenarioReport,
    name: str | None = "mine",
    target: str = "tcp://127.0.0.1:9999",
    managed: bool = False,
) -> Report:
    """A report of a run of these scenarios."""
    return summarise(
        results,
        IDS,
        managed=managed,
        interrupted=False,
        suite="1",
        target=target,
        name=name,
        seed=0,
        duration_s=1.5,
    )


def outage(fault: str, silence: float, resumed: float = 0.1) -> OutageReport:
    """What members noticed of a fault of the first node that lasts 3 s; after 4 s all is well
    again."""
    return OutageReport(
        fault=fault, node=0, begun=1.0, healed=4.0, over=5.0, client="c3", silence=silence,
        silent_until=1.5 + silence, resumed=resumed,
    )  # fmt: skip


def passing(name: str = "good") -> Report:
    """A report of a conformant server."""
    whole = report(name=name, managed=True)
    for one in whole.requirements:
        one.status, one.exercised = "pass", 3
    return Report.model_validate({**whole.model_dump(), "verdict": "conformant"})


def hostile(text: str) -> Report:
    """A report in which a server, or the author of the file, put a text wherever text may be."""
    event = StretchEvent(
        line=3, t=0.1, event="received", client=text, octets=text, size=len(text), note=text,
        marked=[(0, 4)], evidence=True,
    )  # fmt: skip
    finding = FindingReport(
        requirement="ROOM-3",
        outcome=Outcome.FAIL,
        expected=text,
        actual=text,
        client=text,
        octets=text,
        wrong=2,
        wanted=text,
        segments=[text, text],
        evidence=[3],
        lines=9,
        stretch=[event, event.model_copy(update={"line": 4, "event": "refused"})],
        crossing=found(swapped("ann", "bob"), "ROOM-3").crossing,
    )
    assert finding.crossing is not None
    for run in (finding.crossing.right, finding.crossing.wrong):
        run.client = text
        for step in run.steps:
            step.text = text
    [first, *_] = scenarios()
    result = ScenarioReport(
        id=first.id, status="fail", requirements=["ROOM-3"], reason=text, findings=[finding] * 3
    )
    whole = report(result, name=text, target=text)
    for result in whole.scenarios:
        result.id = text
    for one in whole.requirements:
        one.reason, one.scenarios = text, [text]
    strange = whole.requirements[0].model_copy(update={"id": text, "title": text})
    whole.requirements.append(strange)
    return whole


def worst(name: str) -> Report:
    """A report in which everything failed, as long as one may be."""
    octets = "\x00" * MAX_OCTETS
    stretch = [
        StretchEvent(
            line=10 * line, t=line / 7, event="received", client=f"c{line % 6}", octets=octets,
            size=70_000, cut=500, marked=[(90, 200)], evidence=True,
        )
        for line in range(1, MAX_EVENTS + 1)
    ]  # fmt: skip
    results = []
    for scenario in scenarios():
        findings = [
            FindingReport(
                requirement=id_, outcome=Outcome.FAIL, expected="e" * 900, actual="a" * 900,
                client="c1", octets=octets, cut=500, wrong=100, wanted="\x01" * MAX_OCTETS,
                segments=[octets] * 8, evidence=list(range(1, 31)), lines=99_999, stretch=stretch,
            )
            for id_ in sorted(IDS)
        ]  # fmt: skip
        results.append(
            ScenarioReport(
                id=scenario.id, status="fail", requirements=list(scenario.requirements),
                findings=findings,
            )
        )  # fmt: skip
    return report(*results, name=name, target="python -m somewhere " + "x" * 200)


def flood(count: int) -> tuple[Finding, list[Event]]:
    """A finding about a message after very many others, and its transcript."""
    scene = Scene(replace(START))
    scene.join("ann", "bob")
    talk(scene, ["ann"] * count)
    scene.deliver()
    scene.send("ann", *[b"x"] * count)
    scene.send("ann", b"\n")
    events = events_of(scene)
    sent = [line for line, event in enumerate(events, 1) if event.event == "sent"]
    return Finding("FRM-1", "a", "b", (sent[-count], sent[-1]), "ann"), events


def names(reports: Sequence[Report]) -> list[str]:
    return [str(one.name) for one in reports]
