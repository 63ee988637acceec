"""Which scenarios a run plays, and which requirements it is about."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

import click

from conformance.report.model import FOR_SERVERS
from conformance.scenarios.registry import Scenario, scenarios
from conformance.standard.requirements import Level, Scope, requirements


class Ids(click.ParamType[tuple[str, ...]]):
    """Ids of requirements (QUIT-3) or scenarios (quit/quit-leaves), or names of sections (quit),
    separated by commas, in upper or lower case. A section stands for all its requirements."""

    name = "ID"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002  # click's signature
        ctx: click.Context | None,  # noqa: ARG002  # click's signature
    ) -> tuple[str, ...]:
        ids: list[str] = []
        for part in filter(None, map(str.strip, value.split(","))):
            found = _ids_called(part)
            if not found:
                self.fail(f"no requirement, scenario or section {part!r}; {nearest_id(part)}")
            ids += found
        return tuple(ids)


def _ids_called(name: str) -> list[str]:
    ids = chain(requirements(), (one.id for one in _all_scenarios()))
    found = next((id_ for id_ in ids if id_.lower() == name.lower()), None)
    if found is not None:
        return [found]
    return [one.id for one in requirements().values() if one.section == name.lower()]


def _all_scenarios() -> Iterator[Scenario]:
    yield from scenarios()
    # Imported where no scenario of a server is meant: a tenth of the time in which a run starts.
    from conformance.clients.registry import client_scenarios

    yield from client_scenarios()


def nearest_id(name: str) -> str:
    """Say which requirement or scenario has the most similar name."""
    ids = (*requirements(), *(one.id for one in _all_scenarios()))
    known = {id_.lower(): id_ for id_ in ids}
    [nearest] = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.0)
    return f"the nearest is {known[nearest]}"


def select(
    only: Sequence[tuple[str, ...]],
    skip: Sequence[tuple[str, ...]],
    level: str,
    register: Sequence[Scenario] | None = None,
    kinds: Collection[Scope] = FOR_SERVERS,
) -> tuple[list[Scenario], frozenset[str], frozenset[str]]:
    """Select what to play, from `register` and of these `kinds`; by default those for servers.

    Returns:
        The scenarios to play, the requirements whose findings count, and those that the verdict is
        about.

    Raises:
        click.UsageError: Nothing is left to play.
    """
    asked = frozenset(id_ for ids in only for id_ in ids)
    refused = frozenset(id_ for ids in skip for id_ in ids)
    ids = counting(refused, level, kinds)
    chosen = [
        one
        for one in (scenarios() if register is None else register)
        if one.id not in refused
        and ids.intersection(one.requirements)
        and (not asked or one.id in asked or asked.intersection(one.requirements))
    ]
    if not chosen:
        raise click.UsageError("nothing is selected: --only, --skip and --level leave no scenario")
    if not asked:
        return chosen, ids, ids
    meant = {id_ for one in chosen if one.id in asked for id_ in one.requirements}
    return chosen, ids, ids & (asked | meant)


def counting(
    refused: Collection[str], level: str, kinds: Collection[Scope] = FOR_SERVERS
) -> frozenset[str]:
    """Return the requirements whose findings count; by default those for servers."""
    return frozenset(
        one.id
        for one in requirements().values()
        if one.kind in kinds
        and (level == "should" or one.level is Level.MUST)
        and one.id not in refused
    )
