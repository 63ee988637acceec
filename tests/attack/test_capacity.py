"""Thousands of members at once: accepted soon, cheap to have, all of them served, all let go."""

import socket
import threading
import time
from datetime import datetime
from typing import Final

import pytest

from reference_server.capacity import limits
from tests.attack.conftest import LaySiege
from tests.attack.siege import Siege, Size

MEMORY: Final = 25_000
"""Octets a member may cost."""
ACCEPT: Final = 4
"""What accepting one may take of a core's time, as a multiple of what its thread alone takes:
machines differ, and from minute to minute. `make bench` holds the server to seconds."""


def joins(siege: Siege) -> list[datetime]:
    """Return when each member joined, from the log."""
    lines = [line for line in siege.server.log if line.endswith(" joined\n")]
    return [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f") for line in lines]


def a_thread() -> float:
    """Return the processor seconds that starting many threads takes, each of which waits for a
    socket."""
    many = 1_000
    pairs = [socket.socketpair() for _ in range(many)]
    began = time.process_time()
    threads = [threading.Thread(target=one.recv, args=(1,)) for one, _ in pairs]
    for thread in threads:
        thread.start()
    spent = time.process_time() - began
    for _, other in pairs:
        other.close()
    for thread, (one, _) in zip(threads, pairs, strict=True):
        thread.join()
        one.close()
    return spent / many


def joining(siege: Siege, members: int) -> float:
    """Let members come, check the memory of each, and let them go. Returns the processor seconds
    that accepting them took."""
    before, threads, spent = siege.memory(), siege.process.num_threads(), siege.spent()
    earlier = len(joins(siege))
    with siege.bystanders.silent(), siege.under("hold", members):
        siege.eventually(lambda: siege.process.num_threads() == threads + members)
        # One more, in case another test takes this port for itself.
        siege.eventually(lambda: len(joins(siege)) >= earlier + members)
        spent = siege.spent() - spent
        octets = (siege.memory() - before) / members
        took = joins(siege)[-1] - joins(siege)[earlier]
        siege.tell(
            f"{members} members: {octets:.0f} octets each; "
            f"accepted in {took}, with {spent:.2f} s of a core's time"
        )
        assert octets < MEMORY
    siege.recovers()
    return spent


@pytest.mark.parametrize("members", [300, 2000, 5000])
def test_members_at_once(lay_siege: LaySiege, size: Size, members: int) -> None:
    if members > 300 and not size.full:
        pytest.skip("thousands of members: make attack")
    for limit in limits():
        if limit.members < members:
            pytest.skip(f"{limit.name} has room for {limit.members} members: {limit.remedy}")
    siege = lay_siege("--max-members", str(members + 2))
    multiple = joining(siege, members) / members / a_thread()
    siege.tell(f"accepting one is {multiple:.1f} times its thread")
    assert not size.full or multiple < ACCEPT
    with siege.under("hold", members):
        trips = siege.bystanders.trips()
        siege.bystanders.listen(size.seconds)
        siege.tell(str(trips))
    siege.recovers()
    with siege.under("hold", members):
        siege.stops()
