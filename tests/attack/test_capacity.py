"""Thousands of members at once: accepted soon, cheap to have, all of them served, all let go."""

from datetime import datetime
from typing import Final

import pytest

from reference_server.capacity import limits
from tests.attack.conftest import LaySiege
from tests.attack.siege import Siege, Size

MEMORY: Final = 25_000
"""Octets a member may cost."""
ACCEPT: Final = 0.5e-3
"""Seconds of a core's time that accepting one may take: twice what `make bench` holds it to, since
the time of few is counted in coarse ticks."""


def joins(siege: Siege) -> list[datetime]:
    """When each member joined, as the log has it."""
    lines = [line for line in siege.server.log if line.endswith(" joined\n")]
    return [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f") for line in lines]


@pytest.mark.parametrize("members", [300, 2000, 5000])
def test_members_at_once(lay_siege: LaySiege, size: Size, members: int) -> None:
    if members > 300 and not size.full:
        pytest.skip("thousands of members: make attack")
    for limit in limits():
        if limit.members < members:
            pytest.skip(f"{limit.name} has room for {limit.members} members: {limit.remedy}")
    siege = lay_siege("--max-members", str(members + 2))
    before, threads, spent = siege.memory(), siege.process.num_threads(), siege.spent()
    with siege.bystanders.silent(), siege.under("hold", members):
        siege.eventually(lambda: siege.process.num_threads() == threads + members)
        siege.eventually(lambda: len(joins(siege)) == members + 2)
        spent = siege.spent() - spent
        octets = (siege.memory() - before) / members
        took = joins(siege)[-1] - joins(siege)[2]
        siege.tell(
            f"{members} members: {octets:.0f} octets each; "
            f"accepted in {took}, with {spent:.2f} s of a core's time"
        )
        assert octets < MEMORY
        assert not size.full or spent < members * ACCEPT
    with siege.under("hold", members):
        trips = siege.bystanders.trips()
        siege.bystanders.listen(size.seconds)
        siege.tell(str(trips))
    siege.recovers()
    with siege.under("hold", members):
        siege.stops()
