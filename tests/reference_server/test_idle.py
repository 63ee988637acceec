"""A server to which nothing is said does nothing, whatever its members have done before (RES-1),
and one that has no descriptor free goes on serving (RES-2)."""

import contextlib
import os
import resource
import socket
import time
from pathlib import Path

import pytest

from tests.reference_server.peer import Peer, eventually
from tests.reference_server.process import ServerProcess
from tests.reference_server.test_slow import BLOCK

QUIET = 1.5
"""Seconds in which the processor time is taken."""


def processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def half_close(peer: Peer) -> None:
    peer.send(b"half a li")
    peer.end()


def stall(peer: Peer) -> None:
    """Say much, read nothing: full sockets and a paused reader are left."""
    peer.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        for _ in range(200):
            peer.send(BLOCK)


def linger(peer: Peer) -> None:
    peer.send(b"quit\n")
    peer.read_to_end()


def shut_reading(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_RD)
    peer.send(b"said without listening\n")


@pytest.mark.parametrize(
    "leave", [Peer.reset, Peer.close, half_close, stall, linger, shut_reading, None]
)
def test_res_1_nothing_is_done_while_nothing_is_said(leave: object) -> None:
    with ServerProcess("--listen", "tcp://127.0.0.1:0", "--heartbeat", "0") as server:
        stays, goes = Peer(server.addresses[0]), Peer(server.addresses[0])
        stays.fence()
        goes.fence()
        if callable(leave):
            leave(goes)
        time.sleep(0.3)  # nothing is left to do
        before = processor_seconds(server.process.pid)
        time.sleep(QUIET)
        assert processor_seconds(server.process.pid) - before < QUIET / 10
        stays.close()
        goes.close()
        server.process.kill()
        server.wait()


def test_res_2_without_a_free_descriptor_members_are_served_and_later_others_admitted() -> None:
    with ServerProcess("--listen", "tcp://127.0.0.1:0") as server:
        ann = Peer(server.addresses[0])
        ann.fence()
        used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (used + 1, hard))
        crowd = [Peer(server.addresses[0]) for _ in range(4)]
        eventually(lambda: any("cannot accept" in line for line in server.log))
        before = processor_seconds(server.process.pid)
        for _ in range(20):
            ann.fence()
            time.sleep(0.05)
        assert processor_seconds(server.process.pid) - before < 0.3
        crowd[0].send(b"quit\n")  # the member that was admitted makes room for the next
        crowd[0].read_to_end()
        crowd[0].close()
        crowd[1].fence()
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        for peer in crowd[2:]:
            peer.fence()
        for peer in ann, *crowd:
            peer.close()
        server.process.terminate()
        assert server.wait() == 0
