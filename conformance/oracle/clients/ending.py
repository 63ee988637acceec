"""Judges how the client left, and how it handled the end: CLI-6, CLI-7 and CLI-8."""

import re
from collections.abc import Iterator
from typing import Final

from conformance.oracle.clients.facts import ClientFact, Detected
from conformance.oracle.clients.record import Record
from conformance.oracle.clients.showing import form_of

BUSY: Final = 0.5
"""The share of a processor above which a client that only waits counts as spinning."""
_CRASH: Final = re.compile(
    rb"Traceback \(most recent call last\)|^panic: |Unhandled exception|Exception in thread|"
    rb"^Segmentation fault|terminate called|thread '[^']*' panicked",
    re.MULTILINE,
)
_OVER: Final = "the client to end, or to connect again"


def ending(record: Record) -> Iterator[ClientFact]:
    """Yield what is wrong with how the client left or ended."""
    yield from _connecting(record)
    if record.done is not None and not _was_ended_first(record):
        yield from _leaving(record)
    else:
        yield from _unasked(record)
    yield from _over(record)
    yield from _incomplete(record)
    yield from _malformed(record)
    yield from _status(record)


def _was_ended_first(record: Record) -> bool:
    """Whether the server ended before the user was done."""
    return record.over is not None and (record.done is None or record.over[0] < record.done[0])


def _connecting(record: Record) -> Iterator[ClientFact]:
    wait = _wait_for(record, "a connection")
    if not record.connections and wait is not None:
        how = "" if record.status is None else f": it ended with status {record.status}"
        yield ClientFact(
            Detected.NEVER_CONNECTED, "a client that connects, and shows what it is sent",
            f"it never connected{how}", (wait,),
        )  # fmt: skip


def _leaving(record: Record) -> Iterator[ClientFact]:
    assert record.done is not None
    if _wait_for(record, "the client to leave") is not None:
        if (wait := _wait_for(record, "the client to leave")) is not None:
            yield ClientFact(
                Detected.DOES_NOT_LEAVE, "`quit` or its end of stream when its user is done",
                "neither came", (record.done[1], wait),
            )  # fmt: skip
        return
    stopped = min((when for when in (_aborted(record), record.exited) if when), default=None)
    if stopped is not None and (record.over is None or stopped[1] < record.over[1]):
        silence = stopped[0] - max((one.t for one in record.heard), default=record.done[0])
        yield ClientFact(
            Detected.STOPS_READING, "reading on to the server's end of stream",
            f"it was gone {stopped[0] - record.done[0]:.1f} s after it was told to leave, after "
            f"{max(0.0, silence):.1f} s of silence", (record.done[1], stopped[1]),
        )  # fmt: skip


def _aborted(record: Record) -> tuple[float, int] | None:
    aborted = [
        (event.t, line)
        for line, event in enumerate(record.transcript, 1)
        if event.event == "aborted"
    ]
    return aborted[0] if aborted else None


def _unasked(record: Record) -> Iterator[ClientFact]:
    """Yield a client that ends though its user has not left and the server has not ended."""
    gone = min((when for when in (record.closed, record.exited) if when), default=None)
    if _died_of_notice(record):
        notice = [one for one in record.heard if one.kind == "notice"][-1]
        yield ClientFact(
            Detected.DIED_OF_NOTICE, f"the notice !{notice.sender} shown, and no fault",
            "the program failed when it came", (notice.line,),
        )  # fmt: skip
        return
    if gone is None or not record.connections or _may_go(record, gone):
        return
    how = (
        "it closed its connection"
        if record.status is None
        else f"it ended with status {record.status}"
    )
    crash = ", as a program does that has failed" if _CRASH.search(record.printed) else ""
    yield ClientFact(
        Detected.ENDED_UNASKED, "a client that goes on: its user has not left, nor has the server",
        how + crash, (gone[1],),
    )  # fmt: skip


def _may_go(record: Record, gone: tuple[float, int]) -> bool:
    """Whether the client had received something at which it may end."""
    may_go = [unit.line for unit in record.heard if unit.kind in ("malformed", "notice")]
    may_go += [unit.line for unit in record.heard if not unit.is_safe]
    may_go += [] if record.over is None else [record.over[1]]
    return bool(may_go) and min(may_go) < gone[1]


