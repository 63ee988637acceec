"""No octet is too small to be missed: what the server wrote, one octet of it changed, is found."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatproto import Broadcast, Heartbeat, Malformed, UnitReader
from conformance.oracle import judge
from conformance.transcript.events import Event, Received
from tests.conformance.programs import scenes
from tests.conformance.scene import Scene


def told(events: list[Event], name: str) -> list[object]:
    """Return what a client received, as far as an octet may change it: a time may be 5 s off."""
    stream = b"".join(
        event.octets for event in events if isinstance(event, Received) and event.client == name
    )
    units = (unit for unit in UnitReader().receive(stream) if not isinstance(unit, Heartbeat))
    return [(unit.sender, unit.text) if isinstance(unit, Broadcast) else unit for unit in units]


@st.composite
def spoilt(draw: st.DrawFn, octets: bytes) -> bytes:
    """Octets of which one is changed, missing, there twice, or an LF."""
    at = draw(st.integers(0, len(octets) - 1))
    one = octets[at : at + 1]
    other = draw(st.sampled_from([b"", one + one, b"\n", bytes([one[0] ^ 1]), b"\x00", b"\xff"]))
    return octets[:at] + other + octets[at + 1 :]


@given(scenes(may_be_unix=False), st.data())
@settings(max_examples=100)
def test_a_changed_octet_is_found(scene: Scene, data: st.DataObject) -> None:
    reads = [at for at, event in enumerate(scene.events) if isinstance(event, Received)]
    assume(reads)
    at = data.draw(st.sampled_from(reads))
    read = scene.events[at]
    assert isinstance(read, Received)
    before = told(scene.events, read.client)
    scene.events[at] = replace(read, octets=data.draw(spoilt(read.octets)))
    # A client that misses something at its end waits for it; a stream without an end gets one.
    scene.wait_in_vain(read.client)
    if not scene.peers[read.client].over:
        scene.events.append(Received(scene.tick(), read.client, b"\n"))
    after = told(scene.events, read.client)
    if after != before or any(isinstance(unit, Malformed) for unit in after):
        assert judge(scene.events).findings
