"""What a scenario is: a function that makes things happen on a stage, and what it exercises."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Protocol, cast

from conformance.oracle.controls import TREATMENTS
from conformance.scenarios.controls import again

Need = Literal["launch", "capacity", "examples", "nodes", "cluster", "dead-peers"]
"""What a scenario needs of the run: that the suite launches the server itself; that the
server's capacity is known; that programs are to be generated; that the room has several nodes; that
the suite launches those itself; that there is time to wait until dead peers are found."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`id` is section/name; `requirements` are those it is there to exercise, the first above
    all; `summary` says what happens. `waits`: the seconds, about, that it waits for any server."""

    id: str
    requirements: tuple[str, ...]
    needs: frozenset[Need]
    summary: str
    waits: float = 0.0

    @property
    def section(self) -> str:
        return self.id.partition("/")[0]


class Play(Protocol):
    """A scenario's function, with its description attached; the plugin gives it what it names:
    a stage, the server, or the search for a program."""

    __name__: str
    scenario: Scenario

    def __call__(self, **arguments: object) -> None: ...


SECTIONS: Final = (
    "sanity", "trn", "frm", "txt", "msg", "room", "quit", "hb", "err", "lim", "gen", "stop",
    "res", "clu",
)  # fmt: skip
"""The sections of the standard that scenarios follow, in its order; sanity comes before all, and
programs that nobody wrote before the server is stopped."""


def scenario(
    *requirements: str, needs: tuple[Need, ...] = (), waits: float = 0.0
) -> Callable[..., Play]:
    """Make a function of a stage a scenario, named after its module and itself."""

    def describe(function: Play) -> Play:
        play = cast(Play, again(function)) if requirements[0].startswith(TREATMENTS) else function
        section = play.__module__.rpartition(".")[2].removeprefix("test_")
        name = play.__name__.removeprefix("test_").replace("_", "-")
        summary = " ".join((play.__doc__ or "").split())
        id_ = f"{section}/{name}"
        play.scenario = Scenario(id_, requirements, frozenset(needs), summary, waits)
        return play

    return describe


@cache
def plays() -> tuple[Play, ...]:
    """Every scenario's function, in the standard's order."""
    package = importlib.import_module("conformance.scenarios")
    found: list[Play] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_"):
            named = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
            found += [play for play in named if hasattr(play, "scenario")]
    return tuple(sorted(found, key=lambda one: SECTIONS.index(one.scenario.section)))


@cache
def of_one_server() -> tuple[Scenario, ...]:
    """Every scenario that does not need several nodes."""
    return tuple(one for one in scenarios() if not one.needs & {"nodes", "cluster"})


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario, in the standard's order."""
    return tuple(play.scenario for play in plays())
