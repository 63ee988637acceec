"""Questions about messages: how they are framed, how their text is changed, what surrounds it.

Each is asked in a room in which two clients hear each other, and returns its conclusions. None of
them ends a membership on purpose.
"""

import re
from collections.abc import Sequence
from functools import reduce
from math import gcd
from typing import Final

from conformance.probe.guests import Guests, who
from conformance.probe.learning import Conclusion, shown
from conformance.probe.shape import (
    Sample,
    common_end,
    common_form,
    common_shape,
    form_of,
    time_format,
    widened_shape,
)
from conformance.probe.talking import Gone, Speaker

_CHARSETS: Final = ("gb2312", "gbk", "big5", "shift_jis", "euc_kr", "cp1252", "latin-1")
_LONG: Final = 20_000
"""Octets of the segment that shows the size of a read."""
_LESS_LONG: Final = 2_400
_SLOW: Final = 0.3
"""The octets for a server that is slow or puts out who falls behind, and the seconds for an answer
that make it slow."""
_LEAST_READ: Final = 64
_ANY_READ: Final = 65_536
_OF_TWO: Final = 3
"""How many times as much two clients say at once, so that neither has been read before the other
speaks."""
_SEGMENTS: Final = 8
_ENOUGH: Final = 3
"""How many long segments are tried at least, and how many different ends of what comes of one
client are enough to tell the size of a read."""


def ask_shape(guests: Guests, samples: list[Sample]) -> list[Conclusion]:
    """Ask what surrounds a text, and what its sender receives.

    What surrounds it is added to `samples`, for `conclude_shape`.
    """
    # Some servers repeat the end of what a client said before, if it was longer.
    guests.forget()
    ann, bob = guests.pair()
    own: list[bytes] = []
    words: list[bytes] = []
    for speaker, listener in ((ann, bob), (ann, bob), (bob, ann)):
        word, mark, own_mark = guests.room.word(), len(listener.came), len(speaker.came)
        guests.room.say(speaker, word + b"\n")
        if not guests.room.hears(listener, word, mark):
            raise Gone(f"nothing came after {shown(word)} with an LF")
        guests.room.settle(listener, speaker)
        before, _, after = listener.since(mark).partition(word)
        samples.append(Sample(who(speaker), _text(before), _text(after)))
        words.append(word)
        own.append(speaker.since(own_mark))
    return _echo(samples[-3:], words, own)


def conclude_shape(samples: Sequence[Sample], strange: Sequence[Sample] = ()) -> list[Conclusion]:
    """Conclude from all samples what surrounds a text; `strange` may have another label."""
    if not samples:
        return []
    last, found = samples[-1], []
    why = f"a word with an LF came as {shown((last.before + '...' + last.after).encode())}"
    if all(re.search(r"b['\"]$", one.before) for one in samples):
        ends = {one.after.partition(one.before[-1])[0] for one in samples}
        if ends <= {"\\n", ""}:
            found.append(Conclusion("text", "repr-stripped" if ends == {""} else "repr", why))
            samples = [
                Sample(one.speaker, one.before[:-2], one.after.partition(one.before[-1])[2])
                for one in samples
            ]
    shape = common_shape(samples)
    if shape is not None:
        shape = widened_shape(shape, samples, strange)
        parts = {key: getattr(shape, key) for key in ("prefix", "header", "time", "peer", "infix")}
        found += [Conclusion(key, part, why) for key, part in parts.items() if part is not None]
    tail = common_end(samples)
    if tail is not None:
        found.append(Conclusion("tail", tail, why))
    return found


def _echo(
    samples: Sequence[Sample], words: Sequence[bytes], own: Sequence[bytes]
) -> list[Conclusion]:
    """Conclude whether a sender receives its own messages, and what else it receives."""
    echoes: list[bool] = []
    besides: list[bytes] = []
    for sample, word, came in zip(samples, words, own, strict=True):
        whole = sample.before.encode("utf-8", "surrogateescape") + word
        whole += sample.after.encode("utf-8", "surrogateescape")
        before, same, after = came.partition(whole)
        if not same and word in came:
            # The time may differ, and other octets may have come in between.
            shape = (
                common_shape([sample]),
                common_shape([Sample(sample.speaker, _text(came.partition(word)[0]), "")]),
            )
            if shape[0] == shape[1]:
                before, same, after = b"", word, b""
        echoes.append(bool(same))
        besides.append(before + after if same else came)
    why = f"the sender of a word received {shown(own[-1]) if own[-1] else 'nothing'}"
    found = [Conclusion("echo", all(echoes), why)]
    forms = [
        [
            form_of(line, sample.speaker, time_format(sample.before))
            for line in _text(one.replace(word, b"\0")).splitlines(True)
        ]
        for one, word, sample in zip(besides, words, samples, strict=True)
    ]
    for n, group in enumerate(zip(*forms, strict=False)):
        form = common_form(group)
        if form is not None and form.strip("\0 \n"):
            found.append(Conclusion(f"lines/own{n}", form.replace("\0", "{any}"), why))
    return found


