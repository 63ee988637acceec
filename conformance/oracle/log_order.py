"""Lays out what all clients received as one log, which ROOM-3 says there is.

If each client's run is a contiguous part of one log, runs that share a broadcast form a chain, and
the log is that chain. Runs that share nothing lie in different components, and nobody can tell
which comes first. If there is no such log, the one laid out contradicts as few receptions as can be
found cheaply, and the checks name the contradictions. The cost is nearly linear in the receptions.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain, pairwise
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class LaidOut(Generic[Item]):
    """The log: its items in order, where each stands, and the component each belongs to."""

    items: Sequence[Item]
    position: Mapping[Item, int]
    component: Mapping[Item, int]


def lay_out(runs: Sequence[Sequence[Item]]) -> LaidOut[Item]:
    """Lay out runs as one log; each run holds an item at most once.

    This is a topological sort that follows a run as long as it can, so that chains stay whole. If
    receptions contradict each other, the item that the fewest of them put later goes first.
    """
    rank = {item: at for at, item in enumerate(dict.fromkeys(chain.from_iterable(runs)))}
    after: dict[Item, dict[Item, int]] = defaultdict(dict)
    awaited: Counter[Item] = Counter()
    for (earlier, later), times in Counter(chain.from_iterable(map(pairwise, runs))).items():
        after[earlier][later] = times
        awaited[later] += times
    items: dict[Item, int] = {}
    free = deque(item for item in rank if not awaited[item])
    reached: set[Item] = set()
    # Items that are reached, with how many runs still put them later; old numbers stay in it.
    wanted: list[tuple[int, int, Item]] = []
    untouched = iter(rank)
    while len(items) < len(rank):
        if free:
            item = free.pop() if free[-1] in reached else free.popleft()
        elif wanted:
            item = heappop(wanted)[-1]
        else:
            item = next(item for item in untouched if item not in items)
        reached.discard(item)
        if item in items:
            continue
        items[item] = len(items)
        for later, times in after[item].items():
            awaited[later] -= times
            if later not in items:
                reached.add(later)
                if awaited[later]:
                    heappush(wanted, (awaited[later], rank[later], later))
                else:
                    free.append(later)
    return LaidOut(list(items), items, _components(after, rank))


def _components(after: Mapping[Item, Iterable[Item]], rank: Mapping[Item, int]) -> dict[Item, int]:
    """Number the components: items that follow each other in a run, directly or not, share one."""
    parent: dict[Item, Item] = {item: item for item in rank}

    def root(item: Item) -> Item:
        while parent[item] is not item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for earlier, others in after.items():
        for later in others:
            parent[root(later)] = root(earlier)
    return {item: rank[root(item)] for item in rank}
