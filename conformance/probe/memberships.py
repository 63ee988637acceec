"""Questions about membership: how it begins, which words end it, what half-closes and endless lines
do, and what the server announces."""

import re
import time
from typing import Final

from conformance.probe.guests import Guests, who
from conformance.probe.learning import Conclusion, shown
from conformance.probe.shape import form_of, line_time_format
from conformance.probe.talking import Gone, Speaker

_WORDS: Final = (
    "quit", "/quit", "exit", "/exit", "bye", "by", "/bye", "disconnect", "/disconnect", ":q", "/q",
    "close", "q", "logout", "{quit}", "QUIT", "EXIT", "/leave", "\\quit", ":quit",
)  # fmt: skip
_TOGETHER: Final = 7
"""Words that are tried at once, each by a different member."""
_FAILURES: Final = 5
"""How often the question starts over if a client is not heard."""
_ENDLESS: Final = 1_048_577
_FLOOD: Final = 65_536
"""More octets than this after a half-close are a flood, not an announcement."""
_UNITS: Final = 12
"""More lines than this after a half-close may be repetitions, not an announcement."""
_NAME: Final = re.compile(r"(?<!\w)p\d+r(?!\w)")
_SAID: Final = re.compile(r"(?<!\w)w\d{8,}k(?!\w)")
_LONGEST: Final = 300
"""The length of a form, in characters, beyond which its lines are written as {any}."""


def ask_entrance(guests: Guests) -> list[Conclusion]:
    """Ask what a client that joins receives, and what others receive about it."""
    room, known = guests.room, guests.known
    guests.forget()  # as `ask_shape` does
    ann, bob = guests.pair()
    mark = len(bob.came)
    eve = room.connect()
    if known.greets:
        guests.await_greeting(eve)
    room.settle(eve, bob, first=room.quiet)
    greeting, welcome = bytes(eve.came), b""
    if known.login:
        guests.introduce(eve)
        welcome = eve.since(len(greeting))
    to_others = bob.since(mark)
    if not guests.meet(eve, ann):
        raise Gone("a third client does not hear others, or is not heard")
    room.settle(bob, eve)
    if known.greets and not greeting:
        greeting = guests.before_all(bytes(eve.came))  # it may be admitted late
    others = guests.news(bob.since(mark)) or guests.news(to_others)
    # The newcomer may receive the announcement to the others too, which is no welcome.
    welcome = welcome.replace(others, b"") if others else welcome
    about = _lines(others, eve, guests)
    found = []
    join, *rest = sorted(about, key=lambda line: "{" not in line) or [""]
    why = f"others received {shown(others)}" if others else "others received nothing"
    found.append(Conclusion("join", join, why))
    found += [Conclusion(f"lines/{n}", one, why) for n, one in enumerate(rest)]
    prompt = b""
    if known.login and greeting:
        head, lf, last = greeting.removesuffix(b"\n").rpartition(b"\n")
        greeting, prompt = head + lf, last + b"\n" * greeting.endswith(b"\n")
    for key, octets in (("greeting", greeting), ("prompt", prompt), ("welcome", welcome)):
        form = _form(octets, eve, guests)
        own = [line for line in form.splitlines(keepends=True) if line not in about]
        if key != "prompt":
            form = "".join(own)
        when = {"greeting": "first came", "prompt": "and then, to ask for a name,"}
        why = f"{when.get(key, 'after the name came')} {shown(octets)}"
        found.append(Conclusion(key, form, why if octets else "nothing came"))
    return found


