"""The formats of a dialect as regular expressions: headers, and lines that are no broadcasts."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chatproto import ip_sender
from conformance.dialect.model import DIRECTIVES, PLAIN, Dialect, fields

# Each has a maximum length, so that searching for it takes time linear in the octets received.
_HOST: Final = r"[0-9A-Fa-f.:%\[\]]{1,64}"
_PORT: Final = r"\d{1,5}"
_NAME: Final = r"\w{1,64}"
_NUMBER: Final = r"\d{1,20}"
_ANY: Final = r"[^\n]{0,512}"


@dataclass(frozen=True, slots=True)
class Forms:
    """The patterns of a dialect.

    `opening` has the group `header`, and the groups `time` and `peer` if the header has them; it is
    None if a text has no header. `besides` matches lines that are neither broadcasts nor notices.
    `welcome` matches what comes first on a connection; `farewell` comes last. `prompt` matches what
    asks for a name. Each is None if the dialect has no such thing.
    """

    opening: re.Pattern[bytes] | None
    besides: re.Pattern[bytes] | None
    welcome: re.Pattern[bytes] | None
    farewell: bytes
    prompt: re.Pattern[bytes] | None
    closing: bytes


@lru_cache(maxsize=64)
def forms(dialect: Dialect) -> Forms:
    """Return the patterns of a dialect."""
    sends = dialect.sends
    header = _pattern(dialect.header, dialect, named=True)
    opening = f"{re.escape(dialect.prefix)}(?P<header>{header}){re.escape(dialect.infix)}"
    said = [dialect.join, dialect.leave, *dialect.lines]
    if dialect.welcome.endswith("\n"):
        # Messages of others may come before the welcome.
        said.append(dialect.welcome)
    lines = [_pattern(form, dialect) for form in said if form]
    prompt = _pattern(dialect.prompt, dialect)
    # A newcomer may receive the announcement of its own joining before its welcome.
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
    """Return the name of a client in headers; None if they do not tell members apart."""
    if not dialect.tells_members_apart:
        return None
    if dialect.peer == PLAIN.peer:
        return ip_sender(host, port)
    return dialect.peer.format(host=host, port=port, name=name)


def as_received(dialect: Dialect, text: str) -> bytes:
    """Return the octets in a stream if the server sends this text or part of a text."""
    if dialect.is_repr:
        return repr(text.encode(dialect.charset))[2:-1].encode()
    return text.encode(dialect.sends, "replace")


def as_said_by(dialect: Dialect, label: str, text: str) -> bytes:
    """Return the same from the sender's label on, if the header ends with the label."""
    received = as_received(dialect, text)
    if not dialect.header.endswith("{peer}"):
        return received
    quote = repr(text.encode(dialect.charset))[:2] if dialect.is_repr else ""
    return f"{label}{dialect.infix}{quote}".encode(dialect.sends) + received


def _pattern(form: str, dialect: Dialect, *, named: bool = False, opens: bool = False) -> str:
    written = []
    opens = opens or named
    for literal, name in fields(form):
        written.append(re.escape(literal))
        if name is not None:
            part = _part(name, dialect, opens=opens)
            if opens and name == "any":
                # Not greedy: what follows it in the header may occur in a text too.
                part += "?"
            group = f"?P<{name}>" if named and name in ("time", "peer") else "?:"
            written.append(f"({group}{part})")
    return "".join(written)


def _part(name: str, dialect: Dialect, *, opens: bool = False) -> str:
    match name:
        case "time":
            return _time(dialect.time)
        case "peer":
            return _pattern(dialect.peer, dialect, opens=opens)
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
    """Compile a pattern for octets in a charset. Its non-ASCII characters are all literals."""
    return re.compile(pattern.encode(charset), re.DOTALL)
