"""Two messages that came in two orders: whose runs are shown, and how they cross."""

from conformance.oracle import Finding
from conformance.output.findings import picture
from conformance.output.html.figure import lay_out_crossing
from conformance.output.text_diagram import sketch_crossing
from conformance.report.inversion import crossing_of
from conformance.report.model import FindingReport
from conformance.transcript.events import Connected
from tests.conformance.samples import altered, events_of, findings_of, found, swapped
from tests.conformance.scene import START, Scene


def test_two_senders_swapped_cross() -> None:
    finding = found(swapped("ann", "bob"), "ROOM-3")
    crossing = finding.crossing
    assert crossing is not None
    assert (crossing.right.client, crossing.wrong.client) == ("ann", "cyd")
    assert _keys(finding) == ("AB", "BA")
    pair = lay_out_crossing(crossing)
    assert pair is not None
    left, right = pair.left + pair.column, pair.right
    assert left < pair.crossing[0] < right
    text = "\n".join(sketch_crossing(crossing))
    assert "ann: received" in text
    assert "cyd: received" in text


def test_one_sender_swapped_crosses_what_it_sent() -> None:
    finding = found(swapped("ann", "ann"), "ROOM-4")
    assert finding.crossing is not None
    assert finding.crossing.right.client == "ann"
    assert {step.way for step in finding.crossing.right.steps} == {"sent"}
    assert _keys(finding) == ("AB", "BA")


def test_an_answer_before_its_question_crosses() -> None:
    scene = _answered_too_early()
    finding = found(scene, "ROOM-5")
    assert finding.crossing is not None
    assert finding.crossing.right.client == "bob"
    keyed = [step.way for step in finding.crossing.right.steps if step.key]
    assert keyed == ["received", "sent"]
    assert _keys(finding) == ("AB", "BA")


def test_what_lies_between_is_left_out_of_a_crossing() -> None:
    scene = Scene()
    scene.join("ann", "bob", "cyd")
    for _ in range(30):
        scene.say("ann", scene.nonce())
    waiting = scene.peers["cyd"].waiting
    waiting.append(waiting.pop(0))
    scene.deliver()
    scene.fence()
    crossings = [crossing_of(one, events_of(scene)) for one in findings_of(scene, "ROOM-4")]
    assert crossings
    for crossing in crossings:
        assert crossing is not None
        assert len(crossing.right.steps) <= 8
    assert "left out" in "\n".join(picture(found(scene, "ROOM-4")))


def test_what_is_no_finding_about_order_has_no_crossing() -> None:
    [finding, *_] = findings_of(altered(), "TXT-5")
    assert crossing_of(finding, events_of(altered())) is None
    unit = b"20210703 17:45:39 127.0.0.1:1\nx\n"
    odd = Finding("ROOM-3", "", "", (2, 2, 2, 2), "ann", unit + unit)
    assert crossing_of(odd, [START, Connected(0.0, "ann", None)]) is None
    assert crossing_of(odd, [START, Connected(0.0, "bob", None)]) is None


def test_runs_that_do_not_cross_are_not_laid_out() -> None:
    crossing = found(swapped("ann", "bob"), "ROOM-3").crossing
    assert crossing is not None
    same = crossing.model_copy(update={"wrong": crossing.right})
    assert lay_out_crossing(same) is None
    bare = crossing.wrong.model_copy(update={"steps": []})
    assert lay_out_crossing(crossing.model_copy(update={"wrong": bare})) is None


def _keys(finding: FindingReport) -> tuple[str, str]:
    crossing = finding.crossing
    assert crossing is not None
    right, wrong = ("".join(s.key for s in run.steps) for run in (crossing.right, crossing.wrong))
    return right, wrong


def _answered_too_early() -> Scene:
    scene = Scene()
    scene.join("ann", "bob", "cyd")
    scene.say("ann", scene.nonce())
    scene.deliver("ann", "bob")
    scene.say("bob", scene.nonce())
    waiting = scene.peers["cyd"].waiting
    waiting.reverse()
    scene.deliver()
    scene.fence()
    return scene
