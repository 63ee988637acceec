"""One room on several nodes: what members receive, and faults of a node."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatproto.replica
from chatproto import Limits, Standing
from clustered_server import Ended, Foreign, MemoryEngine, MemoryLog, Unavailable
from conformance.target.system import unsent
from tests.clustered_server.cluster import Cluster, ClusterNode
from tests.clustered_server.conftest import Connect
from tests.reference_server.peer import DEADLINE, Peer, eventually


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes give up, and notice, after tenths of a second."""
    monkeypatch.setattr(chatproto.replica, "MARK", 0.1)
    monkeypatch.setattr(chatproto.replica, "GIVE_UP", 0.5)


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[tuple[ClusterNode, ClusterNode]]:
    return cluster.start("a"), cluster.start("b")  # type: ignore[return-value]


def engine(node: ClusterNode) -> MemoryEngine:
    assert isinstance(node.engine, MemoryEngine)
    return node.engine


def stands(node: ClusterNode) -> Standing:
    return node.server.replica.standing


def test_members_of_all_nodes_hear_each_other_in_one_order(
    pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    for round_ in range(50):
        ann.send(b"ann %d\n" % round_)
        bob.send(b"bob %d\n" % round_)
    for peer in ann, bob:
        peer.read_until(b"ann 49\n")
        peer.read_until(b"bob 49\n")
    # Each has joined by its own fence, which the other may have missed.
    assert ann.texts() == bob.texts()
    assert [text for text in ann.texts() if text.startswith(b"ann")] == [
        b"ann %d" % round_ for round_ in range(50)
    ]


def test_who_quits_hears_all_up_to_its_last_line_and_an_orderly_end(
    pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    ann.send(b"bye\nquit\nignored\n")
    assert ann.read_to_end().endswith(b"\nbye\n")
    bob.fence()
    assert bob.texts() == [b"bye"]


def test_half_closed_is_left_once_all_is_said(
    pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann = connect(pair[0])
    ann.send(b"last\nno line")
    ann.end()
    assert ann.read_to_end().endswith(b"\nlast\n")


def test_a_violation_is_told(pair: tuple[ClusterNode, ClusterNode], connect: Connect) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    ann.send(b"good\n\xff\n")
    assert b"good\n!invalid-text line 3" in ann.read_to_end()
    bob.fence()
    assert bob.texts() == [b"good"]


def test_members_on_unix_sockets_have_numbers_of_their_own(
    cluster: Cluster, connect: Connect, tmp_path: Path
) -> None:
    nodes = [cluster.start(name, f"unix:{tmp_path / name}") for name in ("a", "b")]
    peers = [connect(node) for node in nodes]
    for peer in peers:
        peer.send(b"hello\n")
    peers[0].read_until(b"hello\n")
    peers[0].fence()
    peers[1].fence()
    senders = {line.split()[2] for line in peers[1].received.split(b"\n")[:-1:2]}
    assert len(senders) == 2
    assert all(sender.startswith(b"unix:") for sender in senders)


def test_a_killed_node_takes_its_members_with_it_and_nobody_else(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    ann.send(b"said\n")
    bob.read_until(b"said\n")
    cluster.kill(pair[0])
    with pytest.raises(ConnectionResetError):
        ann.read_to_end()
    bob.fence()
    again = cluster.start("a")
    cas = connect(again)
    cas.send(b"back\n")
    bob.read_until(b"back\n")
    assert bob.texts() == [b"said", b"back"]


def test_a_stopped_node_delivers_and_says_so(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    bob.send(b"said\n")
    ann.read_until(b"said\n")
    cluster.stop(pair[0])
    assert ann.read_to_end().endswith(b"!shutting-down\n")
    bob.fence()


@pytest.mark.usefixtures("impatient")
def test_a_node_that_is_cut_off_closes_its_members_and_comes_back(
    pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    engine(pair[0]).is_cut_off = True
    ann.send(b"perhaps\n")
    assert ann.read_to_end().endswith(b"!log-unavailable\n")
    visitor = Peer(pair[0].address)
    assert visitor.read_to_end() == b"!log-unavailable\n"
    visitor.close()
    bob.fence()
    engine(pair[0]).is_cut_off = False
    eventually(lambda: stands(pair[0]) is Standing.SERVING)
    cas = connect(pair[0])
    cas.send(b"back\n")
    bob.read_until(b"back\n")


def test_while_the_log_is_away_for_a_moment_nobody_is_closed_and_nothing_lost(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    cluster.log.is_away = True
    ann.send(b"one\n")
    bob.send(b"two\n")
    eventually(lambda: not pair[0].server.node.is_reached and not pair[1].server.node.is_reached)
    cluster.log.is_away = False
    for peer in ann, bob:
        peer.read_until(b"one\n")
        peer.read_until(b"two\n")
        peer.fence()


def test_a_node_whose_name_is_taken_ends_and_says_so(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann = connect(pair[0])
    second = cluster.start("a")
    assert ann.read_to_end().endswith(b"!log-unavailable\n")
    eventually(lambda: isinstance(pair[0].end(), Ended))
    connect(second)
    cluster.stop(pair[0])


@pytest.mark.usefixtures("impatient")
def test_a_node_behind_what_is_kept_closes_its_members_and_starts_again(
    cluster: Cluster, pair: tuple[ClusterNode, ClusterNode], connect: Connect
) -> None:
    ann, bob = connect(pair[0]), connect(pair[1])
    cluster.log.retained = 3
    engine(pair[0]).is_cut_off = True
    ann.send(b"perhaps\n")
    for _ in range(5):
        bob.fence()
    engine(pair[0]).is_cut_off = False
    assert ann.read_to_end().endswith(b"!log-unavailable\n")
    eventually(lambda: stands(pair[0]) is Standing.SERVING)
    connect(pair[0]).send(b"back\n")
    bob.read_until(b"back\n")


def test_one_who_does_not_read_is_evicted_and_delays_nobody(
    cluster: Cluster, connect: Connect
) -> None:
    node = cluster.start("a", limits=Limits(backlog=1_048_576))
    ann, bob = connect(node), connect(node)
    for _ in range(100):
        bob.send(b"x" * 60_000 + b"\n")
        bob.fence()
        bob.received = b""
    eventually(lambda: len(node.server.connections) == 1)
    with pytest.raises(ConnectionResetError):
        ann.read_to_end()


def test_what_was_said_before_a_write_failed_is_heard(cluster: Cluster, connect: Connect) -> None:
    node = cluster.start("a")
    ann, bob = connect(node), connect(node)
    bob.fence()
    cluster.log.is_away = True
    bob.send(b"nobody is read on while this waits\n")
    eventually(
        lambda: not any(map(node.server.replica.may_be_read, node.server.replica.room.members))
    )
    ann.send(b"".join(b"%d\n" % number for number in range(1_000)))
    ann.socket.shutdown(socket.SHUT_WR)
    eventually(lambda: unsent(ann.socket) == 0)
    ann.close()  # with something unread: that breaks the connection
    cluster.log.is_away = False
    bob.read_until(b"\n999\n")
    assert len(bob.texts()) == 1_001


def test_one_who_floods_without_reading_is_read_no_further_for_a_while(
    cluster: Cluster, connect: Connect
) -> None:
    node = cluster.start("a")
    ann = connect(node)
    ann.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    ann.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        ann.send((b"x" * 999 + b"\n") * 65_536)
    assert len(node.server.connections) == 1
    ann.socket.settimeout(DEADLINE)
    reader = threading.Thread(target=ann.read_to_end)
    reader.start()
    ann.send(b"\nquit\n")
    reader.join()
    assert len(ann.texts()) > 500


def test_a_full_node_refuses(cluster: Cluster, connect: Connect) -> None:
    node = cluster.start("a", limits=Limits(members=1))
    connect(node)
    visitor = Peer(node.address)
    assert visitor.read_to_end().startswith(b"!room-full")
    visitor.close()


def test_who_goes_before_it_was_admitted_is_forgotten(cluster: Cluster, connect: Connect) -> None:
    node = cluster.start("a")
    cluster.log.is_away = True
    visitor = Peer(node.address)
    eventually(lambda: len(node.server.connections) == 1)
    visitor.reset()
    cluster.log.is_away = False
    connect(node)
    eventually(lambda: len(node.server.connections) == 1)


def test_a_node_starts_only_with_a_log(cluster: Cluster) -> None:
    cluster.log.is_away = True
    node = cluster.start("a", patience=0.2)
    assert isinstance(node.end(), Unavailable)
    cluster.stop(node)


def test_a_stop_before_the_log_answers_is_in_order(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.log.is_away = True
    node = cluster.begin("a")
    cluster.stop(node)
    assert node.end() is None
    assert "stopped: 0 members served" in caplog.text
    assert "listening on" not in caplog.text


class ForeignEngine(MemoryEngine):
    async def end(self) -> int:
        raise Foreign("it is a list of orders")


def test_a_foreign_log_ends_a_node(cluster: Cluster) -> None:
    node = cluster.start("a", engine=ForeignEngine(cluster.log))
    assert isinstance(node.end(), Foreign)
    cluster.stop(node)


def test_what_members_say_is_logged_where_that_is_wanted(
    cluster: Cluster, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connect(cluster.start("a", log_text=True)).send(b"hello\n")
    eventually(lambda: "says: 'hello'" in caplog.text)


def test_two_logs_are_two_rooms(cluster: Cluster, connect: Connect) -> None:
    other = cluster.call(MemoryLog)
    ann = connect(cluster.start("a"))
    bob = connect(cluster.start("a", engine=MemoryEngine(other)))
    ann.send(b"hello\n")
    ann.fence()
    bob.fence()
    assert not bob.texts()
