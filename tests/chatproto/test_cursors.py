"""Groups of readers against the plain thing: a position for each reader."""

from hypothesis import given
from hypothesis import strategies as st

from chatproto.cursors import Cursors

END = 10
steps = st.lists(
    st.tuples(
        st.sampled_from(["place", "remove", "advance", "hold", "release", "groups"]),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(steps)
def test_readers_stand_where_they_were_put_whatever_their_groups(
    steps: list[tuple[str, int, int]],
) -> None:
    cursors: Cursors[int] = Cursors()
    positions: dict[int, int] = {}
    held: set[int] = set()
    for reader in range(4):
        cursors.place(reader, 0)
        positions[reader] = 0
    cursors.groups()
    for step, reader, octets in steps:
        if step == "groups":
            groups = [group for group in cursors.groups() if not group.is_held]
            assert len({group.position for group in groups}) == len(groups)
            offered = {each: group.position for group in groups for each in group.readers}
            assert offered == {each: positions[each] for each in positions.keys() - held}
            for group in groups:
                cursors.advance_group(group, octets)
                positions |= {each: positions[each] + octets for each in group.readers}
        elif step == "place":
            if reader not in cursors:
                cursors.place(reader, octets)
                positions[reader] = octets
        elif reader not in cursors:
            assert reader not in positions
        elif step == "remove":
            assert cursors.remove(reader) == positions.pop(reader)
            held.discard(reader)
        elif step == "advance":
            cursors.advance(reader, octets)
            positions[reader] += octets
        elif step == "hold":
            cursors.hold(reader)
            held.add(reader)
        else:
            cursors.release(reader)
            held.discard(reader)
        assert {each: cursors.position(each) for each in positions} == positions
        assert cursors.lowest(END, held=True) == min(positions.values(), default=END)
        willing = [positions[each] for each in positions.keys() - held]
        assert cursors.lowest(END) == min(willing, default=END)
        assert set(cursors.before(2)) == {each for each in positions if positions[each] < 2}


def test_a_group_moves_as_one_and_takes_in_who_comes_to_stand_where_it_stands() -> None:
    cursors: Cursors[str] = Cursors()
    for reader in "abc":
        cursors.place(reader, 0)
    cursors.advance("c", 1)
    first, second = cursors.groups()
    assert (list(first.readers), list(second.readers)) == (["a", "b"], ["c"])
    cursors.advance_group(first, 1)
    (group,) = cursors.groups()
    assert group is first  # the smaller joined the larger
    assert list(group.readers) == ["a", "b", "c"]
    cursors.advance("b", 1)
    assert [list(each.readers) for each in cursors.groups()] == [["a", "c"], ["b"]]