def ask_framing(guests: Guests) -> list[Conclusion]:
    """Ask whether a message is a line or a read."""
    room = guests.room
    ann, bob = guests.pair()
    word, rest, mark = room.word(), room.word(), len(bob.came)
    room.say(ann, word)
    by_read = room.hears(bob, word, mark)
    if not by_read:
        # It may only be late: a word of another client tells.
        guests.fence(bob, ann)
        # A server that takes each read for a line may cut off its last octet as the LF.
        by_read = word[:-1] in bob.since(mark)
    came = bob.since(mark)
    room.say(ann, rest + b"\n")
    if not room.hears(bob, rest, mark):
        raise Gone(f"nothing came after {shown(word + rest)} in two segments")
    why = f"after a word without an LF came {shown(came) if came else 'nothing until its LF'}"
    room.settle(bob)
    return [Conclusion("framing", "read" if by_read else "line", why)]


def ask_read_size(guests: Guests) -> list[Conclusion]:
    """Ask how much of a long segment is one message, if a read is one.

    If nothing separates messages, those of two clients that talk at once tell.
    """
    if not guests.known.by_read:
        return []
    # A slow server may take a while to read much.
    if (guests.room.slowest or 0.0) >= _SLOW:
        return _read_size(guests, _LESS_LONG)
    try:
        return _read_size(guests, _LONG)
    except Gone:
        # Who falls behind by so many reads may be put out.
        guests.forget()
        return [one for one in _read_size(guests, _LESS_LONG) if one.value != _ANY_READ]


