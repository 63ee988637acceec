"""No requirement without a scenario that exercises it and a specimen that breaks it."""

import pytest

from conformance.scenarios.registry import SECTIONS, scenarios
from conformance.specimens import CATALOGUE
from conformance.standard.requirements import requirements

CHECKABLE = [one.id for one in requirements().values() if one.kind.binds_servers]


@pytest.mark.parametrize("id_", CHECKABLE)
def test_each_requirement_has_a_scenario(id_: str) -> None:
    assert [one.id for one in scenarios() if id_ in one.requirements]


@pytest.mark.parametrize("id_", CHECKABLE)
def test_each_requirement_has_a_specimen(id_: str) -> None:
    assert [one.name for one in CATALOGUE.values() if id_ in one.breaks or id_ == "MSG-4"]


def test_local_time_departs_from_a_should() -> None:
    """MSG-4 is a SHOULD: a server that departs from it is legal, and must be seen departing."""
    assert CATALOGUE["local-time"].may_break == {"MSG-4"}


def test_scenarios_name_requirements_there_are() -> None:
    for one in scenarios():
        clustered = {id_ for id_ in one.requirements if id_.startswith("CLU-")}
        assert set(one.requirements) - clustered <= set(CHECKABLE), one.id
        assert not clustered or one.needs & {"nodes", "cluster"}, one.id
        assert one.summary, one.id


def test_scenarios_are_in_the_order_of_the_standard() -> None:
    sections = list(dict.fromkeys(one.section for one in requirements().values()))
    assert [one for one in SECTIONS if one in sections] == [
        one for one in sections if one in SECTIONS
    ]


def test_enough_specimens() -> None:
    legal = [one for one in CATALOGUE.values() if one.legal]
    assert len(CATALOGUE) - len(legal) >= 90
    assert len(legal) >= 15
