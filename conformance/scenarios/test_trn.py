"""Transport: members are served concurrently, and nothing but units is sent."""

from conformance.driver.stage import Stage
from conformance.scenarios.registry import scenario


@scenario("TRN-1")
def test_silent_connections_delay_nobody(stage: Stage) -> None:
    """Clients connect and send nothing, not even a name if the server asks for one. Two members
    chat meanwhile, as promptly as one did alone."""
    [alone] = stage.join(1)
    stage.fence(alone)
    if stage.dialect is None or stage.dialect.quit.words:
        alone.send(b"quit\n")
        stage.await_end(alone)
    stage.connect(introduces=False)
    ann, bob = stage.join(2, exercises=["TRN-1"])
    for introduces in (True, False, True):
        stage.connect(introduces=introduces)
    stage.fence(ann, bob, exercises=["TRN-1"])


@scenario("TRN-1")
def test_a_dribbling_connection_delays_nobody(stage: Stage) -> None:
    """One client sends a line octet by octet. Two members chat between its octets."""
    ann, bob, eve = stage.join(3)
    stage.fence(ann, bob)
    for octet in stage.nonce().encode():
        eve.send(bytes([octet]))
        stage.fence(ann, bob, exercises=["TRN-1"])
    eve.send(b"\n")
    stage.fence(ann, bob, eve)


@scenario("TRN-1")
def test_a_half_closed_connection_delays_nobody(stage: Stage) -> None:
    """One client half-closes at once, another after a message. Two members chat on."""
    ann, bob, eve = stage.join(3)
    stage.fence(ann, bob)
    stage.connect().half_close()
    eve.half_close()
    for _ in range(3):
        stage.fence(ann, bob, exercises=["TRN-1"])


@scenario("TRN-2")
def test_nothing_but_units(stage: Stage) -> None:
    """Members join and leave; a watching member receives nothing but broadcasts, notices and
    heartbeats."""
    watcher = stage.connect()
    stage.greet(watcher)
    [ann] = stage.join(1)
    stage.fence(watcher, ann)
    ann.send(b"quit\n")
    stage.await_end(ann)
    [bob] = stage.join(1)
    bob.half_close()
    stage.await_end(bob)
    stage.fence(watcher)
