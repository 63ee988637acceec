"""The questions a server is asked, one after the other, each on connections of its own."""

import re
from collections.abc import Callable
from typing import Final

from conformance.probe.learning import Learnt, shown
from conformance.probe.shape import take_apart
from conformance.probe.talking import Gone, Room, Talker
from conformance.standard.constants import MAX_LINE_LIMIT
from conformance.target.address import Address
from conformance.target.profile import Launch

_WORDS: Final = (
    "quit", "/quit", "exit", "/exit", "bye", "by", "/bye", "disconnect", "/disconnect", ":q", "/q",
    "close", "q", "logout",
)  # fmt: skip
_CHARSETS: Final = ("gb2312", "gbk", "big5", "shift_jis", "euc_kr", "cp1252", "latin-1")
_LONG: Final = 5_000
_ENDLESS: Final = MAX_LINE_LIMIT + 1


def probe(address: Address, launch: Launch | None, factor: float) -> Learnt:
    """Find out a server's dialect; `Gone` where nothing at all can be learnt of it."""
    asker = _Asker(address, launch, factor)
    try:
        return asker.ask()
    finally:
        asker.room.close()


class _Asker:
    def __init__(self, address: Address, launch: Launch | None, factor: float) -> None:
        self.room = Room(address, launch, factor)
        self.learnt = Learnt()

    def ask(self) -> Learnt:
        with self.room.question():
            self._greeting()
            self._shape()
        questions: tuple[tuple[str, Callable[[], None]], ...] = (
            ("framing", self._framing),
            ("how a text is trimmed, and controls", self._text),
            ("what a blank line is", self._blank),
            ("what leaves", self._leaving),
            ("what ends with a half-close, and what is said of who comes and goes", self._comings),
            ("the charset", self._charset),
            ("what does not decode", self._undecodable),
            ("whether there is a line limit", self._limit),
        )
        for what, question in questions:
            self._put(what, question)
        for capability in ("backlog-limit", "many-members", "stop", "rebind", "second-server"):
            self.learnt.untold.append(f"{capability}: a run asks for it")
        self.learnt.restarts = self.room.restarts
        return self.learnt

    def _put(self, what: str, question: Callable[[], None]) -> None:
        """Put a question, once again to a server launched anew where it died or hung."""
        try:
            with self.room.question():
                question()
        except Gone as first:
            if not self.room.restart():
                self.learnt.untold.append(f"{what}: {first}")
                return
            try:
                with self.room.question():
                    question()
            except Gone as gone:
                self.learnt.untold.append(f"{what}: {gone}, launched anew as well")

    @property
    def _by_read(self) -> bool:
        return self.learnt.get("framing") == "read"

    def _greeting(self) -> None:
        visitor = self.room.join()
        came = visitor.hear()
        if not came:
            return
        lines, _, prompt = came.rpartition(b"\n")
        if lines:
            self.learnt.conclude(
                "greeting", _form(lines + b"\n", visitor), f"first came {shown(came)}"
            )
        if prompt:
            self.learnt.conclude(
                "prompt", _form(prompt, visitor), f"and then {shown(prompt)}, without an LF"
            )
            self.room.prompted = True
        self.room.greets = True
        visitor.close()

    def _shape(self) -> None:
        ann, bob = self.room.join(), self.room.join()
        if self.room.prompted:
            joined = ann.hear()
            if bob.name.encode() in joined.rpartition(b"? ")[2]:
                line = joined[joined.rfind(b"\n", 0, joined.find(bob.name.encode())) + 1 :]
                self._besides("join", line, bob)
        ann.hear()
        bob.hear()
        word = self.room.word().encode()
        ann.say(word + b"\n")
        came, echo = bob.hear(word), ann.hear(word)
        if word not in came:
            raise Gone(f"of {shown(word)} with an LF came to another: {shown(came)}")
        self.room.echoes = word in echo
        self.learnt.conclude("echo", word in echo, f"to its sender came {shown(echo)}")
        before, _, after = came.partition(word)
        why = f"{shown(word)} with an LF came as {shown(came)}"
        if before.endswith((b"b'", b'b"')) and after[:1] == b"\\":
            before, after = before[:-2], after.partition(before[-1:])[2]
            self.learnt.conclude("text", "repr", why)
        shape = take_apart(before.decode("utf-8", "replace"), ann.host, ann.port, ann.name)
        for key, value in (
            ("prefix", shape.prefix),
            ("header", shape.header),
            ("time", shape.time),
            ("peer", shape.peer),
            ("infix", shape.infix),
            ("tail", after.decode("utf-8", "replace")),
        ):
            if value is not None:
                self.learnt.conclude(key, value, why)

    def _framing(self) -> None:
        ann, bob = self.room.pair()
        word = self.room.word().encode()
        ann.say(word)
        came = bob.hear(word)
        by_read = word in came
        why = f"{shown(word)} without an LF brought {shown(came) if came else 'nothing'}"
        self.learnt.conclude("framing", "read" if by_read else "line", why)
        ann.say(b"\n")
        if not by_read:
            return
        word = self.room.word().encode()
        ann, bob = self.room.pair()
        ann.say(word + b"x" * _LONG + b"\n")
        came = bob.hear()
        found = re.search(re.escape(word) + rb"x*", came)
        taken = len(found[0]) if found is not None else 0
        if 64 <= taken < _LONG:
            why = f"of one segment with {len(word) + _LONG} octets the first message had {taken}"
            self.learnt.conclude("read_size", taken, why)
        else:
            self.learnt.untold.append(f"read_size: it is more than {_LONG} octets")

    def _text(self) -> None:
        ann, bob = self.room.pair()
        one, other = self.room.word().encode(), self.room.word().encode()
        said = b"  " + one + b"\x1b" + other + b"  \n"
        ann.say(said)
        came = bob.hear(other)
        if one not in came:
            self.learnt.untold.append(f"text and controls: nothing came of {shown(said)}")
            return
        why = f"{shown(said)} came as {shown(came)}"
        if self.learnt.get("text") == "repr":
            return
        verbatim = b"  " + one in came and other + b"  " in came
        self.learnt.conclude("text", "verbatim" if verbatim else "stripped", why)
        tail = self.learnt.get("tail")
        if verbatim and isinstance(tail, str) and tail.startswith("\n"):
            self.learnt.conclude("tail", tail[1:], f"{why}; a verbatim text brings its own LF")
        between = came.partition(one)[2].partition(other)[0]
        if between == b"\x1b":
            self.learnt.conclude("controls", "relayed", why)
        elif between == "\ufffd".encode():
            self.learnt.conclude("controls", "replaced", why)
        else:
            self.learnt.untold.append(f"controls: neither as they are nor replaced, {why}")

    def _blank(self) -> None:
        ann, bob = self.room.pair()
        ann.say(b"\n")
        came, own = bob.hear(), ann.hear()
        if ann.ended:
            self.learnt.conclude(
                "blank", "closes", f"an empty line brought its sender {shown(own)} and the end"
            )
        elif came.strip(b"\n") or (came and self.learnt.get("header") == ""):
            self.learnt.conclude(
                "blank", "broadcast", f"an empty line came to others as {shown(came)}"
            )
        else:
            self.learnt.conclude(
                "blank", "ignored", f"an empty line came to others as {shown(came)}"
            )

    def _leaving(self) -> None:
        _, bob = self.room.pair()
        left, closes = self._words(bob, _WORDS, b"\n")
        bare = False
        if not left and self._by_read:
            left, closes = self._words(bob, _WORDS, b"")
            bare = bool(left)
        why = f"of {' '.join(_WORDS)} left: {' '.join(left) or 'none'}"
        self.learnt.conclude("quit.words", left, why)
        if not left:
            self.learnt.untold.append("another word for leaving: only those were tried")
            return
        came = "came" if closes else "did not come"
        self.learnt.conclude("quit.closes", closes, f"the end of the connection {came}")
        word = left[0]
        eve = self.room.join()
        eve.hear()
        bob.hear()
        eve.say(word.encode() + (b"" if bare else b"\n"))
        answer = eve.hear()
        if told := bob.hear():
            self._besides("leave", told, eve)
        if answer:
            why = f"after {word!r} the leaver received {shown(answer)}"
            self.learnt.conclude("quit.answer", answer.decode("utf-8", "replace"), why)
        if bare:
            self.learnt.conclude("quit.match", "bare", "none left with an LF after it")
            return
        for match, variant in (("any-case", word.upper()), ("prefix", f"{word} now")):
            if self._words(bob, (variant,), b"\n")[0]:
                self.learnt.conclude("quit.match", match, f"{variant!r} left as well")

    def _words(self, bob: Talker, words: tuple[str, ...], end: bytes) -> tuple[list[str], bool]:
        """Which of these words leave, each said by one of its own: who has left is heard no more;
        and whether the connection ends then."""
        leavers = [(word, self.room.join()) for word in words]
        bob.hear()
        for word, leaver in leavers:
            leaver.say(word.encode() + end)
        bob.hear()
        after = {word: self.room.word().encode() for word in words}
        for word, leaver in leavers:
            leaver.say(after[word] + b"\n")
        came = bob.hear()
        left = [word for word in words if after[word] not in came]
        gone = [leaver for word, leaver in leavers if word in left]
        for leaver in gone:
            leaver.hear()
        return left, all(leaver.ended for leaver in gone)

    def _comings(self) -> None:
        _, bob = self.room.pair()
        bob.hear()
        eve = self.room.join()
        came = bob.hear()
        if came:
            self._besides("join", came, eve)
        eve.hear()
        eve.hang_up()
        eve.hear()
        came = bob.hear()
        if came:
            self._besides("leave", came, eve)
        if not eve.ended:
            self.learnt.lacks("half-close", "after a half-close no end of the connection came")

    def _besides(self, key: str, came: bytes, about: Talker) -> None:
        form, peer = _form(came, about), self.learnt.get("peer")
        if isinstance(peer, str) and "{host}" in peer:
            form = form.replace(peer, "{peer}")
        self.learnt.conclude(key, form, f"others received {shown(came)}")

    def _charset(self) -> None:
        ann, bob = self.room.pair()
        word, after = self.room.word().encode(), self.room.word().encode()
        if self.learnt.get("text") == "repr":
            self.learnt.untold.append("charset: a repr shows octets, whatever they stand for")
            return
        came = self._relayed(ann, bob, word, "é".encode(), after)
        if came not in (None, b"", "é".encode(), b"\xc3\xa9"):
            self._which_charset(b"\xc3\xa9", came or b"")
            return
        # The first octets of one charset may be relayed as they are, or be another's as well.
        ann, bob = self.room.pair()
        said = "中".encode("gb2312")
        came = self._relayed(ann, bob, self.room.word().encode(), said, self.room.word().encode())
        if came == "中".encode() or (came == said and not self._relays_anything()):
            self._which_charset(said, came)
        elif came is None or came != said:
            self.learnt.conclude(
                "charset", "utf-8", "é in UTF-8 came as it is, and 中 in GB2312 did not"
            )

    def _relays_anything(self) -> bool:
        ann, bob = self.room.pair()
        word, after = self.room.word().encode(), self.room.word().encode()
        return self._relayed(ann, bob, word, b"\xff", after) == b"\xff"

    def _relayed(
        self, ann: Talker, bob: Talker, before: bytes, octets: bytes, after: bytes
    ) -> bytes | None:
        """What octets between two words came as; None where nothing came."""
        ann.say(before + octets + after + b"\n")
        came = bob.hear(after)
        if before not in came or after not in came:
            return None
        return came.partition(before)[2].partition(after)[0]

    def _which_charset(self, said: bytes, came: bytes) -> None:
        for charset in _CHARSETS:
            try:
                text = said.decode(charset)
            except UnicodeDecodeError:
                continue
            for sends in ("utf-8", charset):
                if text.encode(sends) == came:
                    wide = self._is_wider(charset)
                    charset, sends = wide, wide if sends == charset else sends
                    why = f"{shown(said)} came as {shown(came)}"
                    self.learnt.conclude("charset", charset, why)
                    if sends != "utf-8":
                        self.learnt.conclude("sends", sends, why)
                    return
        self.learnt.untold.append(f"charset: {shown(said)} came as {shown(came)}")

    def _is_wider(self, charset: str) -> str:
        """GBK where a character came that GB2312 has not."""
        if charset != "gb2312":
            return charset
        ann, bob = self.room.pair()
        word, after = self.room.word().encode(), self.room.word().encode()
        came = self._relayed(ann, bob, word, "镕".encode("gbk"), after)
        return "gbk" if came in ("镕".encode(), "镕".encode("gbk")) else charset

    def _undecodable(self) -> None:
        ann, bob = self.room.pair()
        word, after = self.room.word().encode(), self.room.word().encode()
        said = word + b"\xff\n"
        ann.say(said)
        came, own = bob.hear(word), ann.hear()
        if word in came:
            self.learnt.conclude("undecodable", "relays", f"{shown(said)} came as {shown(came)}")
            self._lacks_notices_unless(own)
            return
        if ann.ended:
            bob.hear()  # a process that dies lets go of everyone, one after the other
        if bob.ended or self.room.has_died():
            self.learnt.conclude(
                "undecodable", "kills", f"after {shown(said)} nothing answered there any more"
            )
            return
        if ann.ended:
            self.learnt.conclude(
                "undecodable",
                "closes",
                f"{shown(said)} brought its sender {shown(own)} and the end",
            )
            self._lacks_notices_unless(own)
            return
        ann.say(after + b"\n")
        came = bob.hear(after)
        if after in came:
            self.learnt.untold.append(
                f"undecodable: nothing came of {shown(said)}, and its sender is heard on"
            )
            return
        carol = self.room.join()
        carol.hear()
        carol.say(after + b"\n")
        if after not in bob.hear(after):
            self.learnt.conclude(
                "undecodable", "kills", f"after {shown(said)} nothing came of what anyone said"
            )
            return
        self.learnt.conclude(
            "undecodable", "mutes", f"after {shown(said)} nothing came of what its sender said"
        )
        self._lacks_notices_unless(own)

    def _lacks_notices_unless(self, own: bytes) -> None:
        if not re.search(rb"(?:^|\n)![a-z-]+", own):
            self.learnt.lacks("notices", f"what did not decode brought its sender {shown(own)}")

    def _limit(self) -> None:
        if self._by_read:
            return
        self.room.pair()
        eve = self.room.join()
        eve.hear()
        eve.say(b"x" * _ENDLESS)
        eve.hear()
        if not eve.ended:
            self.room.pair()
            self.learnt.lacks("line-limit", f"after {_ENDLESS:,} octets without an LF no end came")


def _form(came: bytes, about: Talker) -> str:
    """What was said, with names for what stands for who it is about."""
    text = came.decode("utf-8", "replace").replace("{", "{{").replace("}", "}}")
    text = text.replace(about.name, "{name}")
    address = f"{about.host}:{about.port}"
    if about.port:
        text = text.replace(address, "{host}:{port}").replace(str(about.port), "{port}")
    return text
