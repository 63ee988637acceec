"""Thousands of members at once: accepted soon, cheap to have, all of them served, all let go."""

import socket
import time
from datetime import datetime
from typing import Final

import pytest

from reference_server.capacity import most_members
from tests.attack.conftest import LaySiege
from tests.attack.siege import Siege, Size

MEMORY: Final = 5_000
"""Octets a member may cost."""
ACCEPT: Final = 25
"""What taking one in may cost of a core's time, as a multiple of what `accept` alone does: machines
differ, and from minute to minute. `make bench` holds the server to seconds."""


def joins(siege: Siege) -> list[datetime]:
    """Return when each member joined, from the log."""
    lines = [line for line in siege.server.log if line.endswith(" joined\n")]
    return [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f") for line in lines]


def an_accept() -> float:
    """Return the processor seconds that one `accept` takes, of many."""
    many = 1_000
    with socket.create_server(("127.0.0.1", 0), backlog=many) as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(many)]
        began = time.process_time()
        accepted = [listener.accept()[0] for _ in clients]
        spent = time.process_time() - began
        for each in accepted + clients:
            each.close()
    return spent / many


def joining(siege: Siege, members: int) -> float:
    """Let members come, check the memory of each, and let them go. Returns the processor seconds
    that accepting them took."""
    before, spent = siege.memory(), siege.spent()
    earlier = len(joins(siege))
    with siege.bystanders.silent(), siege.under("hold", members):
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
    most = most_members()
    if most is not None and most < members:
        pytest.skip(f"there are descriptors for {most} members")
    siege = lay_siege("--max-members", str(members + 2))
    multiple = joining(siege, members) / members / an_accept()
    siege.tell(f"accepting one is {multiple:.1f} times an accept")
    assert not size.full or multiple < ACCEPT
    with siege.under("hold", members):
        trips = siege.bystanders.trips()
        siege.bystanders.listen(size.seconds)
        siege.tell(str(trips))
    siege.recovers()
    with siege.under("hold", members):
        siege.stops()
