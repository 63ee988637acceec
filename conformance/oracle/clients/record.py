"""Reads a transcript of a client under test: what it was sent and told, what it sent and showed."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from conformance.oracle.clients.display import CLEARS, display_for, squeezed, words
from conformance.transcript import events as tr

WORD: Final = re.compile(r"zq[b-df-hj-np-tv-xz]{4}[2-9]{2}")
"""A word of the suite's."""
_HEADER: Final = re.compile(rb"\d{8} \d{2}:\d{2}:\d{2} ([!-~]+)")
_NOTICE: Final = re.compile(rb"!([a-z0-9-]+)(?: (.+))?")
_UNSAFE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole unit that the client was sent; `line` of the transcript has its last octet. `is_own`:
    the client itself had said it."""

    t: float
    line: int
    kind: Literal["broadcast", "notice", "heartbeat", "malformed"]
    sender: str = ""
    text: str = ""
    is_own: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether a conformant server may send it."""
        return not _UNSAFE.search(self.text)

    @property
    def words(self) -> list[str]:
        return WORD.findall(self.text)


@dataclass(frozen=True, slots=True)
class UserSaid:
    """What the client's user said."""

    t: float
    line: int
    text: str
    how: Literal["line", "pasted", "unended"]

    @property
    def words(self) -> list[str]:
        return WORD.findall(self.text)

    @property
    def texts(self) -> list[str]:
        """The messages that it makes: one for each line that is not blank."""
        return [text for text in (one.strip() for one in self.text.split("\n")) if text]


@dataclass(frozen=True, slots=True)
class SentLine:
    """A line that the client sent, without its LF."""

    t: float
    line: int
    octets: bytes

    @property
    def text(self) -> str:
        return self.octets.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the display showed from this time on."""

    t: float
    line: int
    rows: tuple[str, ...]


@dataclass(slots=True)
class _Half:
    """Half of a connection, as far as it has come."""

    rest: bytes = b""
    header: bytes | None = None


@dataclass(slots=True)
class Record:
    """A transcript, read. Times are None for what did not happen.

    `lost`: the line of the first thing that no server may send; a client may end there. `piped`:
    the suite's words in lines that were not UTF-8; the client chooses what becomes of them.
    """

    transcript: tr.Transcript
    start: tr.Start
    launched: tr.Launched | None = None
    labels: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    lost: int | None = None
    incomplete: bytes = b""
    said: list[UserSaid] = field(default_factory=list)
    piped: list[str] = field(default_factory=list)
    lines: list[SentLine] = field(default_factory=list)
    unended: bytes = b""
    snapshots: list[Snapshot] = field(default_factory=list)
    printed: bytes = b""
    waited: dict[int, tr.Waited] = field(default_factory=dict)
    rested: dict[int, tr.Rested] = field(default_factory=dict)
    done: tuple[float, int] | None = None
    left: tuple[float, int] | None = None
    closed: tuple[float, int] | None = None
    ended: tuple[float, int] | None = None
    reset: tuple[float, int] | None = None
    refused: tuple[float, int] | None = None
    exited: tuple[float, int] | None = None
    status: int | None = None
    connections: int = 0
    connected_again: bool = False
    clears: bool = False
    _squeezed: dict[int, str] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        return self.launched is not None and self.launched.way == "terminal"

    @property
    def is_raw(self) -> bool:
        return self.launched is not None and self.launched.raw

    @property
    def leave(self) -> str:
        return "" if self.launched is None else self.launched.leave

    @property
    def over(self) -> tuple[float, int] | None:
        """When the server ended: its end of stream, or its reset."""
        return min(filter(None, (self.ended, self.reset)), default=None)

    def rows(self) -> tuple[str, ...]:
        """Return what the display showed last."""
        return self.snapshots[-1].rows if self.snapshots else ()

    def first_shown(self, word: str, after: float = -1.0) -> tuple[int, int] | None:
        """Return which snapshot showed a word first, and where in it; None if none did.

        A client that redraws its screen may have overwritten the word before anybody looked. What
        such a client printed counts as shown, in the last snapshot at -1.
        """
        word = squeezed(word)
        for index, snapshot in enumerate(self.snapshots):
            if snapshot.t < after:
                continue
            if index not in self._squeezed:
                self._squeezed[index] = squeezed("".join(snapshot.rows))
            at = self._squeezed[index].find(word)
            if at >= 0:
                return index, at
        if self.clears and word in squeezed(self.printed.decode(errors="ignore")):
            return len(self.snapshots) - 1, -1
        return None

    def vain_wait(self, word: str, done: str) -> int | None:
        """Return the line of a wait in vain for a word to be shown or sent, if there is one."""
        waits = f"{word} to be {done}", f"{word} to be {done}, or its user to be told"
        return next((line for line, one in self.waited.items() if one.what in waits), None)

    def new_words(self, since: float, until: float | None = None) -> set[str]:
        """Return the words that were shown for the first time from `since` until `until`, but for
        those that were typed and the suite's own."""
        times = [snapshot.t for snapshot in self.snapshots]
        first = bisect_right(times, since)
        last = len(times) if until is None else bisect_right(times, until)
        before: set[str] = set()
        for snapshot in self.snapshots[:first]:
            before |= words(list(snapshot.rows))
        shown: set[str] = set()
        for snapshot in self.snapshots[first:last]:
            shown |= words(list(snapshot.rows))
        typed = " ".join(one.text for one in self.said).lower()
        return {word for word in shown - before if word not in typed and not word.startswith("zq")}


