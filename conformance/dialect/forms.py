"""The forms of a dialect as patterns: what opens a broadcast, and what is said besides."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chatproto import ip_sender
from conformance.dialect.model import DIRECTIVES, PLAIN, Dialect, fields

# Each has a longest form, so that looking for one in whatever came takes no longer than reading it.
_HOST: Final = r"[0-9A-Fa-f.:%\[\]]{1,64}"
_PORT: Final = r"\d{1,5}"
_NAME: Final = r"\w{1,64}"
_NUMBER: Final = r"\d{1,20}"
_ANY: Final = r"[^\n]{0,512}"


@dataclass(frozen=True, slots=True)
class Forms:
    """A dialect's patterns. `opening` has the groups `header`, and `time` and `peer` where the
    header has them; it is None where a text begins at once. `besides` matches what is neither a
    broadcast nor a notice, None where there is no such thing; `welcome` what comes first on a
    connection, and `farewell` last. `prompt` ends where a name is awaited; it is None where nothing
    asks for one."""

    opening: re.Pattern[bytes] | None
    besides: re.Pattern[bytes] | None
    welcome: re.Pattern[bytes] | None
    farewell: bytes
    prompt: re.Pattern[bytes] | None
    closing: bytes


@lru_cache(maxsize=64)
def forms(dialect: Dialect) -> Forms:
    """The patterns of a dialect."""
    sends = dialect.sends
    header = _pattern(dialect.header, dialect, named=True)
    opening = f"{re.escape(dialect.prefix)}(?P<header>{header}){re.escape(dialect.infix)}"
    said = [dialect.join, dialect.leave, *dialect.lines]
    if dialect.welcome.endswith("\n"):
        # What others say may come before it.
        said.append(dialect.welcome)
    lines = [_pattern(form, dialect) for form in said if form]
    prompt = _pattern(dialect.prompt, dialect)
    # A newcomer may be told that it has joined, as the others are, before it is welcomed.
    first = [dialect.greeting, dialect.prompt, dialect.join, dialect.welcome]
    if not dialect.welcome:
        first.remove(dialect.join)
    welcome = "".join(f"(?:{_pattern(form, dialect)})?" for form in first if form)
    return Forms(
        _compiled(opening, sends) if dialect.opening else None,
        _compiled("|".join(lines), sends) if lines else None,
        _compiled(welcome, sends) if welcome else None,
        dialect.quit.answer.encode(sends),
        _compiled(prompt, sends) if dialect.prompt else None,
        dialect.closing.encode(sends),
    )


def label_of(dialect: Dialect, host: str, port: int, name: str = "") -> str | None:
    """What a client is called in headers; None where they do not tell members apart."""
    if not dialect.tells_members_apart:
        return None
    if dialect.peer == PLAIN.peer:
        return ip_sender(host, port)
    return dialect.peer.format(host=host, port=port, name=name)


def as_received(dialect: Dialect, text: str) -> bytes:
    """What stands in a stream where the server sent this text, or a part of one."""
    if dialect.is_repr:
        return repr(text.encode(dialect.charset))[2:-1].encode()
    return text.encode(dialect.sends, "replace")


def as_said_by(dialect: Dialect, label: str, text: str) -> bytes:
    """The same, from the sender's label on, where the header ends with that."""
    received = as_received(dialect, text)
    if not dialect.header.endswith("{peer}"):
        return received
    quote = repr(text.encode(dialect.charset))[:2] if dialect.is_repr else ""
    return f"{label}{dialect.infix}{quote}".encode(dialect.sends) + received


def _pattern(form: str, dialect: Dialect, *, named: bool = False) -> str:
    written = []
    for literal, name in fields(form):
        written.append(re.escape(literal))
        if name is not None:
            part = _part(name, dialect)
            if named and name == "any":
                # What follows in the header may stand in a text as well.
                part += "?"
            group = f"?P<{name}>" if named and name in ("time", "peer") else "?:"
            written.append(f"({group}{part})")
    return "".join(written)


def _part(name: str, dialect: Dialect) -> str:
    match name:
        case "time":
            return _time(dialect.time)
        case "peer":
            return _pattern(dialect.peer, dialect)
        case "host":
            return _HOST
        case "port":
            return _PORT
        case "name":
            return _NAME
        case "number":
            return _NUMBER
        case _:
            return _ANY


def _time(format_: str) -> str:
    written, rest = [], iter(format_)
    for character in rest:
        if character != "%":
            written.append(re.escape(character))
        else:
            directive = next(rest)
            written.append("%" if directive == "%" else DIRECTIVES[directive])
    return "".join(written)


def _compiled(pattern: str, charset: str) -> re.Pattern[bytes]:
    """A pattern of octets. What is not ASCII in it is the charset's, and only ever literal."""
    return re.compile(pattern.encode(charset), re.DOTALL)