def ask_words(guests: Guests) -> list[Conclusion]:
    """Ask which words leave, how they are compared, and what is sent then."""
    room, known = guests.room, guests.known
    _, bob = guests.pair()
    # A word that was heard once does not leave: only the others are tried again.
    tried = [word for word in _WORDS if known.leaving is None or word in known.leaving]
    tried = tried or list(_WORDS[:3])
    stayed: list[Speaker] = []
    # What left once is tried again, and needs no further confirmation.
    again = bool(known.leaving)
    left = _which_leave(guests, tried, b"\n", stayed, in_turn=again)
    bare = False
    if not left and known.by_read:
        left = _which_leave(guests, tried, b"", stayed, in_turn=again)
        bare = bool(left)
    known.leaving = frozenset(left)
    names = [word for word in _WORDS if word in left]
    why = f"of {' '.join(_WORDS)} left: {' '.join(names) or 'none'}"
    if not names:
        return [Conclusion("quit.words", [], why)]
    word, end = names[0], b"" if bare else b"\n"
    others = {
        "any-case": word.swapcase(),
        "prefix": f"{word} now",
        "contains": f"I {word} now",
        "exact": f" {word} ",
    }
    also = {} if bare else _which_leave(guests, list(others.values()), b"\n", stayed)
    match, said = "stripped", f"{word!r} left, and not {', '.join(map(repr, others.values()))}"
    if bare:
        match, said = "bare", f"{word!r} left without an LF alone"
    elif others["contains"] in also:
        match, said = "contains", f"{others['contains']!r} left as well"
    elif others["prefix"] in also:
        match, said = "prefix", f"{others['prefix']!r} left as well"
    elif others["any-case"] in also:
        match, said = "any-case", f"{others['any-case']!r} left as well"
    elif others["exact"] not in also:
        match, said = "exact", f"{others['exact']!r} did not leave"
    if match == "any-case":
        names = list({name.lower(): name for name in reversed(names)}.values())[::-1]
    eve = guests.newcomer(bob)
    room.settle(bob, eve)
    mark, own = len(bob.came), len(eve.came)
    room.say(eve, word.encode() + end)
    closes = room.answer(lambda: eve.ended)
    room.settle(bob, eve)
    answer, told = eve.since(own), guests.news(bob.since(mark))
    told, is_message = guests.without_message(told, word.encode(), has_lf=not bare)
    # The leaver may receive the announcement to the others too, which is no answer.
    answer = answer.replace(told, b"") if told else answer
    lines = _lines(told, eve, guests)
    ended = f"after {word!r} the end {'came' if closes else 'did not come'}"
    received = f"after {word!r} its sender received {shown(answer)}"
    found = [
        Conclusion("quit.words", names, why),
        Conclusion("quit.match", match, said),
        Conclusion("quit.closes", closes, ended),
        Conclusion("quit.answer", _text(answer), received),
    ]
    if is_message:
        found.append(Conclusion("QUIT-1", None, f"{word!r} left, and came to others as a message"))
    why = f"after {word!r} others received {shown(told) if told else 'nothing'}"
    return found + _leave(lines, why)


def _leave(lines: list[str], why: str) -> list[Conclusion]:
    first, *rest = lines or [""]
    more = [Conclusion(f"lines/{n + 9}", one, why) for n, one in enumerate(rest)]
    return [Conclusion("leave", first, why), *more]


def _which_leave(
    guests: Guests, words: list[str], end: bytes, stayed: list[Speaker], *, in_turn: bool = False
) -> set[str]:
    """Return which of these words leave: after them, their sender is no longer heard.

    Each is sent by a different member. Members that `stayed` send the next words, since some
    servers do not survive many departures. What leaves when several words are said at once must
    also leave when they are said `in_turn`.
    """
    left: list[str] = []
    size, failures, untried = _TOGETHER, 0, words
    while untried:
        now, untried = untried[:size], untried[size:]
        try:
            left += _leavers(guests, now, end, stayed, apart=failures > 0, in_turn=in_turn)
        except Gone:
            failures += 1
            if failures > _FAILURES:
                raise
            # Next, members join one by one, since some servers do not survive it otherwise.
            size, untried = size if failures == 1 else 1, [*now, *untried]
            stayed.clear()
            guests.start_over()
    if left and not in_turn:
        return _which_leave(guests, left, end, stayed, in_turn=True)
    return set(left)


def _leavers(
    guests: Guests,
    words: list[str],
    end: bytes,
    stayed: list[Speaker],
    *,
    apart: bool,
    in_turn: bool,
) -> list[str]:
    """Return which of these words leave, said at once, or each while all who have not said theirs
    are still heard."""
    room = guests.room
    ann, bob = guests.pair()
    talkers = [stayed.pop() for _ in words[: len(stayed)]]
    lacking = len(words) - len(talkers)
    for count in [1] * lacking if apart else [lacking] * bool(lacking):
        talkers += guests.newcomers(bob, count)
    members = dict(zip(words, talkers, strict=True))
    mark = len(bob.came)
    after = {word: room.word() for word in words}
    for said in [[word] for word in words] if in_turn else [words]:
        if in_turn and not all(guests.is_heard(one, bob) for one in (ann, members[said[0]])):
            raise Gone("after another member had left, messages no longer came")
        for word in said:
            room.say(members[word], word.encode() + end)
        if guests.known.by_read:
            # The next line must not share a read with it.
            now = [members[word] for word in said]
            room.settle(bob, *now, first=min(room.patience / 2, 0.3))
        for word in said:
            room.say(members[word], after[word] + b"\n")

    def is_heard(word: str) -> bool:
        return bob.came.find(after[word], mark) >= 0

    if bob.ended:
        raise Gone("clients that only listen are disconnected")
    room.answer(lambda: all(is_heard(word) or one.ended for word, one in members.items()))
    if in_turn:
        # One that is not heard may only be slow; if words were said at once, they are said again.
        room.wait(lambda: all(is_heard(word) or one.ended for word, one in members.items()))
    if not all(map(is_heard, words)) and not guests.is_heard(ann, bob):
        raise Gone("messages of others no longer came")
    room.settle(bob)
    left = [word for word in words if not is_heard(word)]
    stayed += [member for word, member in members.items() if word not in left]
    return left


