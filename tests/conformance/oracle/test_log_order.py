"""The log laid out from what all received: runs of one log never contradict each other."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conformance.oracle.log_order import LaidOut, lay_out

logs = st.integers(1, 12).map(lambda length: list(range(length)))


@st.composite
def runs_of_a_log(draw: st.DrawFn) -> list[list[int]]:
    """Contiguous runs of one log, as received by members that come and go."""
    log = draw(logs)
    places = st.tuples(st.integers(0, len(log)), st.integers(0, len(log))).map(sorted)
    return [log[start:end] for start, end in draw(st.lists(places, max_size=6))]


def is_contiguous(run: list[int], log: LaidOut[int]) -> bool:
    return all(log.position[later] == log.position[item] + 1 for item, later in pairwise(run))


def is_contradicted(runs: list[list[int]], log: LaidOut[int]) -> bool:
    """Whether somebody received two items in the other order, or not what lies between two."""
    return not all(is_contiguous(run, log) for run in runs)


@given(runs_of_a_log())
def test_runs_of_one_log_lie_in_it_whole_and_in_order(runs: list[list[int]]) -> None:
    log = lay_out(runs)
    assert not is_contradicted(runs, log)


@given(runs_of_a_log())
def test_the_log_holds_each_item_once(runs: list[list[int]]) -> None:
    log = lay_out(runs)
    assert sorted(log.items) == sorted({item for run in runs for item in run})
    assert [log.position[item] for item in log.items] == list(range(len(log.items)))


@given(runs_of_a_log(), st.randoms(use_true_random=False))
def test_who_is_asked_first_changes_nothing(runs: list[list[int]], random: object) -> None:
    shuffled = list(runs)
    getattr(random, "shuffle")(shuffled)  # noqa: B009  # Hypothesis gives it no type
    assert not is_contradicted(runs, lay_out(shuffled))


@given(runs_of_a_log())
def test_runs_are_of_one_component_where_they_share_an_item_at_any_remove(
    runs: list[list[int]],
) -> None:
    component = lay_out(runs).component
    groups: list[set[int]] = []
    for run in runs:
        joined = set(run).union(*(group for group in groups if group & set(run)))
        groups = [group for group in groups if not group & set(run)] + [joined]
    for one in component:
        for other in component:
            together = any({one, other} <= group for group in groups)
            assert (component[one] == component[other]) == together


@given(runs_of_a_log(), st.data())
def test_a_swap_shows_where_a_second_run_has_both(
    runs: list[list[int]], data: st.DataObject
) -> None:
    pairs = sorted({pair for run in runs for pair in pairwise(run)})
    if not pairs:
        return
    one, other = data.draw(st.sampled_from(pairs))
    log = lay_out([*runs, [other, one]])
    assert is_contradicted([*runs, [other, one]], log)


@given(runs_of_a_log(), st.data())
def test_a_gap_shows_where_others_have_what_is_missing(
    runs: list[list[int]], data: st.DataObject
) -> None:
    longer = [run for run in runs if len(run) > 2]
    if not longer:
        return
    run = data.draw(st.sampled_from(longer))
    missing = data.draw(st.integers(1, len(run) - 2))
    spoilt = run[:missing] + run[missing + 1 :]
    log = lay_out([*runs, spoilt])
    assert not is_contradicted(runs, log)
    before, gone, after = run[missing - 1 : missing + 2]
    assert log.component[before] == log.component[after]
    assert log.items[log.position[before] + 1 : log.position[after]] == [gone]


def test_runs_that_share_nothing_are_of_two_components() -> None:
    log = lay_out([[1, 2], [3, 4]])
    assert log.component[1] != log.component[3]


def test_no_runs_make_an_empty_log() -> None:
    runs: list[list[int]] = [[], []]
    assert lay_out(runs).items == []


def test_three_who_contradict_each_other_in_a_circle_still_get_a_log() -> None:
    runs = [[1, 2], [2, 3], [3, 1]]
    log = lay_out(runs)
    assert sorted(log.items) == [1, 2, 3]
    assert is_contradicted(runs, log)
