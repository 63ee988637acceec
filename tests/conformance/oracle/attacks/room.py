"""Broadcasts lost, doubled, made up and out of order."""

from hypothesis import strategies as st

from tests.conformance.known_run import Run, Told
from tests.conformance.oracle.attacks.striking import (
    LEGAL,
    Verdict,
    breaking,
    broken,
    losses,
    neighbours,
    next_word,
    one_of,
    way_out,
    words,
)


@breaking
def dropped_for_one(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    before, after = neighbours(run, told)
    own = run.is_own(told)
    seen = any(one is not None and run.others_with(told, one) for one in (before, after))
    verdict = Verdict(None, frozenset(losses(run, told).split()))
    if (before and after and seen) or (own and run.has_later_own(told, told.client)):
        verdict = broken(losses(run, told))
    elif not own and after is None and told.client not in run.ended:
        verdict = LEGAL  # it may be about to come
    elif not own and before is None:
        verdict = LEGAL  # it may have joined later
    run.forget(told)
    return verdict


@breaking
def dropped_for_all(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    sender = run.sender(told)
    is_gone = sender in run.ended and way_out(run, sender) != "ROOM-1"
    verdict = Verdict(None, frozenset(losses(run, told).split()))
    if run.has_later_own(told, sender) or is_gone:
        verdict = broken(losses(run, told))
    elif not any(run.has_later_own(told, name) for name in run.told) and sender not in run.ended:
        verdict = LEGAL  # the server may not have read it yet
    for one in run.all_of(told):
        run.forget(one)
    return verdict


@breaking
def doubled_for_one(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    units = run.told[told.client]
    run.insert(one_of(units[units.index(told) :], data), told.octets)
    return broken("ROOM-2")


@breaking
def doubled_for_all(run: Run, data: st.DataObject) -> Verdict:
    for one in run.all_of(one_of(words(run), data)):
        run.insert(one, one.octets)
    return broken("ROOM-2")


@breaking
def made_up(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    label = data.draw(st.sampled_from([told.broadcast.sender, "127.0.0.1:1"]))
    text = data.draw(st.sampled_from(["ann has joined", "nfffffffx00001z", "Bye!", "5 members"]))
    shown = told.octets[:18] + label.encode()
    run.insert(told, shown + b"\n" + text.encode() + b"\n")
    return broken("TRN-2" if text in ("ann has joined", "Bye!") else "ROOM-2")


@breaking
def swapped_for_one(run: Run, data: st.DataObject) -> Verdict:
    """Two orders break ROOM-3; if the second message answers the first, ROOM-5 as well."""
    told = one_of((one for one in words(run) if next_word(run, one) is not None), data)
    other = next_word(run, told)
    assert other is not None
    same = told.broadcast.sender == other.broadcast.sender
    seen = run.others_with(told, other)
    _swap(told, other)
    if same:
        return broken("ROOM-4", "ROOM-3 ROOM-5")
    if seen:
        return broken("ROOM-3 ROOM-5")
    # If nobody else has both, it may look like a loss.
    return Verdict(None, frozenset(f"ROOM-3 ROOM-5 {losses(run, told)}".split()))


@breaking
def a_senders_two_swapped_for_all(run: Run, data: st.DataObject) -> Verdict:
    """An answer to the first may now come before it, too, and a member that joined between the two
    has lost the second."""
    pairs = [
        one
        for one in words(run)
        if (other := next_word(run, one)) is not None
        and one.broadcast.sender == other.broadcast.sender
    ]
    told = one_of(pairs, data)
    other = next_word(run, told)
    assert other is not None
    for name in run.told:
        both = [one for one in run.broadcasts(name) if one.key in (told.key, other.key)]
        if len(both) == 2:
            _swap(*both)
    return broken("ROOM-4", f"ROOM-3 ROOM-5 {losses(run, told)}")


def _swap(told: Told, other: Told) -> None:
    """Both come when the second came: nothing is received before it was said."""
    one, two = other.octets, told.octets
    at = other.parts[-1][0]
    told.parts, other.parts = [(at, one)], [(at, two)]
    told.unit, other.unit = other.unit, told.unit