def read_record(transcript: tr.Transcript) -> Record:
    """Read a transcript of a client under test."""
    start = transcript[0]
    assert isinstance(start, tr.Start)
    record = Record(transcript, start)
    display = None
    to_client: dict[str, _Half] = {}
    from_client: dict[str, _Half] = {}
    for line, event in enumerate(transcript, 1):
        match event:
            case tr.Launched():
                record.launched = event
                display = display_for(event.way, event.columns, event.rows)
            case tr.Connected(client=client, label=label):
                record.labels.append(label or "")
                record.connections += 1
                record.connected_again = record.connections > 1 or record.refused is not None
                to_client[client], from_client[client] = _Half(), _Half()
            case tr.Received(client=client, octets=octets):
                record.heard += _units(to_client[client], octets, event.t, line, record.labels)
            case tr.Sent(client=client, octets=octets):
                *lines, rest = (from_client[client].rest + octets).split(b"\n")
                from_client[client].rest = rest
                record.lines += [SentLine(event.t, line, one) for one in lines]
                if record.left is None and any(one.strip() == b"quit" for one in lines):
                    record.left = event.t, line
            case tr.HalfClosed() | tr.Aborted():
                record.left = record.left or (event.t, line)
                record.closed = record.closed or (event.t, line)
            case tr.Ended():
                record.ended = record.ended or (event.t, line)
            case tr.Refused():
                record.refused = event.t, line
            case tr.Reset():
                record.reset = record.reset or (event.t, line)
            case tr.Typed(text=text, how="line" | "pasted" | "unended" as how):
                record.said.append(UserSaid(event.t, line, text, how))
            case tr.Typed(text=text, how="octets"):
                record.piped += WORD.findall(text)
            case tr.Typed(how="leave") | tr.InputEnded():
                record.done = record.done or (event.t, line)
            case tr.Shown(octets=octets, stream=stream):
                assert display is not None
                display.feed(octets, stream)
                record.printed += octets
                record.clears = record.clears or CLEARS.search(octets) is not None
                record.snapshots.append(Snapshot(event.t, line, tuple(display.rows())))
            case tr.Exited(status=status):
                record.exited, record.status = (event.t, line), status
            case tr.Waited():
                record.waited[line] = event
            case tr.Rested():
                record.rested[line] = event
            case _:
                pass
    record.lost = next(
        (one.line for one in record.heard if one.kind == "malformed" or not one.is_safe), None
    )
    record.incomplete = b"".join(
        (b"" if one.header is None else one.header + b"\n") + one.rest for one in to_client.values()
    )
    record.unended = b"".join(one.rest for one in from_client.values())
    return record


def _units(stream: _Half, octets: bytes, t: float, line: int, own: list[str]) -> Iterator[Heard]:
    *lines, stream.rest = (stream.rest + octets).split(b"\n")
    for one in lines:
        if stream.header is not None:
            found = _HEADER.fullmatch(stream.header)
            assert found is not None
            sender, text = found[1].decode(), _decoded(one)
            stream.header = None
            if text:
                yield Heard(t, line, "broadcast", sender, text, sender in own)
            else:
                yield Heard(t, line, "malformed", text=repr(one))
        elif not one:
            yield Heard(t, line, "heartbeat")
        elif found := _NOTICE.fullmatch(one):
            explanation = _decoded(found[2] or b"") or ""
            yield Heard(t, line, "notice", found[1].decode(), explanation)
        elif _HEADER.fullmatch(one):
            stream.header = one
        else:
            yield Heard(t, line, "malformed", text=one.decode(errors="replace"))


def _decoded(octets: bytes) -> str | None:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None
