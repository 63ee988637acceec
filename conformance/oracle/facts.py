"""Facts: what checks detect, as data. A fact says what happened, not which requirement is broken.

`Kind` names what was detected, and `Sign` how it looked, both in a closed vocabulary. They stay
with the finding that a fact becomes, so that root causes can be ranked by them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.oracle.findings import Outcome
from conformance.oracle.reading.lines import Line


class Kind(StrEnum):
    """What a check detected. The value is what `explain` prints."""

    # Units
    NO_UNIT = "octets that start no unit"
    NOTICE_CODE = "a notice whose code has another form"
    NOTICE_ALONE = "a notice that announces no closing"
    EXPLANATION_CHARSET = "a notice whose explanation is not UTF-8"
    EXPLANATION_CONTROLS = "a notice whose explanation holds controls"
    NOTICE_WITHIN = "a notice within a broadcast"
    LF_WITHIN = "an LF between a header and its text"
    HEADER = "a header of another form"
    SENDER = "a header whose sender has another form"
    LABEL = "a header that names another sender"
    NO_HEADER = "a text without a header"
    SHARED_HEADER = "several messages under one header"
    MIXED = "octets of two broadcasts mixed"
    RUN_TOGETHER = "a broadcast whose last LF is missing"
    CUT_OFF = "an end of stream within a unit"
    DIFFERS = "a broadcast that differs between recipients"
    # Texts
    ALTERED = "a message with another text"
    JOINED = "one broadcast made of several lines"
    CUT_AT_SEGMENT = "a broadcast of what one segment holds of a line"
    UNWANTED = "a broadcast of a line that is no message"
    MADE_UP = "a broadcast of what nobody said"
    ANNOUNCED = "a broadcast that tells of members who come or go"
    EMPTY = "an empty broadcast"
    ANSWERED = "an answer to blank lines"
    # Delivery
    LOST = "a message that did not come"
    DOUBLED = "a message that came twice"
    SENDER_ORDER = "one sender's messages in another order"
    TWO_ORDERS = "two broadcasts in two orders"
    EFFECT_FIRST = "a broadcast before the one it answers"
    HISTORY = "a broadcast from before a member came"
    HEARS_ON = "a broadcast of what was said after a member had left"
    NEVER_HEARD = "a connection that hears nothing"
    # Connections
    PUT_OUT = "a connection ended whose client had not left"
    RESET_LEAVER = "a reset for a client that left"
    KEPT = "no end of the connection of a client that left"
    UNNOTICED = "a violation that has no consequence"
    WRONG_CODE = "another notice than the violation's"
    BOTH_CODES = "a line that is too long refused for its text"
    FALSE_NOTICE = "the notice of a violation where there is none"
    REFUSED = "a connection refused"
    NOT_MISSED = "a dead peer that is not found"
    # Limits
    EVICTED_EARLY = "a stalled member disconnected too early"
    HOARDED = "64 MiB waiting for one member"
    TURNED_AWAY = "a full room with fewer than 256 members"
    NOT_TOLD_FULL = "a connection over capacity that is not told so in order"
    # Time
    CLOCK = "a header with another time than the server's clock"
    ZONE_CHANGED = "headers in two time zones"
    NOT_UTC = "headers in another zone than UTC"
    LATE = "a broadcast that came late"
    # The nodes of a cluster
    NAMESAKES = "two members of different nodes with one sender"
    HOLE = "a line left out of what a member of a node that ended had sent"
    TAKEN_BACK = "a message that some received, and that others never will"
    DISTURBED = "a silence at other nodes when a node ended"
    NOT_RESUMED = "no messages after a fault was healed"
    # The process
    DIED = "the server's process ended unasked"
    FLOODED = "more octets than anybody is owed, without an end"
    DESCRIPTORS_KEPT = "descriptors that are not given back"
    SPUN = "a server that is busy while nothing is said"
    STOP_STATUS = "another exit status than 0 when stopped"
    STOP_HANGS = "a server that does not end when stopped"
    STOP_LATE = "a server that takes too long to end when stopped"
    STOP_RESETS = "a reset for a member when stopped"
    STOP_LISTENS = "a line accepted after the stop"
    STOP_UNTOLD = "a member that is not told of the stop"
    NOT_BOUND = "an address that cannot be bound again"
    RIVAL = "a second server that does not give way"


ABSENCES: Final = frozenset(
    {
        Kind.LOST,
        Kind.NEVER_HEARD,
        Kind.KEPT,
        Kind.UNNOTICED,
        Kind.HOARDED,
        Kind.NOT_TOLD_FULL,
        Kind.HOLE,
        Kind.TAKEN_BACK,
        Kind.NOT_RESUMED,
        Kind.DESCRIPTORS_KEPT,
    }
)
"""What is detected by waiting in vain. All else came, or happened, however long anybody waited."""


class Sign(StrEnum):
    """How a fact looked, in a closed vocabulary; a fact has its most telling sign first."""

    ISOLATED = "nobody received what another said"
    STOOD_STILL = "nothing that anybody said came any more"
    MUTED = "nothing that its sender said came any more"
    DEAFENED = "nothing came to it any more"
    FOR_ALL = "lost for all"
    FOR_SENDER = "lost for its sender"
    FOR_ONE = "lost for some"
    AT_THE_END = "nothing came after it"
    FIRST_LINE = "the first line of its sender"
    SHARED_SEGMENT = "shared its segment with other lines"
    SPLIT_SEGMENT = "lay in several segments"
    UNDECODABLE = "altered: not UTF-8"
    EMPTY = "altered: nothing left"
    CR_KEPT = "altered: the CR of CR LF kept"
    CONTROLS_RELAYED = "altered: controls relayed"
    CONTROLS_DROPPED = "altered: controls left out"
    CONTROLS_OTHERWISE = "altered: controls replaced otherwise"
    UNTRIMMED = "altered: white space left at its ends"
    SPACES_CHANGED = "altered: white space within it changed"
    OVERTRIMMED = "altered: trimmed of more than white space"
    TRIMMED_END = "altered: trimmed at its end, too"
    CUT = "altered: cut"
    OTHER_CHARSET = "altered: read in another charset"
    CHANGED = "altered: characters changed"
    DECORATED = "altered: something put around it"
    NORMALISED = "altered: written otherwise in Unicode"
    ESCAPED = "altered: markup escaped"
    REPLACED = "altered: U+FFFD or ? for what is valid"
    SPACES_OTHERWISE = "altered: other white space within it"
    BAD_REPLACED = "what does not decode replaced"
    BAD_LEFT_OUT = "what does not decode left out"
    BAD_RELAYED = "what does not decode relayed"
    BY_RESET = "ended by a reset"
    BY_END = "ended by an end of stream"
    AFTER_QUIT = "a line after quit"
    QUIT = "the line quit"
    BLANK = "a blank line"
    INCOMPLETE = "a line without an LF"
    VIOLATION = "a line that is a violation, or follows one"
    INVALID_TEXT = "a line that does not decode"
    TOO_LONG = "a line that is too long"
    UNTOLD = "without a notice"
    LEAVING = "after somebody had left"
    NO_DESCRIPTOR = "when no descriptor was free"
    NO_INPUT = "after the end of standard input"
    KILLED = "ended by the signal itself"
    SIGNAL = "asked to stop by a signal"
    CONSOLE = "asked to stop on its console"
    GREETING = "at the start of a connection"
    DIGIT_FIRST = "begins with a digit"
    PROMPT = "without an LF at its end"
    HALF_DAY = "twelve hours off"
    ABOUT_MEMBERS = "tells of who comes or goes"
    OTHER_HEADER = "a text said, under another header"
    SAID = "holds what somebody said"
    PLAIN_TEXT = "of a plain text"
    WHITE_SPACE_TEXT = "of a text with white space at its ends"
    CONTROL_TEXT = "of a text with controls"
    LONG_TEXT = "of a long line"
    WIDE_TEXT = "of a text that is not ASCII"
    MARKUP_TEXT = "of a text with markup or commands"
    QUIT_TEXT = "of a text with the word quit"
    CR_TEXT = "of a line that ends in CR LF"
    INVISIBLE_TEXT = "of a text with a point of no width at an end"
    SURROGATE_TEXT = "of a text with surrogates"
    OVERLONG_TEXT = "of a text in longer forms than UTF-8 has"
    ILL_TEXT = "of a text that is not UTF-8"


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One thing that a check detected.

    `evidence` has line numbers of the transcript, from 1. `line` is the line that the fact is
    about, `losers` the clients that lack it, and `client` the one whose connection shows it.
    `octets` is what came, as far as it matters, and `wanted` what should have come, if that is
    known. `by_time`: it took too long, and was right otherwise.
    """

    kind: Kind
    expected: str
    actual: str
    evidence: tuple[int, ...] = ()
    client: str | None = None
    octets: bytes = b""
    wanted: bytes | None = None
    segments: tuple[bytes, ...] = ()
    signs: tuple[Sign, ...] = ()
    line: Line | None = None
    losers: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()
    outcome: Outcome = Outcome.FAIL
    by_time: bool = False

    @property
    def at(self) -> int:
        """The transcript's line at which it begins; triggers are looked for before that."""
        if self.line is not None:
            return self.line.begun
        return min(self.evidence, default=0)

    @property
    def theme(self) -> str:
        """The first requirement that its line was sent to exercise; empty if there is none."""
        named = self.exercises or (self.line.exercises if self.line is not None else ())
        return named[0] if named else ""