def ask_half_close(guests: Guests) -> list[Conclusion]:
    """Ask what a half-close does to its sender and to others."""
    room = guests.room
    ann, bob = guests.pair()
    eve = guests.newcomer(bob)
    room.settle(bob, eve)
    mark, own = len(bob.came), len(eve.came)
    eve.hang_up()

    def is_flood() -> bool:
        came = bob.since(mark)
        return len(came) > _FLOOD or len(eve.came) - own > _FLOOD

    # A flood is no answer, and does not end.
    room.wait(lambda: eve.ended or is_flood())
    if not is_flood():
        room.settle(bob, eve, first=min(room.patience, 0.2))
    told = bob.since(mark)
    if is_flood() or _repeats(told):
        began, size = time.monotonic(), len(bob.came)
        room.wait(lambda: bob.ended, 0.2)
        rate = (len(bob.came) - size) / (time.monotonic() - began)
        if is_flood() or rate:
            why = f"after a half-close others received {shown(told, 40)} again and again"
            guests.forget()
            room.drop_all()
            return [Conclusion("QUIT-5", None, why)]
    spoke = guests.fence(ann, bob)
    if not spoke:
        raise Gone("after a half-close, messages of others no longer came")
    told = guests.news(bob.since(mark))
    if not eve.ended:
        # The announcement may come only when the server writes to the broken connection.
        broken = len(bob.came)
        room.drop(eve)
        if guests.fence(ann, bob) and guests.fence(ann, bob):
            told += guests.news(bob.since(broken))
        else:
            guests.forget()
    why = f"after a half-close others received {shown(told) if told else 'nothing'}"
    found = _leave(_lines(told, eve, guests), why)
    found = [Conclusion(f"half-close/{one.key}", one.value, one.why) for one in found]
    ended = "came" if eve.ended else "did not come"
    why = f"after a half-close the end of the connection {ended}"
    return [Conclusion("half-close", eve.ended, why), *found]


def _repeats(told: bytes) -> bool:
    """Whether the same lines were sent over and over."""
    lines = re.sub(rb"\d", b"0", told).split(b"\n")
    return len(lines) > _UNITS and len(set(lines)) <= len(lines) // 4


def ask_limit(guests: Guests) -> list[Conclusion]:
    """Ask whether there is a line limit."""
    if guests.known.by_read:
        return []
    room = guests.room
    ann, bob = guests.pair()
    eve = guests.newcomer(bob)
    own = len(eve.came)
    room.say(eve, b"x" * _ENDLESS)
    if room.answer(lambda: eve.ended):
        room.settle(bob)
        if bob.ended or room.has_died():
            guests.forget()
            why = f"the server died after {_ENDLESS:,} octets without an LF"
            return [Conclusion("LIM-2", None, why)]
        why = f"after {_ENDLESS:,} octets without an LF came {shown(eve.since(own))} and the end"
        has = re.search(rb"(?:^|\n)![a-z-]+", eve.since(own)) is not None
        return [Conclusion("line-limit", True, why), Conclusion("notices", has, why)]
    why = f"after {_ENDLESS:,} octets without an LF no end came"
    if not guests.is_heard(ann, bob):
        if bob.ended:
            raise Gone(f"it died after {_ENDLESS:,} octets without an LF")
        # It may be slow, or wait for the rest of the line: then others are heard after that.
        room.say(eve, b"\n")
        if not guests.await_hearing(bob, ann) or eve.ended:
            raise Gone(f"{why}, and others were not heard either")
        why += ", and nobody was heard until the LF"
    room.drop(eve)
    room.settle(bob)
    return [Conclusion("line-limit", eve.ended, why)]


def _lines(octets: bytes, about: Speaker, guests: Guests) -> list[str]:
    """Return the forms of the lines in these octets, each once."""
    form = _form(octets, about, guests)
    # Octets without a last LF are one announcement, even if a name in them has an LF.
    lines = form.splitlines(keepends=True) if form.endswith("\n") else [form]
    return list(dict.fromkeys(line for line in lines if line.strip()))


def _form(octets: bytes, about: Speaker, guests: Guests) -> str:
    """Replace the address and the name of a client in what the server sent by fields."""
    dialect = guests.known.dialect
    form = form_of(_text(octets), who(about), _time_format(_text(octets), guests))
    # Other members may be named too, by their first message if the probe did not know that it was
    # a name. Two names in a line are a list of members.
    form, words = _SAID.subn("{any}", form)
    form, others = _NAME.subn("{name}", form)
    if words or others:
        form = re.sub(r"\{(?:name|any)\}[^\n]*\{(?:name|any)\}", "{any}", form)
    if "{number}" in dialect.peer:
        form = re.sub(r"\d+", "{number}", form)
    if len(form) > _LONGEST:
        form = re.sub(r"[^\n]{4,}", "{any}", form)
    return form


def _time_format(text: str, guests: Guests) -> str | None:
    """Return the format of times in lines: that of headers, or else the first that is found."""
    known = guests.known
    if known.shaped and known.dialect.has_time:
        return known.dialect.time
    known.time = known.time or line_time_format(text)
    return known.time


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
