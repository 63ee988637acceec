"""The data of a dialect: the tables [dialect] and [dialect.quit] of a profile.

Every default is that of chatproto/1: `Dialect()` departs from nothing.
"""

import codecs
import string
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DIRECTIVES: Final = {
    "Y": r"\d{4}", "y": r"\d\d", "m": r"\d\d", "d": r"\d\d", "e": r"[ \d]\d", "H": r"\d\d",
    "I": r"\d\d", "M": r"\d\d", "S": r"\d\d", "f": r"\d{1,6}", "p": r"[AP]M", "a": r"[A-Z][a-z]{2}",
    "b": r"[A-Z][a-z]{2}", "A": r"[A-Z][a-z]+", "B": r"[A-Z][a-z]+", "j": r"\d{3}",
}  # fmt: skip
"""The directives that a time format may have, and a pattern for each. %e is %d with a space for its
leading zero, as in C; Python parses both as %d."""
SMALLEST_READ: Final = 64
"""The smallest `read_size`, in octets."""
_SAID: Final = ("time", "peer", "host", "port", "name", "number", "any")
"""The fields that formats of lines other than broadcasts may have."""
Capability = Literal[
    "notices", "line-limit", "backlog-limit", "half-close", "many-members", "stop", "rebind",
    "second-server",
]  # fmt: skip
"""The features that a server may lack, in this order: notices (ERR-3, LIM-5); a line limit (LIM-2);
a limit for a member's backlog (LIM-3, LIM-4); leaving by half-close (QUIT-5); room for 256 members
(LIM-6); stopping in order (STOP-1); an address free at once (STOP-2); a second server that gives
way (STOP-3)."""


