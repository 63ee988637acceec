"""Decides what a typed or piped line does: send a message, leave, print help, or nothing.

Text is trimmed, as the server would (TXT-3). A text that would not arrive unchanged, or would mean
something else, is refused with the reason (CLI-2).
"""

from dataclasses import dataclass
from typing import Final

from chatproto import ClientConnection, LocalProtocolError
from chatproto.text import trim

COMMANDS: Final = """\
/quit    leave (Ctrl-D does, too)
/help    this
//quit   say /quit"""


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Blank:
    """A line of white space only: there is nothing to send."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A text that would not arrive unchanged; `reason` is a clause for the user."""

    reason: str


Intention = Say | Leave | Help | Blank | Refused


def read(line: str) -> Intention:
    """Return what a line does, given without its LF."""
    text = trim(line)
    match text:
        case "":
            return Blank()
        case "/quit":
            return Leave()
        case "/help":
            return Help()
        case "//quit" | "//help":
            return _judge(text[1:])
        case "quit":
            return Refused("quit alone would make you leave; to leave, write /quit or press Ctrl-D")
        case _:
            return _judge(text)


def read_octets(line: bytes) -> Intention:
    """Return what a line of octets does, which may not be UTF-8."""
    try:
        return read(line.decode())
    except UnicodeDecodeError as error:
        return Refused(f"octet {error.start + 1} is not UTF-8: {error.reason}")


def _judge(text: str) -> Say | Refused:
    try:
        ClientConnection().say(text)
    except LocalProtocolError as error:
        return Refused(str(error))
    return Say(text)
