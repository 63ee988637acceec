"""Which scenarios a run plays, and which requirements it is about."""

import difflib
from collections.abc import Collection, Sequence

import click

from conformance.scenario import Scenario, scenarios
from conformance.standard import Kind, Level, requirements


class Ids(click.ParamType[tuple[str, ...]]):
    """Ids of requirements (QUIT-3) or scenarios (quit/quit-leaves), with commas between them."""

    name = "ID"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002  # click's signature
        ctx: click.Context | None,  # noqa: ARG002  # click's signature
    ) -> tuple[str, ...]:
        known = [*requirements(), *(one.id for one in scenarios())]
        ids = tuple(part.strip() for part in value.split(",") if part.strip())
        for id_ in ids:
            if id_ not in known:
                nearest = difflib.get_close_matches(id_, known, n=1, cutoff=0.0)[0]
                self.fail(f"no requirement or scenario {id_!r}; the nearest is {nearest}")
        return ids


def select(
    only: Sequence[tuple[str, ...]], skip: Sequence[tuple[str, ...]], level: str
) -> tuple[list[Scenario], frozenset[str], frozenset[str]]:
    """The scenarios to play, the requirements whose findings count, and those the verdict is
    about; an error where nothing is left to play."""
    asked = frozenset(id_ for ids in only for id_ in ids)
    refused = frozenset(id_ for ids in skip for id_ in ids)
    ids = counting(refused, level)
    chosen = [
        one
        for one in scenarios()
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


def counting(refused: Collection[str], level: str) -> frozenset[str]:
    """The requirements for servers whose findings count."""
    return frozenset(
        one.id
        for one in requirements().values()
        if one.kind is not Kind.CLIENT
        and (level == "should" or one.level is Level.MUST)
        and one.id not in refused
    )
