"""What a watch recorded: no correct server is accused, whoever was not seen; broken ones are."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracle import Finding, Outcome, judge
from conformance.transcript.events import (
    THE_END,
    Connected,
    Event,
    Finish,
    Received,
    Start,
    Waited,
)
from tests.conformance.scene import START, Peer, Scene

WATCHED = replace(START, exclusive=False, watched=True)
LINES = (b"hi\n", b"ok\n", b"hi\n", b"quiet\n", b"\n", b"a\nb\na\n", b"x" * 1_500 + b"\n")
"""What real people say: much of it more than once."""


@dataclass
class Conversation:
    """A room in which some members are watched, and some do not come through the watch."""

    scene: Scene = field(default_factory=lambda: Scene(WATCHED))
    unseen: set[str] = field(default_factory=set)
    stopped: bool = False

    def here(self) -> list[Peer]:
        return [peer for peer in self.scene.peers.values() if not peer.gone and not peer.over]

    def connect(self, *, seen: bool, accepted: bool) -> None:
        name = f"c{len(self.scene.peers) + 1}"
        peer = self.scene.connect(name, accepted=accepted)
        if not seen:
            self.unseen.add(name)
        if self.stopped:
            peer.member, peer.ended = False, True

    def stop(self) -> None:
        """The operator stops the server: it accepts no more, and closes every connection."""
        self.stopped = True
        for peer in self.scene.peers.values():
            peer.unread.clear()
            peer.member, peer.ended = False, True

    def fall_quiet(self) -> None:
        """Everything is read and received, and then nothing is said for a while."""
        for peer in self.scene.peers.values():
            if not self.stopped:
                peer.member = peer.member or not (peer.ended or peer.over)
                self.scene.serve(peer.name)
        self.scene.deliver()
        self.scene.tick(10.0)
        for peer in self.here():
            if not peer.ended:
                self.scene.events.append(Waited(self.scene.now, peer.name, THE_END, 10.0))

    def transcript(self, *, translated: bool = False) -> list[Event]:
        """What a watch recorded; `translated`: the server sees other addresses than it."""
        events: list[Event] = []
        for event in self.scene.events:
            if translated and isinstance(event, Start):
                event = replace(event, addresses="unsure")
            elif translated and isinstance(event, Connected):
                event = replace(event, label=f"10.0.0.1:{len(events)}")
            if getattr(event, "client", None) not in self.unseen:
                events.append(event)
        return [*events, Finish(self.scene.tick())]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    talk = Conversation()
    for _ in range(draw(st.integers(1, 30))):
        here = talk.here()
        step = draw(st.integers(0, 19))
        if step < 4 or not here:
            talk.connect(seen=draw(st.booleans()), accepted=draw(st.booleans()))
            continue
        peer = draw(st.sampled_from(here))
        name = peer.name
        if step < 10:
            if not peer.ended:
                talk.scene.send(name, draw(st.sampled_from(LINES)))
        elif step < 13 and not talk.stopped:
            peer.member = peer.member or not peer.ended
            talk.scene.serve(name, draw(st.integers(1, 2)))
        elif step < 16:
            talk.scene.read(name, draw(st.integers(1, 80)))
        elif step == 16:
            talk.fall_quiet()
        elif step == 17 and not peer.ended:
            word = draw(st.sampled_from([b"quit\n", b"\xff\n", b"in\ncomplete", None]))
            if word is None:
                talk.scene.abort(name)
            elif peer.member or not peer.waiting:
                talk.scene.send(name, word)
                talk.scene.half_close(name)
        elif step == 18:
            talk.scene.deliver(name)
        elif draw(st.integers(0, 5)) == 0:
            talk.stop()
    return talk


def accused(transcript: list[Event]) -> list[Finding]:
    """Return what is found of the server beyond doubt."""
    return [
        finding
        for finding in judge(transcript).findings
        if finding.outcome is Outcome.FAIL and finding.requirement != "CLI-4"
    ]


@given(conversations(), st.booleans())
@settings(max_examples=100)
def test_a_correct_server_is_not_accused_whoever_was_not_seen(
    talk: Conversation, translated: bool
) -> None:
    assert accused(talk.transcript(translated=translated)) == []


def conversation() -> Conversation:
    """Two watched members, and between them one who is not, know that they are members."""
    talk = Conversation()
    for seen in (True, False, True):
        talk.connect(seen=seen, accepted=True)
    for name in ("c1", "c2", "c3"):
        talk.scene.say(name, "hello")
    talk.scene.deliver()
    return talk


def spoilt(old: bytes, new: bytes) -> list[Event]:
    """Return the transcript of a conversation, with something else in what c3 received."""
    talk = conversation()
    for name, text in (("c2", "lunch?"), ("c1", "lunch?"), ("c2", "hi"), ("c3", "at one")):
        talk.scene.say(name, text)
        talk.scene.deliver()
    talk.scene.say("c1", "good")
    talk.scene.deliver()
    talk.scene.tick(4.0)
    changed = [
        replace(event, octets=event.octets.replace(old, new))
        if isinstance(event, Received) and event.client == "c3"
        else event
        for event in talk.transcript()
    ]
    assert changed != talk.transcript()
    return changed


UNIT = b"20210703 17:45:39 127.0.0.1:50000\nlunch?\n"
LAST = b"20210703 17:45:39 127.0.0.1:50000\ngood\n"


@pytest.mark.parametrize(
    ("old", "new", "requirement"),
    [
        (UNIT, b"", "ROOM-2"),
        (UNIT, UNIT + UNIT, "ROOM-2"),
        (b"at one", b"AT ONE", "TXT-5"),
        (b"20210703 17:45:39 127.0.0.1:50002\nat one", b"joined\n", "TRN-2"),
        (UNIT, UNIT.replace(b"20210703", b"2021/07/03"), "MSG-1"),
        (UNIT, UNIT.replace(b"50000", b"50002"), "MSG-2"),
    ],
)
def test_what_the_server_breaks_is_found_though_not_all_was_seen(
    old: bytes, new: bytes, requirement: str
) -> None:
    assert requirement in {finding.requirement for finding in accused(spoilt(old, new))}


def test_what_may_still_come_is_not_lost() -> None:
    assert accused(spoilt(LAST, b"")) == []


def test_a_member_that_is_put_out_alone_is_found_and_with_all_others_is_not() -> None:
    for stops, found in ((False, {"HB-3", "ROOM-1", "ROOM-7"}), (True, set())):
        talk = conversation()
        talk.scene.peers["c1"].ended = True
        if stops:
            talk.stop()
        talk.scene.deliver()
        talk.scene.tick(10.0)
        named = {finding.requirement for finding in accused(talk.transcript())}
        assert named <= found
        assert bool(named) == bool(found)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (b"caf\xe9\n", Outcome.FAIL),
        (b"no end", Outcome.FAIL),
        (b"x" * 1_025 + b"\n", Outcome.UNKNOWN),
        (b"x" * 20_000 + b"\n", Outcome.FAIL),
        (b"x" * 1_024 + b"\n", None),
    ],
)
def test_cli_4_is_what_a_client_is_held_to(line: bytes, outcome: Outcome | None) -> None:
    talk = conversation()
    talk.scene.send("c3", line)
    talk.scene.half_close("c3")
    talk.scene.serve("c3")
    talk.scene.deliver()
    findings = judge(talk.transcript()).findings
    assert [finding.outcome for finding in findings] == ([outcome] if outcome else [])
    assert {(finding.requirement, finding.client) for finding in findings} <= {("CLI-4", "c3")}
