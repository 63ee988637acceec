"""What several answers to one question have in common."""

import pytest

from conformance.dialect import Dialect
from conformance.probe.guests import Guests, Manners
from conformance.probe.learning import Conclusion, Learnt
from conformance.probe.questions import _leave_out_labels, agreed
from conformance.probe.talking import Room
from conformance.target.address import parse_address


@pytest.mark.parametrize(
    ("key", "values", "found"),
    [
        ("read_size", [512, 256], 256),
        ("read_size", [512, 256, 512], 256),
        ("read_size", [1024, 1000], None),
        ("framing", ["line", "read"], None),
        ("framing", ["line", "read", "read"], "read"),
        ("greeting", ["You are 4\n", "You are 17\n"], "You are {number}\n"),
    ],
)
def test_what_answers_agree_on(key: str, values: list[object], found: object) -> None:
    """Reads that came together look like one that is a multiple of theirs."""
    one = agreed(key, [Conclusion(key, value, "") for value in values])
    assert (None if one is None else one.value) == found


@pytest.mark.parametrize(
    ("dialect", "came", "left"),
    [
        (Dialect(header="{peer}", infix=": "), b"127.0.0.1:5: /quit\nbye\n", b"bye\n"),
        (Dialect(header="", infix=""), b"/quit\n", b""),
        (Dialect(header="{peer}", infix=": "), b"127.0.0.1:5 said /quit\n", None),
    ],
)
def test_a_word_that_leaves_and_is_broadcast_announces_nobody(
    dialect: Dialect, came: bytes, left: bytes | None
) -> None:
    room = Room(parse_address("tcp://127.0.0.1:1"), None, 1.0, 1.0)
    guests = Guests(room, 1.0, Manners(dialect=dialect, shaped=True))
    assert guests.without_message(came, b"/quit") == (
        came if left is None else left,
        left is not None,
    )


def test_a_label_whose_text_was_taken_away_is_no_line() -> None:
    settings = {"prefix": "guest", "header": "{peer}", "peer": "{any}", "infix": ": "}
    learnt = Learnt({key: Conclusion(key, value, "") for key, value in settings.items()})
    said = ["guest: ", "guest{any}: ", "guests come\n"]
    learnt.conclusions["lines"] = Conclusion("lines", said, "")
    _leave_out_labels(learnt)
    assert learnt.get("lines") == said[1:]
