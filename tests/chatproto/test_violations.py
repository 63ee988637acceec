"""ERR: a violation undoes nothing before it, ends one connection, and is told why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatproto import Code, Event, LocalProtocolError, Notice, State, Violation, encode
from tests.chatproto import models
from tests.chatproto.helpers import Table, leave, read
from tests.chatproto.strategies import TIME, bad_lines, codes, cut, good_streams, streams, texts

too_long = st.integers(1_025, 1_100).map(lambda size: b"x" * size)
violations = st.one_of(bad_lines, too_long).filter(
    lambda line: models.read_stream(line + b"\n", 1_024)[0][0] in ("invalid-text", "line-too-long")
)


def broken_by(events: list[Event]) -> Violation:
    (violation,) = (event for event in events if isinstance(event, Violation))
    return violation


@given(good_streams, violations, streams, st.data())
def test_err_1_what_precedes_a_violation_is_broadcast_and_nothing_else_in_no_part(
    before: bytes, line: bytes, after: bytes, data: st.DataObject
) -> None:
    table = Table(2)
    bad, good = table.members
    events = table.feed(bad, *data.draw(cut(before + line + b"\n" + after)))
    assert events[-1] == broken_by(events)
    expected = b"".join(
        models.broadcast(TIME, "unix:0", text) for text in models.messages(before, 1_024)
    )
    assert table.take(good) == expected
    assert table.take(bad) == expected + encode(broken_by(events).notice)


@given(violations, streams)
def test_err_2_a_violation_closes_its_sender_s_connection_in_order_and_no_other(
    line: bytes, after: bytes
) -> None:
    table = Table(3)
    bad = table.members[1]
    table.feed(bad, line + b"\n")
    assert [member.state for member in table.members] == [State.OPEN, State.FLUSHING, State.OPEN]
    assert table.feed(bad, after) == []
    leave(table.room, bad)
    assert bad.state is State.CLOSED
    assert list(table.room.members) == [table.members[0], table.members[2]]


@given(good_streams, violations, st.integers(0, 60))
def test_err_3_a_notice_says_why_and_in_which_line_and_follows_a_whole_unit(
    before: bytes, line: bytes, half_sent: int
) -> None:
    table = Table(1)
    (bad,) = table.members
    table.feed(bad, before)
    table.take(bad, half_sent)
    violation = broken_by(table.feed(bad, line + b"\n"))
    code, number, _ = models.read_stream(before + line + b"\n", 1_024)[-1]
    assert (violation.code, violation.line) == (code, number)
    *units, notice = read([table.take(bad)])
    assert len(units) == number - 1
    assert notice == violation.notice
    assert isinstance(notice, Notice)
    assert notice.code == code
    assert notice.explanation is not None
    assert f"line {number}, " in notice.explanation


@pytest.mark.parametrize(
    ("line", "explanation"),
    [
        (b"x" * 1_025, "line 2, more than 1024 octets"),
        (b"ab\xff", "line 2, octet 3: invalid start byte"),
    ],
)
def test_err_3_the_explanation_says_where(line: bytes, explanation: str) -> None:
    table = Table(1)
    events = table.feed(table.members[0], b"a\n" + line + b"\n")
    assert broken_by(events).notice.explanation == explanation


def test_err_3_the_codes_are_those_of_the_registry() -> None:
    assert {code.value for code in Code} == {
        "line-too-long",
        "invalid-text",
        "room-full",
        "too-slow",
        "shutting-down",
        "log-unavailable",
    }


@given(codes, texts)
def test_err_3_a_notice_is_its_code_and_perhaps_an_explanation(code: str, text: str) -> None:
    assert encode(Notice(code)) == f"!{code}\n".encode()
    assert encode(Notice(code, text)) == f"!{code} {text}\n".encode()


@pytest.mark.parametrize("code", ["", "Full", "room full", "room_full", "room\n", "é", "٣"])
def test_err_3_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(LocalProtocolError, match="not a notice code"):
        Notice(code)
