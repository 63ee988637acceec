"""What can be found of a client, and a table that attributes each fact to a requirement.

Some facts are attributed to the scenario's first requirement, if it is among those `treated`: a
broadcast that is not shown because it came in pieces breaks CLI-1.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.oracle.clients.record import Record
from conformance.oracle.findings import Finding


class Detected(StrEnum):
    """What was detected."""

    NEVER_CONNECTED = "never-connected"
    NOT_SHOWN = "not-shown"
    SHOWN_LATE = "shown-late"
    NOTICE_NOT_SHOWN = "notice-not-shown"
    DIED_OF_NOTICE = "died-of-notice"
    SHOWN_TWICE = "shown-twice"
    OUT_OF_ORDER = "out-of-order"
    SENDER_NOT_SHOWN = "sender-not-shown"
    TEXT_ALTERED = "text-altered"
    MADE_UP = "made-up"
    HEARTBEAT_SHOWN = "heartbeat-shown"
    OWN_WORDS = "own-words"
    NOT_SENT = "not-sent"
    SENT_LATE = "sent-late"
    SENT_UNASKED = "sent-unasked"
    SENT_ALTERED = "sent-altered"
    SENT_TWICE = "sent-twice"
    SENT_OUT_OF_ORDER = "sent-out-of-order"
    QUIT_SENT = "quit-sent"
    REFUSED_SILENTLY = "refused-silently"
    UNFIT_UNTOLD = "unfit-untold"
    UNFIT_LOST = "unfit-lost"
    LINE_TOO_LONG = "line-too-long"
    LINE_NOT_UTF8 = "line-not-utf8"
    LINE_WITHOUT_LF = "line-without-lf"
    DOES_NOT_LEAVE = "does-not-leave"
    STOPS_READING = "stops-reading"
    LEFT_UNASKED = "left-unasked"
    ENDED_UNASKED = "ended-unasked"
    END_NOT_SHOWN = "end-not-shown"
    CRASHED = "crashed"
    HANGS = "hangs"
    SPINS = "spins"
    INCOMPLETE_SHOWN = "incomplete-shown"
    MALFORMED_UNREPORTED = "malformed-unreported"
    MALFORMED_READ_ON = "malformed-read-on"
    STATUS_NOT_ZERO = "status-not-zero"
    STATUS_ZERO = "status-zero"
    CONTROL_PASSED = "control-passed"
    ROW_FORGED = "row-forged"


@dataclass(frozen=True, slots=True)
class Attribution:
    """The requirement that a fact breaks; one of those `treated` if it is the scenario's first."""

    requirement: str
    treated: frozenset[str] = frozenset()


def _to(requirement: str, treated: str = "") -> Attribution:
    return Attribution(requirement, frozenset(treated.split()))


_SHOWN: Final = "CLI-1 CLI-3 CLI-5 CLI-6 CLI-12"
ATTRIBUTIONS: Final[dict[Detected, Attribution]] = {
    Detected.NEVER_CONNECTED: _to("CLI-9"),
    Detected.NOT_SHOWN: _to("CLI-9", _SHOWN),
    Detected.SHOWN_LATE: _to("CLI-5"),
    Detected.SENT_LATE: _to("CLI-5"),
    Detected.NOTICE_NOT_SHOWN: _to("CLI-3", "CLI-1"),
    Detected.DIED_OF_NOTICE: _to("CLI-3"),
    Detected.SHOWN_TWICE: _to("CLI-9", "CLI-1"),
    Detected.OUT_OF_ORDER: _to("CLI-9", "CLI-1"),
    Detected.SENDER_NOT_SHOWN: _to("CLI-9", "CLI-1"),
    Detected.TEXT_ALTERED: _to("CLI-9", "CLI-1 CLI-12"),
    Detected.MADE_UP: _to("CLI-1"),
    Detected.HEARTBEAT_SHOWN: _to("CLI-9"),
    Detected.OWN_WORDS: _to("CLI-9"),
    Detected.NOT_SENT: _to("CLI-2", "CLI-4 CLI-5 CLI-6"),
    Detected.SENT_UNASKED: _to("CLI-2"),
    Detected.SENT_ALTERED: _to("CLI-2", "CLI-4"),
    Detected.SENT_TWICE: _to("CLI-2"),
    Detected.SENT_OUT_OF_ORDER: _to("CLI-2"),
    Detected.QUIT_SENT: _to("CLI-2"),
    Detected.REFUSED_SILENTLY: _to("CLI-2"),
    Detected.UNFIT_UNTOLD: _to("CLI-4"),
    Detected.UNFIT_LOST: _to("CLI-4"),
    Detected.LINE_TOO_LONG: _to("CLI-4"),
    Detected.LINE_NOT_UTF8: _to("CLI-4"),
    Detected.LINE_WITHOUT_LF: _to("CLI-4"),
    Detected.DOES_NOT_LEAVE: _to("CLI-6"),
    Detected.STOPS_READING: _to("CLI-6"),
    Detected.LEFT_UNASKED: _to("CLI-2", "CLI-1 CLI-3 CLI-5 CLI-9 CLI-12"),
    Detected.ENDED_UNASKED: _to("CLI-9", "CLI-1 CLI-2 CLI-3 CLI-4 CLI-5 CLI-12"),
    Detected.END_NOT_SHOWN: _to("CLI-7"),
    Detected.CRASHED: _to("CLI-7"),
    Detected.HANGS: _to("CLI-7"),
    Detected.SPINS: _to("CLI-7"),
    Detected.INCOMPLETE_SHOWN: _to("CLI-7"),
    Detected.MALFORMED_UNREPORTED: _to("CLI-7"),
    Detected.MALFORMED_READ_ON: _to("CLI-7"),
    Detected.STATUS_NOT_ZERO: _to("CLI-8"),
    Detected.STATUS_ZERO: _to("CLI-8"),
    Detected.CONTROL_PASSED: _to("CLI-10"),
    Detected.ROW_FORGED: _to("CLI-11"),
}


@dataclass(frozen=True, slots=True)
class ClientFact:
    """Something detected, with the lines of the transcript that show it."""

    kind: Detected
    expected: str
    actual: str
    evidence: tuple[int, ...] = ()
    octets: bytes = b""
    wanted: bytes | None = None


def attributed(fact: ClientFact, record: Record, plain: frozenset[Detected]) -> Finding:
    """Attribute a fact to a requirement.

    Args:
        fact: what was detected.
        record: where.
        plain: the kinds of facts that the first broadcast shows too. It came whole, so these do
            not come from how octets were cut.
    """
    row = ATTRIBUTIONS[fact.kind]
    first = record.start.requirements[0]
    is_treated = first in row.treated and not (first == "CLI-1" and fact.kind in plain)
    return Finding(
        requirement=first if is_treated else row.requirement,
        expected=fact.expected,
        actual=fact.actual,
        evidence=fact.evidence,
        client="c1",
        octets=fact.octets,
        wanted=fact.wanted,
        kind=fact.kind,
        screen=tuple(row.rstrip() for row in record.rows() if row.strip())[-24:],
    )
