"""The register of requirements, as it is read from the standard's text."""

from conformance.standard.requirements import requirements


def test_a_rule_has_the_list_that_it_introduces() -> None:
    first, *items = requirements()["LIM-3"].rule
    assert first == "A server MUST bound the backlog of each member and of each leaver:"
    assert [item[:12] for item in items] == ["- It MUST ev", "- A server t", "- It MUST NO"]
    for one in requirements().values():
        first, *items = one.rule
        assert first.endswith(":") == bool(items), one.id
        assert "\n" not in "".join(one.rule)
