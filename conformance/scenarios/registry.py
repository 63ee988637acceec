"""The registry of scenarios: functions that make things happen, and the requirements they test."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Protocol, cast

from conformance.oracle.controls import TREATMENTS
from conformance.scenarios.controls import again

Need = Literal["launch", "capacity", "examples", "nodes", "cluster", "dead-peers"]
"""What a scenario needs of a run, in this order: the suite launches the server; the server's
capacity is known; programs are generated; the room has several nodes; the suite launches these
nodes; there is time to wait until dead peers are found."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The description of a scenario.

    `id` is section/name. `requirements` are the ones it exercises, the most important first.
    `summary` says what happens. `waits` is about how many seconds it waits even for a fast server,
    or takes to make a backlog.
    """

    id: str
    requirements: tuple[str, ...]
    needs: frozenset[Need]
    summary: str
    waits: float = 0.0

    @property
    def section(self) -> str:
        return self.id.partition("/")[0]


class Play(Protocol):
    """A scenario's function with its description attached.

    The plugin passes it the arguments it names: a stage, the server, or the search for a program.
    """

    __name__: str
    scenario: Scenario

    def __call__(self, **arguments: object) -> None: ...


FIRST: Final = "sanity/first"
"""The scenario that shows whether there is chat at all. It is played before all others."""
LAST: Final = "sanity/last"
"""The scenario that shows whether there is still chat when everything else is over."""
SECTIONS: Final = (
    "sanity", "trn", "frm", "txt", "msg", "room", "quit", "hb", "err", "lim", "gen", "stop",
    "res", "clu",
)  # fmt: skip
"""The sections of the scenarios, in the order of the standard. Sanity comes first, and generated
programs come before the scenarios that stop the server."""


def scenario(
    *requirements: str, needs: tuple[Need, ...] = (), waits: float = 0.0
) -> Callable[..., Play]:
    """Make a function a scenario, named after its module and its own name."""

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
    """Return the function of every scenario, in the standard's order."""
    package = importlib.import_module("conformance.scenarios")
    found: list[Play] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_"):
            named = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
            found += [play for play in named if hasattr(play, "scenario")]
    return tuple(sorted(found, key=lambda one: SECTIONS.index(one.scenario.section)))


@cache
def of_one_server() -> tuple[Scenario, ...]:
    """Return every scenario that does not need several nodes."""
    return tuple(one for one in scenarios() if not one.needs & {"nodes", "cluster"})


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return every scenario, in the standard's order."""
    return tuple(play.scenario for play in plays())
