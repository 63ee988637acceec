"""The registry of client scenarios, and what each needs of the client under test."""

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
"""If this scenario fails, no other is played."""
ClientNeed = Literal["terminal", "pipe", "keys", "protocol"]
"""What a scenario needs of the client, in this order: it runs at a terminal; it reads lines from a
pipe; its input is typed, not sent to an adapter; it knows the protocol."""


@dataclass(frozen=True, slots=True)
class ClientPlay:
    """A scenario, and the function that plays it."""

    scenario: Scenario
    needs: frozenset[ClientNeed]
    play: Callable[[ClientStage], None]

    def unmet(self, use: Use) -> ClientNeed | None:
        """Return a need of this scenario that `use` does not meet, or None."""
        met: set[ClientNeed] = {"terminal"} if use.way == "terminal" else set()
        met |= {"keys"} if use.way != "jsonl" else set()
        met |= {"pipe"} if use.way == "pipe" else set()
        met |= set() if use.raw else {"protocol"}
        return min(self.needs - met, default=None)


_PLAYS: Final[list[ClientPlay]] = []


def client_scenario(
    *requirements: str, needs: tuple[ClientNeed, ...] = (), waits: float = 0.0
) -> Callable[[Callable[[ClientStage], None]], Callable[[ClientStage], None]]:
    """Register a function as a scenario, under the function's name."""

    def enter(play: Callable[[ClientStage], None]) -> Callable[[ClientStage], None]:
        name = play.__name__.replace("_", "-")
        summary = " ".join((play.__doc__ or "").split())
        scenario = Scenario(f"{SECTION}/{name}", requirements, frozenset(), summary, waits)
        _PLAYS.append(ClientPlay(scenario, frozenset(needs), play))
        return play

    return enter


@cache
def client_plays() -> tuple[ClientPlay, ...]:
    """Return every client scenario with its function, in the order of registration."""
    for module in ("hearing", "saying", "leaving", "displaying"):
        import_module(f"conformance.clients.scenarios.{module}")
    return tuple(_PLAYS)


def client_scenarios() -> tuple[Scenario, ...]:
    """Return the description of every client scenario."""
    return tuple(one.scenario for one in client_plays())