class Table(BaseModel):
    """A table of a TOML file that people write: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Quit(Table):
    """The words by which a member leaves.

    `words`: these words, if any. `match`: how a line is compared with them. The trimmed line is the
    word (`stripped`), in upper or lower case (`any-case`), begins with it (`prefix`) or contains it
    (`contains`); the line without trimming is the word (`exact`); or the read is the word without a
    line end (`bare`). `answer`: octets that the leaver receives before the end. `closes`: the
    server closes the connection.
    """

    words: tuple[Annotated[str, Field(min_length=1)], ...] = ("quit",)
    match: Literal["stripped", "any-case", "prefix", "contains", "exact", "bare"] = "stripped"
    answer: str = ""
    closes: bool = True


class Dialect(Table):
    """How a server departs from the wire format.

    `framing`: a message is a line, or a read of at most `read_size` octets. `charset` is that of
    what clients send, `sends` that of what the server sends. `undecodable`: what happens to a line
    that does not decode: its sender is closed (`closes`) or no longer heard (`mutes`), the line is
    broadcast in UTF-8 somehow (`relays`), broadcast as it came (`passes`) or left out (`drops`), or
    the server dies (`kills`).

    A broadcast is `prefix`, `header`, `infix`, the text and `tail`. The header has {time}, in the
    format `time`, and {peer}, in the format `peer` with {host}, {port}, {name} or {number}; a
    {number} in the header itself counts the messages. `text` is trimmed at both ends (`stripped`)
    or one (`left-stripped`, `right-stripped`), without its line end and a CR before that
    (`chomped`), unchanged with its line end (`verbatim`), or Python's repr of the octets, whole
    (`repr`) or trimmed first (`repr-stripped`). `controls` in it are replaced or relayed.

    `echo`: a sender receives its own messages. `blank`: what happens to a blank line. `greeting`
    comes first on a connection. With `first_line = "name"` the first line is the member's name;
    `prompt` asks for it, and `welcome` follows it. `join` and `leave` tell members about others,
    and `lines` are other lines that members receive, such as an answer. In all these, {peer},
    {host}, {port}, {name} and {time} have their meaning, {number} stands for digits, and {any} for
    anything within a line. `absent`: the features that the server lacks.
    """

    framing: Literal["line", "read"] = "line"
    read_size: Annotated[int, Field(ge=SMALLEST_READ)] = 65_536
    charset: str = "utf-8"
    sends: str = "utf-8"
    undecodable: Literal["closes", "mutes", "relays", "passes", "drops", "kills"] = "closes"
    prefix: str = ""
    header: str = "{time} {peer}"
    time: str = "%Y%m%d %H:%M:%S"
    peer: str = "{host}:{port}"
    infix: str = "\n"
    text: Literal[
        "stripped", "left-stripped", "right-stripped", "chomped", "verbatim", "repr",
        "repr-stripped",
    ] = "stripped"  # fmt: skip
    controls: Literal["replaced", "relayed"] = "replaced"
    tail: str = "\n"
    echo: bool = True
    blank: Literal["ignored", "broadcast", "closes"] = "ignored"
    greeting: str = ""
    first_line: Literal["message", "name"] = "message"
    prompt: str = ""
    welcome: str = ""
    join: str = ""
    leave: str = ""
    lines: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    absent: frozenset[Capability] = frozenset()
    quit: Quit = Quit()

    @property
    def by_read(self) -> bool:
        return self.framing == "read"

    @property
    def has_time(self) -> bool:
        return "{time}" in self.header

    @property
    def has_peer(self) -> bool:
        return "{peer}" in self.header

    @property
    def tells_members_apart(self) -> bool:
        """Whether no two members have the same peer in their headers."""
        parts = {name for _, name in fields(self.peer)}
        named = "name" in parts or {"host", "port"} <= parts
        return self.has_peer and named and not parts & {"number", "any"}

    @property
    def asks_name(self) -> bool:
        """Whether the first line of a connection is a name."""
        return self.first_line == "name"

    @property
    def is_repr(self) -> bool:
        """Whether a text is broadcast as Python's repr of its octets."""
        return self.text in ("repr", "repr-stripped")

    @property
    def opening(self) -> str:
        """The format of what comes before a text."""
        return self.prefix + self.header + self.infix

    @property
    def closing(self) -> str:
        """What comes after a text. A verbatim text brings its own line end."""
        return ("\n" if self.text == "verbatim" else "") + self.tail

    @property
    def limits_lines(self) -> bool:
        return not self.by_read and "line-limit" not in self.absent

    @property
    def knows_violations(self) -> bool:
        return self.limits_lines or self.undecodable == "closes"

    @field_validator("charset", "sends")
    @classmethod
    def _is_charset(cls, value: str) -> str:
        try:
            codecs.lookup(value)
            ascii_ = bytes(range(128))
            if ascii_.decode(value).encode(value) != ascii_ or "\n".encode(value) != b"\n":
                raise ValueError(f"{value} is not a superset of ASCII")
        except LookupError:
            raise ValueError(f"Python knows no charset {value!r}") from None
        except UnicodeError:
            raise ValueError(f"{value} is not a superset of ASCII") from None
        return value

    @field_validator("header", "peer", "greeting", "prompt", "welcome", "join", "leave")
    @classmethod
    def _is_form(cls, value: str) -> str:
        list(fields(value))
        return value

    @field_validator("lines")
    @classmethod
    def _are_forms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for form in value:
            list(fields(form))
        return value

    @field_validator("time")
    @classmethod
    def _is_time(cls, value: str) -> str:
        rest = value.replace("%%", "").split("%")[1:]
        for part in rest:
            if part[:1] not in DIRECTIVES:
                known = " ".join(f"%{one}" for one in DIRECTIVES)
                raise ValueError(f"%{part[:1]} is not supported; supported are: {known}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _prompt_asks_for_a_name(cls, data: object) -> object:
        if isinstance(data, dict) and (data.get("prompt") or data.get("welcome")):
            return {"first_line": "name", **data}
        return data

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _only("header", self.header, ("time", "peer", "number", "any"))
        _only("peer", self.peer, ("host", "port", "name", "number", "any"))
        for key in ("greeting", "prompt", "welcome", "join", "leave"):
            _only(key, getattr(self, key), _SAID)
        for form in self.lines:
            _only("lines", form, _SAID)
        if "{name}" in self.peer + self.join + self.leave + self.welcome and not self.asks_name:
            raise ValueError('{name} needs first_line = "name", or a prompt that asks for it')
        if not self.opening and "\n" not in self.closing:
            raise ValueError(
                "messages cannot be told apart: give a prefix, a header, or a tail with \\n"
            )
        if self.quit.match == "bare" and not self.by_read:
            raise ValueError('quit.match = "bare" is for framing = "read"')
        return self


def fields(form: str) -> Iterator[tuple[str, str | None]]:
    """Yield the literal parts of a format, each with the field in braces that follows it."""
    try:
        for literal, name, spec, conversion in string.Formatter().parse(form):
            if name == "" or spec or conversion:
                raise ValueError("braces must hold just a field name")
            yield literal, name
    except ValueError as error:
        raise ValueError(f"{form!r}: {error}; write a literal brace twice") from None


def _only(key: str, form: str, known: tuple[str, ...]) -> None:
    for _, name in fields(form):
        if name is not None and name not in known:
            raise ValueError(f"{key}: unknown field {{{name}}}; known are: {' '.join(known)}")


PLAIN: Final = Dialect()
"""The wire format itself."""