def _read_size(guests: Guests, long: int) -> list[Conclusion]:
    """Conclude the size of a read from what comes of segments of so many octets."""
    room = guests.room
    ann, bob = guests.pair()
    sizes: list[int] = []
    whole = True
    for turn in range(_SEGMENTS):
        if turn >= _ENOUGH and len(set(sizes)) == 1:
            break
        word = room.word()
        said = word + b"".join(b"%06d" % n for n in range(long // 6)) + b"z"
        mark = len(bob.came)
        room.say(ann, said + b"\n")
        if not room.hears(bob, word, mark):
            raise Gone("nothing came after a long segment")
        end = b"%05dz" % (long // 6 - 1)
        # Once the end did not come, it is waited for only as long as a word takes.
        seconds = room.patience if whole else max(room.quiet, room.slowest or 0.0)
        whole = room.wait(lambda end=end: end in bob.came[-64:] or bob.ended, seconds)  # type: ignore[misc]  # called in this turn
        room.settle(bob)
        came = bob.since(mark)
        sizes.append(_alike(said, came[came.find(word) :]))
    if min(sizes) >= long - 6:
        if guests.known.shaped and not guests.known.dialect.opening:
            return _read_size_of_two(guests, _OF_TWO * long)
        why = f"{long} octets in one segment were one message"
        return [Conclusion("read_size", _ANY_READ, why)]
    size = sizes[0]
    if size < _LEAST_READ or len(set(sizes)) > 1:
        return []
    why = f"of one segment with {long} octets the first message had {size}"
    return [Conclusion("read_size", size, why)]


def _read_size_of_two(guests: Guests, long: int) -> list[Conclusion]:
    """Conclude the size of a read from where a server turns from one client's octets to another's.

    The parts in which it sends them do not tell: they may hold several reads, or less than one.
    """
    room = guests.room
    ann, bob = guests.pair()
    eve = guests.newcomer(bob)
    runs: list[int] = []
    ends: set[int] = set()
    for _ in range(_SEGMENTS):
        mark = len(bob.came)
        for speaker, octet in ((ann, b"a"), (eve, b"b")):
            room.say(speaker, octet * long + b"\n")
        room.wait(lambda: bob.ended or all(bob.came.count(one, mark) >= long for one in b"ab"))  # noqa: B023  # called in this turn
        room.settle(bob)
        said = {b"a": 0, b"b": 0}
        for run in re.findall(rb"a+|b+", bob.since(mark)):
            said[run[:1]] += len(run)
            runs.append(len(run))
            ends |= {said[run[:1]]} - {long}
        if len(ends) >= _ENOUGH:
            break
    size = reduce(gcd, ends, 0)
    if len(ends) < _ENOUGH or size < _LEAST_READ or size not in runs:
        return []
    why = f"of two clients' {long} octets at once came {size} of one, or a multiple, in turn"
    return [Conclusion("read_size", size, why)]


def _alike(said: bytes, came: bytes) -> int:
    """Return how many octets of what was sent came without a break."""
    low, high = 0, min(len(said), len(came))
    while low < high:
        middle = (low + high + 1) // 2
        if came.startswith(said[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def ask_text(guests: Guests) -> list[Conclusion]:
    """Ask how a text is trimmed, and what happens to a control character in it."""
    if guests.known.dialect.is_repr:
        return []
    room = guests.room
    ann, bob = guests.pair()
    plain_before, plain_after = _around_of(guests, ann, bob, b"", b"")
    before, after = _around_of(guests, ann, bob, b"  ", b"  ")
    _, after_cr = _around_of(guests, ann, bob, b"", b"\r")
    left = _count_at_end(before) - _count_at_end(plain_before) == 2
    right = after.startswith(b"  ") and not plain_after.startswith(b"  ")
    cr = _count_cr(after_cr) - _count_cr(plain_after) == 1
    why = f"two spaces at each end, and a CR, came as {shown(before[-12:] + b'...' + after)}"
    why += f" and {shown(b'...' + after_cr)}"
    kind = {
        (True, True, True): "verbatim",
        (False, False, False): "stripped",
        (True, False, False): "right-stripped",
        (False, True, True): "left-stripped",
        (True, True, False): "chomped",
    }.get((left, right, cr))
    found = [] if kind is None else [Conclusion("text", kind, why)]
    one, other, mark = room.word(), room.word(), len(bob.came)
    room.say(ann, one + b"\x1b" + other + b"\n")
    if room.hears(bob, other, mark):
        between = bob.since(mark).partition(one)[2].partition(other)[0]
        controls = {b"\x1b": "relayed", "\ufffd".encode(): "replaced"}.get(between)
        if controls is not None:
            why = f"ESC within a text came as {shown(between)}"
            found.append(Conclusion("controls", controls, why))
        room.settle(bob)
    return found


def _around_of(
    guests: Guests, ann: Speaker, bob: Speaker, left: bytes, right: bytes
) -> tuple[bytes, bytes]:
    """Send a word between these octets; return what came before and after the word."""
    word, mark = guests.room.word(), len(bob.came)
    guests.room.say(ann, left + word + right + b"\n")
    if not guests.room.hears(bob, word, mark):
        raise Gone(f"nothing came after {shown(left + word + right)} with an LF")
    guests.room.settle(bob)
    before, _, after = bob.since(mark).partition(word)
    return before, after


def _count_at_end(octets: bytes) -> int:
    return len(octets) - len(octets.rstrip(b" "))


def _count_cr(octets: bytes) -> int:
    return len(octets) - len(octets.lstrip(b"\r"))


def ask_blank(guests: Guests) -> list[Conclusion]:
    """Ask what happens to a blank line."""
    room = guests.room
    ann, bob = guests.pair()
    mark, own = len(bob.came), len(ann.came)
    room.say(ann, b"\n")
    if guests.known.by_read:
        room.wait(lambda: len(bob.came) > mark or ann.ended)
    room.settle(bob, ann)
    spoke = not ann.ended and guests.fence(ann, bob)
    if ann.ended:
        guests.forget()
        why = f"the sender of an empty line received {shown(ann.since(own))} and the end"
        return [Conclusion("blank", "closes", why)]
    if not spoke:
        guests.forget()
        raise Gone("the sender of an empty line was no longer heard")
    came = guests.news(bob.since(mark))
    if came and not came.strip(b"\n") and not guests.known.shaped:
        return []  # it is not known yet what surrounds a text
    is_message = bool(came.strip(b"\n")) or bool(came and not guests.known.dialect.opening)
    why = f"after an empty line others received {shown(came) if came else 'nothing'}"
    return [Conclusion("blank", "broadcast" if is_message else "ignored", why)]


def ask_charset(guests: Guests) -> list[Conclusion]:
    """Ask in which charset lines are read and broadcasts are written.

    A server that relays UTF-8 unchanged may use another, which `ask_undecodable` finds out.
    """
    if guests.known.dialect.is_repr:
        return []
    came = _relayed(guests, "é".encode())
    if came == "é".encode():
        return [Conclusion("charset", "utf-8", "é in UTF-8 came unchanged")]
    if came is None:
        return [Conclusion("charset", "ascii", "nothing came after a word with é in it")]
    found = _which_charset(guests, "é".encode(), came)
    if not found and came in (b"", b"?", b"??", "\ufffd".encode() * 2):
        found.append(Conclusion("charset", "ascii", f"é in UTF-8 came as {shown(came)}"))
    return found


def ask_undecodable(guests: Guests) -> list[Conclusion]:
    """Ask what happens to a line that does not decode."""
    if guests.known.dialect.is_repr:
        return [Conclusion("undecodable", "relays", "a repr shows octets, whatever they are")]
    effect, octets = _undecodable(guests)
    # Octets that are valid in two charsets and come unchanged do not tell which one was used.
    lives = effect[0].value != "kills"
    if lives and octets != b"\xff" and guests.known.dialect.charset == "utf-8":
        said = "中".encode("gb2312")
        came = _relayed(guests, said)
        if came in ("中".encode(), said):
            effect += _which_charset(guests, said, came)
    return effect


def _relayed(guests: Guests, octets: bytes) -> bytes | None:
    """Send octets between two words; return what came between them, None if nothing came."""
    room = guests.room
    ann, bob = guests.pair()
    before, after, mark = room.word(), room.word(), len(bob.came)
    room.say(ann, before + octets + after + b"\n")
    if not room.hears(bob, after, mark):
        guests.forget()
        return None
    room.settle(bob)
    return bob.since(mark).partition(before)[2].partition(after)[0]


def _which_charset(guests: Guests, said: bytes, came: bytes) -> list[Conclusion]:
    for charset in _CHARSETS:
        try:
            text = said.decode(charset)
        except UnicodeDecodeError:
            continue
        for sends in ("utf-8", charset):
            if text.encode(sends) == came:
                wide = _wider(guests, charset)
                why = f"{shown(said)} came as {shown(came)}"
                found = [Conclusion("charset", wide, why)]
                if sends != "utf-8":
                    found.append(Conclusion("sends", wide, why))
                return found
    return []


def _wider(guests: Guests, charset: str) -> str:
    """Return gbk instead of gb2312 if a character comes that GB2312 lacks."""
    if charset != "gb2312":
        return charset
    came = _relayed(guests, "镕".encode("gbk"))
    return "gbk" if came in ("镕".encode(), "镕".encode("gbk")) else charset


def _undecodable(guests: Guests) -> tuple[list[Conclusion], bytes | None]:
    """Find out what happens to a line that does not decode, and what its bad octet came as."""
    room = guests.room
    ann, bob = guests.pair()
    word, after, mark, own = room.word(), room.word(), len(bob.came), len(ann.came)
    room.say(ann, word + b"\xff" + after + b"\n")
    room.answer(lambda: bob.came.find(after, mark) >= 0 or ann.ended)
    said = "a line with octet FF"
    if after in bob.since(mark):
        came = bob.since(mark).partition(word)[2].partition(after)[0]
        room.settle(bob, ann)
        effect = "passes" if came == b"\xff" else "relays"
        return [Conclusion("undecodable", effect, f"{said} came as {shown(came)}")], came
    guests.forget()
    if ann.ended:
        room.settle(bob)  # a process that dies closes its connections one after the other
    # To look whether it has died is to close a connection, which may be what hangs it.
    if bob.ended or (ann.ended and room.has_died()):
        why = f"after {said} the server no longer answered"
        return [Conclusion("undecodable", "kills", why)], None
    if ann.ended:
        why = f"the sender of {said} received {shown(ann.since(own))} and the end"
        return [Conclusion("undecodable", "closes", why), _notice(ann.since(own))], None
    if guests.fence(ann, bob):
        why = f"{said} was not relayed, and its sender is still heard"
        return [Conclusion("undecodable", "drops", why)], None
    if not _is_alive(guests, bob):
        why = f"after {said} no client was heard any more"
        return [Conclusion("undecodable", "kills", why)], None
    why = f"after {said} its sender was no longer heard"
    return [Conclusion("undecodable", "mutes", why)], None


def _is_alive(guests: Guests, bob: Speaker) -> bool:
    """Whether a new client is still heard."""
    try:
        return guests.fence(guests.newcomer(bob), bob)
    except Gone:
        return False


def _notice(own: bytes) -> Conclusion:
    """Conclude whether the server sends a notice when it closes a connection."""
    has = re.search(rb"(?:^|\n)![a-z-]+", own) is not None
    why = f"before closing, the server sent {shown(own) if own else 'nothing'}"
    return Conclusion("notices", has, why)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
