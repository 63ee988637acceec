"""Texts, headers and units that are not what they should be."""

from hypothesis import strategies as st

from tests.conformance.known_run import Run, Told
from tests.conformance.oracle.attacks.striking import (
    Verdict,
    breaking,
    broken,
    losses,
    neighbours,
    next_word,
    one_of,
    words,
)


@breaking
def a_text_cut_for_one(run: Run, data: st.DataObject) -> Verdict:
    """Which rule of the text section it breaks depends on what was cut, and MSG-3 demands the same
    octets for all. A text that is cut where its segments were cut may have been taken for a
    line."""
    told = one_of((one for one in words(run) if _tail(one)), data)
    tail = _tail(told)
    kept = tail[: data.draw(st.integers(0, len(tail) - 1))]
    told.is_changed(tail.encode() + b"\n", kept.encode() + b"\n")
    return broken("MSG-3 TXT-3 TXT-4 TXT-5 FRM-1 FRM-3")


@breaking
def a_text_cut_for_all(run: Run, data: st.DataObject) -> Verdict:
    told = one_of((one for one in words(run) if _tail(one)), data)
    tail = _tail(told)
    kept = tail[: data.draw(st.integers(0, len(tail) - 1))]
    for one in run.all_of(told):
        one.is_changed(tail.encode() + b"\n", kept.encode() + b"\n")
    return broken("TXT-3 TXT-4 TXT-5 FRM-1 FRM-3")


@breaking
def a_text_cut_within_its_nonce(run: Run, data: st.DataObject) -> Verdict:
    """Then nothing shows whose line it was: one line is lost or cut, and one is made up."""
    told = one_of(words(run), data)
    at = told.octets.index(b"\n") + 1
    cut = data.draw(st.integers(1, len(told.nonce or "") - 1))
    told.becomes(told.octets[: at + cut] + b"\n")
    return broken(f"FRM-1 {losses(run, told)}", "MSG-3 TXT-3 TXT-5")


@breaking
def a_text_altered(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    nonce = (told.nonce or "").encode()
    more = data.draw(st.sampled_from([b"x", b" more", b"\x07", "\xe9".encode()]))
    ones = run.all_of(told) if data.draw(st.booleans()) else [told]
    for one in ones:
        one.is_changed(nonce, nonce + more)
    return broken("TXT-3 TXT-4 TXT-5 MSG-3")


@breaking
def a_text_that_is_not_utf_8(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    nonce = (told.nonce or "").encode()
    told.is_changed(nonce, nonce + data.draw(st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80"])))
    return broken("TXT-1", "MSG-3")


def _tail(told: Told) -> str:
    """Return what follows the nonce in a text, without leading white space."""
    return told.broadcast.text.partition(told.nonce or "")[2]


@breaking
def a_header_out_of_form(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    day = told.octets[:8]
    changes = [(day, b"2021/07/03"), (day, b"20210230"), (b" ", b"  "), (b":", b"."), (day, b"1")]
    told.is_changed(*data.draw(st.sampled_from(changes)))
    return broken("MSG-1", "MSG-3")


@breaking
def a_wrong_sender(run: Run, data: st.DataObject) -> Verdict:
    """If only one member receives it, the headers differ as well."""
    told = one_of(words(run), data)
    labels = [label for label in run.labels.values() if label != told.broadcast.sender]
    wrong = data.draw(st.sampled_from(["127.0.0.1:1", "[::1]:50000", "localhost:50000", *labels]))
    ones = run.all_of(told) if data.draw(st.booleans()) else [told]
    for one in ones:
        one.is_changed(told.broadcast.sender.encode(), wrong.encode())
    return broken("MSG-2", "MSG-3")


@breaking
def another_second_for_one(run: Run, data: st.DataObject) -> Verdict:
    """The time is right within 5 s, and yet another than the other members received."""
    told = one_of((one for one in words(run) if run.others_with(one)), data)
    told.shows(data.draw(st.sampled_from([-1, 1])))
    return broken("MSG-3")


@breaking
def a_wrong_time_for_one(run: Run, data: st.DataObject) -> Verdict:
    """It differs from what the other members received, too."""
    told = one_of(words(run), data)
    told.shows(data.draw(st.sampled_from([-300, -60, 60, 300])))
    return broken("MSG-5", "MSG-3")


@breaking
def a_wrong_time_for_all(run: Run, data: st.DataObject) -> Verdict:
    off = data.draw(st.sampled_from([-300, -60, 60, 300]))
    for one in run.all_of(one_of(words(run), data)):
        one.shows(off)
    return broken("MSG-5")


@breaking
def torn(run: Run, data: st.DataObject) -> Verdict:
    """The remains of the two have neither header nor text in place, nor order."""
    told = one_of((one for one in words(run) if next_word(run, one) is not None), data)
    other = next_word(run, told)
    assert other is not None
    cut = data.draw(st.integers(1, len(told.octets) - 1))
    outer, inner = told.octets, other.octets
    run.forget(told)
    other.becomes(outer[:cut] + inner + outer[cut:])
    also = f"MSG-1 MSG-3 TRN-2 FRM-1 ROOM-3 ROOM-4 ROOM-5 {losses(run, told)}"
    return broken("ROOM-6", f"{also} {losses(run, other)}")


@breaking
def greeted(run: Run, data: st.DataObject) -> Verdict:
    stray = data.draw(st.sampled_from([b"Welcome!\n", b"ann joined\n", b"> \n", b"\x1b[2J\n"]))
    run.insert(one_of(words(run), data), stray)
    return broken("TRN-2")


@breaking
def a_notice_without_a_code(run: Run, data: st.DataObject) -> Verdict:
    stray = data.draw(st.sampled_from([b"!Busy\n", b"!\n", b"! load\n", b"!too_slow\n"]))
    run.insert(one_of(words(run), data), stray)
    return broken("TRN-2")


@breaking
def a_notice_that_announces_no_closing(run: Run, data: st.DataObject) -> Verdict:
    notices = [b"!load-7\n", b"!x\n", b"!motd 20210703 17:45:39 127.0.0.1:1\n", b"!0 quit\n"]
    followed = (told for told in words(run) if neighbours(run, told)[1] is not None)
    run.insert(one_of(followed, data), data.draw(st.sampled_from(notices)))
    return broken("TRN-2")


@breaking
def a_notice_within_a_unit(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    told.is_changed(b"\n", b"\n!too-slow\n")
    return broken("ERR-3")


@breaking
def a_heartbeat_within_a_unit(run: Run, data: st.DataObject) -> Verdict:
    told = one_of(words(run), data)
    told.is_changed(b"\n", b"\n\n")
    return broken("HB-2")
