"""The scenarios for clients, and what each needs of how the client is used."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final, Literal

from conformance.clients.stage import ClientStage
from conformance.clients.use import Use
from conformance.scenarios.registry import Scenario

SECTION: Final = "cli"
FIRST: Final = f"{SECTION}/first"
"""If this fails, nothing more can be learnt."""
ClientNeed = Literal["terminal", "pipe", "keys", "protocol"]
"""The client has a terminal; reads lines from a pipe; is typed into, unlike an adapter; knows the
protocol."""


@dataclass(frozen=True, slots=True)
class ClientPlay:
    """A scenario, and the function that plays it."""

    scenario: Scenario
    needs: frozenset[ClientNeed]
    play: Callable[[ClientStage], None]

    def unmet(self, use: Use) -> ClientNeed | None:
        """Return something that it needs and this use lacks, if there is any."""
        met: set[ClientNeed] = {"terminal"} if use.way == "terminal" else set()
        met |= {"keys"} if use.way != "jsonl" else set()
        met |= {"pipe"} if use.way == "pipe" else set()
        met |= set() if use.raw else {"protocol"}
        return min(self.needs - met, default=None)


_PLAYS: Final[list[ClientPlay]] = []


def client_scenario(
    *requirements: str, needs: tuple[ClientNeed, ...] = (), waits: float = 0.0
) -> Callable[[Callable[[ClientStage], None]], Callable[[ClientStage], None]]:
    """Register a function of a stage as a scenario under its name."""

    def enter(play: Callable[[ClientStage], None]) -> Callable[[ClientStage], None]:
        name = play.__name__.replace("_", "-")
        summary = " ".join((play.__doc__ or "").split())
        scenario = Scenario(f"{SECTION}/{name}", requirements, frozenset(), summary, waits)
        _PLAYS.append(ClientPlay(scenario, frozenset(needs), play))
        return play

    return enter


@cache
def client_plays() -> tuple[ClientPlay, ...]:
    """Return every scenario for clients, in the standard's order."""
    for module in ("hearing", "saying", "leaving", "displaying"):
        import_module(f"conformance.clients.scenarios.{module}")
    return tuple(_PLAYS)


def client_scenarios() -> tuple[Scenario, ...]:
    """Return their descriptions."""
    return tuple(one.scenario for one in client_plays())
