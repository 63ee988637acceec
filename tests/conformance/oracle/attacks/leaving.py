"""Lines that are no messages, ends that are none, and a delay."""

from collections.abc import Callable

from hypothesis import assume
from hypothesis import strategies as st

from chatproto import Broadcast, Notice
from tests.conformance.known_run import Run, Told
from tests.conformance.oracle.attacks.striking import (
    HEADER,
    Verdict,
    breaking,
    broken,
    leaver,
    one_of,
    way_out,
    words,
)


@breaking
def quit_broadcast(run: Run, data: st.DataObject) -> Verdict:
    return _not_a_message(run, data, lambda line: line.strip() == b"quit", b"quit", "QUIT-1")


@breaking
def what_follows_quit_broadcast(run: Run, data: st.DataObject) -> Verdict:
    return _not_a_message(run, data, lambda line: line == b"and more", b"and more", "QUIT-4")


@breaking
def a_blank_line_broadcast(run: Run, data: st.DataObject) -> Verdict:
    return _not_a_message(run, data, lambda line: line in (b"", b" \t", b"\r"), b"", "HB-1")


@breaking
def an_incomplete_line_broadcast(run: Run, data: st.DataObject) -> Verdict:
    names = [name for name in run.told if run.sent[name].endswith(b"incomplete")]
    return _broadcast_unasked(run, data, names, b"incomplete", "FRM-4")


def _not_a_message(
    run: Run, data: st.DataObject, is_it: Callable[[bytes], bool], text: bytes, id_: str
) -> Verdict:
    names = [name for name in run.told if any(map(is_it, run.lines(name)))]
    return _broadcast_unasked(run, data, names, text, id_)


def _broadcast_unasked(
    run: Run, data: st.DataObject, names: list[str], text: bytes, id_: str
) -> Verdict:
    """Send somebody, at the end, a line that is no unit."""
    assume(names)
    label = run.labels[data.draw(st.sampled_from(names))].encode()
    there = [name for name in run.told if name not in run.ended and run.told[name]]
    assume(there)
    last = run.told[data.draw(st.sampled_from(there))][-1]
    run.insert(last, _last_time(run, last) + label + b"\n" + text + b"\n")
    return broken(id_)


def _last_time(run: Run, told: Told) -> bytes:
    """Return a header's time for what comes right after a unit."""
    unit = told.unit
    shown = [one.octets[:18] for one in run.broadcasts(told.client)]
    return told.octets[:18] if isinstance(unit, Broadcast) else (shown or [HEADER])[-1]


@breaking
def reset_in_place_of_an_end(run: Run, data: st.DataObject) -> Verdict:
    name = leaver(run, data)
    run.reset(name)
    return broken(way_out(run, name))


@breaking
def no_end(run: Run, data: st.DataObject) -> Verdict:
    name = leaver(run, data)
    run.never_ends(name)
    run.wait(name, "the end of the connection")
    return broken(way_out(run, name))


@breaking
def an_end_within_a_unit(run: Run, data: st.DataObject) -> Verdict:
    """The octets that are cut off are lost, too."""
    name = leaver(run, data)
    assume(run.told[name])
    last = run.told[name][-1]
    assume(isinstance(last.unit, Broadcast))
    last.becomes(last.octets[: -data.draw(st.integers(1, len(last.octets) - 1))])
    return broken(way_out(run, name), "ROOM-1 ROOM-2 ERR-1 QUIT-3 QUIT-5 MSG-1 MSG-2")


@breaking
def put_out(run: Run, data: st.DataObject) -> Verdict:
    """Nothing explains it: it may be attributed to its client's last act, to another client's, or
    to nobody's."""
    names = [name for name in run.told if run.told[name] and run.is_there(name)]
    assume(names)
    run.ends(data.draw(st.sampled_from(names)), reset=data.draw(st.booleans()))
    return broken("ROOM-1 ROOM-7 ERR-2 HB-1 HB-3")


@breaking
def no_notice_of_a_violation(run: Run, data: st.DataObject) -> Verdict:
    notices = [one for units in run.told.values() for one in units if isinstance(one.unit, Notice)]
    told = one_of((one for one in notices if one.client not in run.half_closed), data)
    run.forget(told)
    return broken("ERR-3")


@breaking
def delayed(run: Run, data: st.DataObject) -> Verdict:
    """A message that shows whether members wait for each other takes 4 s more. Messages under way
    meanwhile take longer, too, and if they are most of all messages, the usual time is unknown. It
    need not show if others of its sender wait as well."""
    told = one_of((one for one in words(run) if run.is_own(one)), data)
    is_first = run.is_first(told)
    is_alone = run.is_alone(told)
    run.takes_longer(told, 4.0)
    usual = [
        took for one, took in run.echoes() if one is not told and run.is_first(one) == is_first
    ]
    run.is_to_exercise(told, "TRN-1")
    if is_alone and 20 * max([0.0, *sorted(usual)[: len(usual) // 2 + 1]]) < 2.0:
        return broken("TRN-1")
    return Verdict(None, frozenset({"TRN-1"}))