def _over(record: Record) -> Iterator[ClientFact]:
    """Yield what is wrong after the end of the stream, a reset or a refused connection."""
    over = record.over or record.refused
    if over is None:
        return
    gone = min((when for when in (record.closed, record.exited) if when), default=None)
    was_first = gone is not None and gone[1] < over[1] and record.done is None
    if was_first and gone is not None and not _may_go(record, gone):
        return
    began, line = over
    wait = _wait_for(record, _OVER)
    if wait is not None and record.exited is None:
        yield ClientFact(
            Detected.HANGS,
            "its end, or another connection, within 10 s",
            "neither came",
            (line, wait),
        )
    for at, rest in record.rested.items():
        if at > line and rest.seconds > 0 and rest.cpu_s > BUSY * rest.seconds:
            yield ClientFact(
                Detected.SPINS, "a client that rests while nothing comes",
                f"it took {rest.cpu_s:.2f} s of a processor in {rest.seconds:.1f} s", (line, at),
            )  # fmt: skip
    if was_first or _was_in_order(record):
        return
    strange = (one.t for one in record.heard if one.kind == "malformed" or not one.is_safe)
    began = min((began, *strange))
    crash = _CRASH.search(_printed_since(record, began))
    if _died_of_notice(record):
        return
    if crash is not None or (record.status is not None and record.status < 0):
        what = "" if crash is None else f": it printed {crash[0].decode(errors='replace')!r}"
        yield ClientFact(
            Detected.CRASHED, "the end told to its user", f"the program failed{what}", (line,)
        )
    elif not record.new_words(began, None) and (record.exited or wait or record.connected_again):
        yield ClientFact(
            Detected.END_NOT_SHOWN, "the end told to its user", "nothing was shown", (line,)
        )


def _died_of_notice(record: Record) -> bool:
    """Whether the program failed after a notice."""
    notices = [one.t for one in record.heard if one.kind == "notice"]
    return bool(notices) and _CRASH.search(_printed_since(record, notices[-1])) is not None


def _was_in_order(record: Record) -> bool:
    """Whether the user had left before the server ended in order."""
    return (
        record.done is not None
        and record.left is not None
        and record.ended is not None
        and record.done[0] < record.ended[0]
        and record.left[1] < record.ended[1]
    )


def _printed_since(record: Record, began: float) -> bytes:
    return b"".join(
        event.octets for event in record.transcript if event.event == "shown" and event.t > began
    )


def _incomplete(record: Record) -> Iterator[ClientFact]:
    """Yield an incomplete unit that is shown as a whole one."""
    text = record.incomplete.rpartition(b"\n")[2].decode(errors="replace")
    model = next(
        (one for one in record.heard if one.kind == "broadcast" and [one.text] == one.words), None
    )
    if record.over is None or model is None or not text.startswith("zq"):
        return
    rows = record.rows()
    apart = not any(model.words[0] in row and model.sender in row for row in rows)
    form = form_of(rows, model.words[0], stands_apart=apart)
    shown = form_of(rows, text, stands_apart=apart)
    if shown is not None and shown == form:
        yield ClientFact(
            Detected.INCOMPLETE_SHOWN, "an incomplete unit not shown, or shown as incomplete",
            f"{text!r}, of which the end never came, is shown as a whole message",
            (record.over[1],), record.incomplete,
        )  # fmt: skip


def _malformed(record: Record) -> Iterator[ClientFact]:
    first = next((one for one in record.heard if one.kind == "malformed"), None)
    if first is None:
        return
    garbage = first.text.lower()
    told = {word for word in record.new_words(first.t) if word not in garbage}
    if not told or _CRASH.search(record.printed):
        yield ClientFact(
            Detected.MALFORMED_UNREPORTED, "what is not chatproto/1 reported to its user",
            "the program failed" if told else "nothing was shown that says so", (first.line,),
            first.text.encode(),
        )  # fmt: skip
    for one in record.heard:
        if one.line > first.line and any(record.first_shown(word) for word in one.words):
            yield ClientFact(
                Detected.MALFORMED_READ_ON, "an end of reading at what is not chatproto/1",
                f"{one.text!r}, which came after it, was shown", (first.line, one.line),
                first.text.encode(),
            )  # fmt: skip
            return


def _status(record: Record) -> Iterator[ClientFact]:
    if record.exited is None or record.connected_again or record.status is None:
        return
    if not record.connections and record.refused is None:
        return
    in_order = _was_in_order(record) and record.exited[0] > (record.ended or (0.0, 0))[0]
    if in_order and record.status:
        yield ClientFact(
            Detected.STATUS_NOT_ZERO, "exit status 0 after leaving in order", f"{record.status}",
            (record.exited[1],),
        )  # fmt: skip
    elif not in_order and record.status == 0 and record.done is None:
        yield ClientFact(
            Detected.STATUS_ZERO, "an exit status other than 0 where it did not leave in order",
            "0", (record.exited[1],),
        )  # fmt: skip


def _wait_for(record: Record, what: str) -> int | None:
    return next((line for line, wait in record.waited.items() if wait.what == what), None)
