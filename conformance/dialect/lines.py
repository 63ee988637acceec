"""Reads a client's line as a server of a dialect would: its meaning, and the text to broadcast."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from chatproto.text import make_safe, trim
from conformance.dialect.model import PLAIN, Dialect

_ASCII_WHITE_SPACE: Final = " \t\n\v\f\r"
"""The white space that Python strips from octets."""


class Meaning(Enum):
    """The meaning of a line to a server."""

    MESSAGE = "message"
    BLANK = "blank"
    QUIT = "quit"
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class Read:
    """A line as a server reads it. `text` is the text to broadcast, if it is a message."""

    meaning: Meaning
    text: str = ""


def read_line(octets: bytes, dialect: Dialect = PLAIN, *, ended: bool = True) -> Read:
    """Read a line, given without its LF, in a dialect. `ended`: it had an LF."""
    try:
        text = octets.decode(dialect.charset)
    except UnicodeDecodeError:
        return Read(Meaning.ILL)
    trimmed = trim(text)
    if _is_quit(text + "\n" * ended, trimmed, dialect):
        return Read(Meaning.QUIT)
    if not trimmed:
        return Read(Meaning.BLANK)
    kept = _kept(text, trimmed, dialect)
    if dialect.controls == "replaced" and not dialect.is_repr:
        kept = make_safe(kept)
    return Read(Meaning.MESSAGE, kept)


def _kept(text: str, trimmed: str, dialect: Dialect) -> str:
    """Return the part of a line, given without its LF, that is broadcast."""
    match dialect.text:
        case "stripped":
            return trimmed
        case "left-stripped":
            return text[text.index(trimmed) :]
        case "right-stripped":
            return text[: text.index(trimmed) + len(trimmed)]
        case "chomped":
            return text.removesuffix("\r")
        case "repr-stripped":
            return text.strip(_ASCII_WHITE_SPACE)
        case "verbatim" | "repr":
            return text
        case _:
            assert_never(dialect.text)


def _is_quit(text: str, trimmed: str, dialect: Dialect) -> bool:
    words = dialect.quit.words
    match dialect.quit.match:
        case "stripped":
            return trimmed in words
        case "any-case":
            return trimmed.lower() in (word.lower() for word in words)
        case "prefix":
            return trimmed.startswith(words)
        case "contains":
            return any(word in trimmed for word in words)
        case "exact":
            return text.removesuffix("\n") in words
        case "bare":
            return text in words
        case _:
            assert_never(dialect.quit.match)
