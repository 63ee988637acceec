"""Servers with a fault of the line limit: too short, too long, counted wrongly, checked late."""

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, VIOLATION, fault


@fault("LIM-1", "takes lines of up to 512 octets", may_break="LIM-3")
class ShortLimit(BaseServer):
    limit = 512


@fault("LIM-1", "takes lines of up to 1,024 octets with their LF")
class LimitWithLineEnd(BaseServer):
    limit = 1_023


@fault("LIM-1", "cuts lines short at 512 octets", may_break="TXT-4")
class CutsLines(BaseServer):
    def decode(self, line: bytes) -> str:
        if len(line) <= 512:
            return line.decode()
        line.decode()
        return line[:512].decode("utf-8", "ignore")


@fault("LIM-1", "counts the header in: a broadcast may have 1,024 octets", may_break="LIM-2")
class LimitOfTheBroadcast(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        unit = self.compose(sender, text)
        if len(unit) > 1_024:
            self.violation(sender, "line-too-long", text.encode())
        else:
            self.broadcast(sender, unit)


@fault(
    "LIM-1",
    "folds a line of more than 1,000 octets into several messages",
    may_break="TXT-4",
)
class FoldsLines(BaseServer):
    def on_message(self, sender: Member, text: str) -> None:
        for start in range(0, len(text), 1_000):
            super().on_message(sender, text[start : start + 1_000])


@fault("LIM-2", "judges a line's length when its LF has come", may_break=f"{VIOLATION} FRM-4")
class LimitAtTheLineEnd(BaseServer):
    def on_long_tail(self, member: Member) -> None:
        del member


@fault("LIM-2", "takes lines of any length", may_break=f"{VIOLATION} {LOSS} FRM-4 LIM-3")
class NoLimit(BaseServer):
    limit = 1 << 40


@fault("LIM-2", "passes over a line that is too long", may_break=f"{VIOLATION} {LOSS} FRM-4")
class SkipsLongLines(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.skipping: set[Member] = set()

    def on_long_tail(self, member: Member) -> None:
        self.skipping.add(member)
        member.tail.clear()

    def on_line(self, member: Member, line: bytes) -> None:
        if member in self.skipping:
            self.skipping.discard(member)
        elif len(line) <= self.limit:
            super().on_line(member, line)


@fault(
    "LIM-2",
    "sends the first 16,384 octets of a line that is too long",
    may_break=f"{VIOLATION} {LOSS}",
)
class CutsLongLines(SkipsLongLines):
    def on_long_tail(self, member: Member) -> None:
        if member not in self.skipping:
            self.cut(member, bytes(member.tail))
        super().on_long_tail(member)

    def on_line(self, member: Member, line: bytes) -> None:
        if member not in self.skipping and len(line) > self.limit:
            self.cut(member, line)
        else:
            super().on_line(member, line)

    def cut(self, member: Member, line: bytes) -> None:
        self.on_text(member, line[: self.limit].decode("utf-8", "ignore"))


@fault("LIM-1", "takes an unfinished line of 1,024 octets for too long")
class LimitOfTheTail(BaseServer):
    limit = 1_024

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and len(member.tail) == self.limit:
            self.on_long_tail(member)


@fault(
    "LIM-2",
    "refuses a line of more than 4,096 octets, and an unfinished one at 1 MiB",
    may_break=f"{VIOLATION} LIM-1",
)
class TwoLimits(BaseServer):
    limit = 4_096

    def on_long_tail(self, member: Member) -> None:
        if len(member.tail) > 1_048_576:
            super().on_long_tail(member)


@fault("LIM-2", "counts a line's characters", may_break=f"{VIOLATION} {LOSS} LIM-3")
class CountsCharacters(BaseServer):
    limit = 4 * 1_048_576
    read_size = 65_536

    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and self.is_too_long(member.tail):
            self.on_long_tail(member)

    def on_line(self, member: Member, line: bytes) -> None:
        if self.is_too_long(line):
            self.violation(member, "line-too-long", line)
        else:
            super().on_line(member, line)

    def is_too_long(self, line: bytes | bytearray) -> bool:
        return len(line) > 1_048_576 and len(line.decode("utf-8", "replace")) > 1_048_576


@fault("LIM-2", "skips the spaces with which a line begins", may_break=f"{VIOLATION} TXT-3")
class SkipsLeadingSpaces(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        member.tail = member.tail.lstrip(b" ")
        return lines
