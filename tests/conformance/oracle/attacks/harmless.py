"""What differs from the run and breaks nothing."""

from hypothesis import assume
from hypothesis import strategies as st

from tests.conformance.known_run import Run
from tests.conformance.oracle.attacks.striking import (
    LEGAL,
    Verdict,
    harmless,
    leaver,
    one_of,
    words,
)


@harmless
def a_heartbeat(run: Run, data: st.DataObject) -> Verdict:
    run.insert(one_of(words(run), data), b"\n" * data.draw(st.integers(1, 5)))
    return LEGAL


@harmless
def cut_to_single_octets(run: Run, data: st.DataObject) -> Verdict:
    run.cut(data.draw(st.sampled_from(sorted(run.told))))
    return LEGAL


@harmless
def read_later(run: Run, data: st.DataObject) -> Verdict:
    """A client reads nothing until the end."""
    name = data.draw(st.sampled_from(sorted(run.told)))
    reads = [at for told in run.told[name] for at, _ in told.parts]
    assume(reads)
    for told in run.told[name]:
        told.parts = [(max(reads), told.octets)]
    return LEGAL


@harmless
def a_clock_a_little_off(run: Run, data: st.DataObject) -> Verdict:
    off = data.draw(st.integers(-4, 4))
    for told in words(run):
        told.shows(off)
    return LEGAL


@harmless
def an_end_that_nobody_waits_for(run: Run, data: st.DataObject) -> Verdict:
    run.never_ends(leaver(run, data))
    return LEGAL


@harmless
def leaves_by_itself(run: Run, data: st.DataObject) -> Verdict:
    """A client resets its connection and has not read the last that it was sent."""
    names = [name for name in run.told if run.told[name] and run.is_there(name)]
    assume(names)
    name = data.draw(st.sampled_from(names))
    unread = data.draw(st.integers(0, len(run.told[name][-1].octets) - 1))
    run.told[name][-1].becomes(run.told[name][-1].octets[:unread])
    run.aborts(name)
    return LEGAL
