"""What is known of each client specimen, and the decorators by which a class becomes one."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from conformance.specimens.clients.base import BaseClient
from conformance.specimens.registry import kebab
from conformance.standard.requirements import Scope, requirements

Way = Literal["terminal", "pipe"]


class ClientSpecimen(NamedTuple):
    """A client with a known fault, or an odd one with none.

    A run of the suite against it must report every id in `breaks`, and none outside `breaks` and
    `may_break`. It is used in that `way`.
    """

    name: str
    breaks: frozenset[str]
    may_break: frozenset[str]
    summary: str
    way: Way
    client: type[BaseClient]

    @property
    def legal(self) -> bool:
        """Whether the client is odd, not broken: the suite must let it pass."""
        return not self.breaks


SPECIMENS: dict[str, ClientSpecimen] = {}
C = TypeVar("C", bound=BaseClient)


def fault(
    breaks: str, summary: str, *, may_break: str = "", way: Way = "terminal"
) -> Callable[[type[C]], type[C]]:
    """Enter a broken client; ids are separated by spaces."""

    def decorate(client: type[C]) -> type[C]:
        name = kebab(client.__name__)
        ids = {one.id for one in requirements().values() if one.kind is Scope.CLIENT}
        unknown = {*breaks.split(), *may_break.split()} - ids
        if name in SPECIMENS or unknown:
            raise ValueError(f"{name} is named twice, or names none of {sorted(unknown)}")
        SPECIMENS[name] = ClientSpecimen(
            name, frozenset(breaks.split()), frozenset(may_break.split()), summary, way, client
        )
        return client

    return decorate


def odd(summary: str, *, shoulds: str = "", way: Way = "terminal") -> Callable[[type[C]], type[C]]:
    """Enter an odd but right client, with the SHOULDs it departs from."""
    return fault("", summary, may_break=shoulds, way=way)
