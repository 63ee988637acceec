"""The lessons of `learn`: requirements in the order in which a server is usually written.

Each lesson is a few scenarios that take a few seconds in all, and needs only what earlier lessons
taught.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: a `title`, its topic in a sentence or two (`about`), the requirements that it
    teaches, the most important first, and the ids of its scenarios."""

    title: str
    about: str
    requirements: tuple[str, ...]
    scenarios: tuple[str, ...]


LESSONS: Final = (
    Lesson(
        "Everyone hears every line",
        "A client connects and sends a line; every member, the sender included, receives it as a "
        "header line and a text line.",
        ("ROOM-2", "ROOM-1"),
        ("sanity/first", "room/who-says-nothing-hears-all", "room/the-same-words-again"),
    ),
    Lesson(
        "The header",
        "The header is the UTC date and time and the sender's address, each in one fixed form.",
        ("MSG-1", "MSG-2", "MSG-5"),
        ("msg/header", "msg/the-same-octets-for-all"),
    ),
    Lesson(
        "Nothing but broadcasts",
        "Clients are programs: a greeting, a prompt or a line about who has joined is none of the "
        "three things that they can read.",
        ("TRN-2",),
        ("trn/nothing-but-units",),
    ),
    Lesson(
        "A read is not a line",
        "TCP carries a stream. One read may bring half a line or ten lines: keep a buffer for each "
        "connection, and take lines out of it at LF.",
        ("FRM-1", "FRM-2", "FRM-3"),
        (
            "frm/many-lines-in-one-segment", "frm/a-line-in-two-segments",
            "frm/one-line-in-many-segments", "frm/only-lf-ends-a-line", "frm/cr-lf-works-as-lf",
        ),
    ),
    Lesson(
        "The word that leaves",
        "A line that is exactly `quit` leaves; what only looks like it is a message.",
        ("QUIT-1", "QUIT-2", "QUIT-4"),
        ("quit/quit-leaves", "quit/quit-is-exact", "quit/what-follows-quit-is-ignored"),
    ),
    Lesson(
        "The end of the stream",
        "When recv returns nothing, the client has left. What it sent before counts, and an "
        "unfinished line does not.",
        ("QUIT-5", "FRM-4"),
        ("quit/the-end-of-stream-leaves", "frm/an-incomplete-line-is-discarded"),
    ),
    Lesson(
        "Closing in order",
        "Send what is owed, shut the writing side, read on until the client ends: a close with "
        "unread octets is a reset.",
        ("QUIT-3",),
        ("quit/what-precedes-quit-is-delivered", "quit/all-leave-at-once"),
    ),
    Lesson(
        "Who goes takes nobody along",
        "Members reset, vanish and leave. The others lose, repeat and wait for nothing.",
        ("ROOM-7", "TRN-1"),
        (
            "room/however-a-member-goes", "room/many-come-and-go",
            "trn/a-half-closed-connection-delays-nobody", "trn/silent-connections-delay-nobody",
        ),
    ),
    Lesson(
        "Text",
        "Lines are UTF-8. White space is trimmed at both ends, controls go out as U+FFFD, and "
        "everything else is left alone.",
        ("TXT-1", "TXT-3", "TXT-4", "TXT-5", "HB-1"),
        (
            "txt/well-formed-utf-8-is-taken", "txt/white-space-is-trimmed",
            "hb/blank-lines-mean-nothing", "txt/what-could-drive-a-terminal-is-replaced",
            "txt/everything-else-is-relayed",
        ),
    ),
    Lesson(
        "Rules and those who break them",
        "A line that does not decode, or is too long, ends its sender's connection, and only that.",
        ("ERR-1", "ERR-2", "TXT-2", "LIM-1", "LIM-2"),
        (
            "txt/what-does-not-decode-is-a-violation", "err/lines-before-a-violation-are-broadcast",
            "err/only-the-offender-is-closed", "lim/long-lines-are-accepted",
            "lim/an-endless-line-is-cut-off",
        ),
    ),
    Lesson(
        "One order for all",
        "All members see the same broadcasts in the same order, each one whole, whoever speaks at "
        "once.",
        ("ROOM-3", "ROOM-4", "ROOM-5", "ROOM-6"),
        (
            "room/everyone-speaks-at-once", "room/bursts-of-one-sender",
            "room/cause-before-effect", "room/long-broadcasts-stay-whole",
        ),
    ),
    Lesson(
        "Who does not read",
        "What waits for a member is bounded: one that has stopped reading is disconnected, and "
        "delays nobody meanwhile.",
        ("LIM-3", "LIM-4"),
        ("lim/a-stalled-reader-is-disconnected",),
    ),
    Lesson(
        "Stopping",
        "Stopped by a signal or by `quit` on its console, a server closes every connection in "
        "order and ends with status 0 within 3 s.",
        ("STOP-1", "STOP-2", "STOP-3"),
        (
            "stop/stopping", "stop/the-address-is-free-at-once", "stop/a-second-server-gives-way",
        ),
    ),
)  # fmt: skip
