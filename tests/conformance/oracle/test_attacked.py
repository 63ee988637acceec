"""One thing in a correct run is spoilt: the oracle finds it, lays it where it belongs, and finds
nothing where nothing is broken."""

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from conformance.oracle import judge
from conformance.transcript.events import Transcript
from conformance.transcript.files import read
from tests.budget import THOROUGH
from tests.conformance.known_run import Run
from tests.conformance.oracle.attacks import BREAKING, HARMLESS
from tests.conformance.programs import LAST, NAMES, scenes
from tests.conformance.record import CORPUS
from tests.conformance.scene import Scene, chat, talk

EXAMPLES = 2_000 if THOROUGH else 25
RECORDED = [read(path) for path in sorted(CORPUS.glob("*.jsonl"))]


@st.composite
def leavings(draw: st.DrawFn) -> Scene:
    """Members talk, and all but one leave, each in another way."""
    scene = chat(*NAMES)
    for name in NAMES[1:]:
        talk(scene, draw(st.lists(st.sampled_from(NAMES[NAMES.index(name) :]), max_size=3)))
        last = draw(st.sampled_from(LAST))
        scene.send(name, draw(st.sampled_from([b"", b"\n", b" \t\n"])) + last)
        # Who is told of a violation need not have ended its side: only then the notice is owed.
        if not last.endswith(b"\n") or draw(st.booleans()):
            scene.half_close(name)
        scene.serve(name)
        scene.deliver()
    scene.fence()
    return scene


runs: st.SearchStrategy[Run] = st.one_of(
    scenes(may_be_unix=False).map(lambda scene: Run(scene.events)),
    leavings().map(lambda scene: Run(scene.events)),
    st.sampled_from(RECORDED).map(Run),
)


def blamed(transcript: Transcript) -> set[str]:
    return {finding.requirement for finding in judge(transcript).findings}


@pytest.mark.parametrize("name", BREAKING)
@given(run=runs, data=st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_what_breaks_a_requirement_is_found_and_laid_to_it(
    name: str, run: Run, data: st.DataObject
) -> None:
    verdict = BREAKING[name](run, data)
    event(f"broken: {verdict.broken}")
    found = blamed(run.transcript())
    assert found <= verdict.ids, sorted(found)
    if verdict.broken:
        assert found & verdict.named, sorted(found)


@pytest.mark.parametrize("name", HARMLESS)
@given(run=runs, data=st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_what_breaks_none_is_let_pass(name: str, run: Run, data: st.DataObject) -> None:
    HARMLESS[name](run, data)
    assert judge(run.transcript()).findings == []


@given(run=runs)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_what_is_not_spoilt_is_accepted(run: Run) -> None:
    assert judge(run.transcript()).findings == []
