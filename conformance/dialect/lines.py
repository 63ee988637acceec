"""What a line means in a dialect, and what it would be broadcast as."""

from dataclasses import dataclass
from enum import Enum

from chatproto.text import make_safe, trim
from conformance.dialect.model import PLAIN, Dialect


class Meaning(Enum):
    """What a line is to a server."""

    MESSAGE = "message"
    BLANK = "blank"
    QUIT = "quit"
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class Read:
    """A line as a server reads it; `text` is what is to be broadcast of a message."""

    meaning: Meaning
    text: str = ""


def read_line(octets: bytes, dialect: Dialect = PLAIN, *, ended: bool = True) -> Read:
    """What a line says in a dialect, given without its LF; `ended` says that it had one."""
    try:
        text = octets.decode(dialect.charset)
    except UnicodeDecodeError:
        return Read(Meaning.ILL)
    trimmed = trim(text)
    if _is_quit(text + "\n" * ended, trimmed, dialect):
        return Read(Meaning.QUIT)
    if not trimmed:
        return Read(Meaning.BLANK)
    if dialect.text == "repr":
        return Read(Meaning.MESSAGE, text)
    kept = trimmed if dialect.text == "stripped" else text
    return Read(Meaning.MESSAGE, make_safe(kept) if dialect.controls == "replaced" else kept)


def _is_quit(text: str, trimmed: str, dialect: Dialect) -> bool:
    words = dialect.quit.words
    match dialect.quit.match:
        case "stripped":
            return trimmed in words
        case "any-case":
            return trimmed.lower() in (word.lower() for word in words)
        case "prefix":
            return trimmed.startswith(words)
        case "bare":
            return text in words
