"""Servers with a fault of framing: reads taken for lines, other line ends, tails that count."""

import re

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, MIXTURE, SHAPE, VIOLATION, fault

CUTS = f"{MIXTURE} FRM-2 FRM-3 FRM-4 TXT-1 TXT-2 TXT-3 TXT-4 TXT-5 HB-1 {VIOLATION} LIM-1 LIM-2"
QUITS = "QUIT-1 QUIT-2 QUIT-3 QUIT-4 QUIT-5"


@fault("FRM-1", "takes each read for one message", may_break=f"{CUTS} {QUITS} ROOM-5 ROOM-7 LIM-3")
class OneReadOneMessage(BaseServer):
    read_size = 1024

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        del member
        return [octets]


@fault("FRM-1", "ends a line at the end of each read", may_break=f"{CUTS} {QUITS} ROOM-5 ROOM-7")
class ReadEndsALine(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        return super().frame(member, octets if octets.endswith(b"\n") else octets + b"\n")


@fault(
    "FRM-1",
    "decodes each read by itself, so that a code point cut in two is invalid text",
    may_break=f"{CUTS} ROOM-7 QUIT-3 QUIT-5",
)
class DecodesEachRead(BaseServer):
    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        try:
            octets.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and member.present:
                self.violation(member, "invalid-text", octets)


@fault(
    "FRM-1",
    "leaves when a read ends in an unfinished `quit`",
    may_break=f"FRM-4 {QUITS} {LOSS}",
)
class QuitsWithoutLineEnd(BaseServer):
    def on_octets(self, member: Member, octets: bytes) -> None:
        super().on_octets(member, octets)
        if member.present and bytes(member.tail) == b"quit":
            self.on_quit(member)


@fault(
    "FRM-1",
    "handles the first line of a read and forgets the others",
    may_break=f"{LOSS} ROOM-7 {QUITS} {VIOLATION} FRM-2 FRM-3 FRM-4 HB-1 LIM-1 LIM-3 TRN-1 "
    "TXT-1 TXT-3 TXT-4 TXT-5",
)
class FirstLineOfARead(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        return super().frame(member, octets)[:1]


@fault(
    "FRM-2",
    "ends lines where str.splitlines() does",
    may_break=f"{SHAPE} ROOM-1 FRM-1 FRM-3 TXT-3 TXT-4 TXT-5 {QUITS} HB-1",
)
class SplitsAsPython(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        for part in text.splitlines():
            if member.present:
                super().on_text(member, part)


@fault(
    "FRM-2",
    "ends a line at CR too",
    may_break=f"{SHAPE} ROOM-1 FRM-1 FRM-3 TXT-3 TXT-4 {QUITS} HB-1",
)
class EndsLinesAtCr(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        for part in text.split("\r"):
            if member.present:
                super().on_text(member, part)


@fault("FRM-2", "ends a line at NUL too", may_break=f"{SHAPE} ROOM-1 FRM-1 TXT-4 {QUITS} HB-1")
class EndsLinesAtNul(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        for part in text.split("\0"):
            if member.present:
                super().on_text(member, part)


@fault(
    "FRM-2",
    "takes a NUL for the end of a text, as C strings do",
    may_break=f"{SHAPE} ROOM-1 FRM-1 TXT-4 {QUITS} HB-1",
)
class CutsTextsAtNul(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        super().on_text(member, text.partition("\0")[0])


@fault(
    "FRM-2",
    "ends a line at U+2028 and U+2029 too",
    may_break=f"{SHAPE} ROOM-1 FRM-1 TXT-3 TXT-5 {QUITS} HB-1",
)
class EndsLinesAtSeparators(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        for part in re.split("[\u2028\u2029]", text):
            if member.present:
                super().on_text(member, part)


@fault("FRM-3", "does not trim the CR of CR LF", may_break=f"TXT-3 TXT-4 HB-1 {QUITS} {LOSS}")
class KeepsCr(BaseServer):
    def trim(self, text: str) -> str:
        body = text.removesuffix("\r")
        return super().trim(body) + text[len(body) :]


@fault("FRM-3", "knows `quit` by LF alone, not by CR LF", may_break=f"{QUITS} {LOSS}")
class QuitsAtBareLf(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        if text.endswith("\r") and self.is_quit(self.trim(text)):
            member.sent += 1
            self.on_message(member, self.trim(text))
        else:
            super().on_text(member, text)


@fault("FRM-4", "broadcasts the incomplete line at the end of stream", may_break=f"{LOSS} QUIT-5")
class BroadcastsTheTail(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        if member.tail:
            self.on_line(member, bytes(member.tail))
        super().on_end_of_stream(member)


@fault(
    "FRM-4",
    "takes an incomplete line that does not decode for a violation",
    may_break="TXT-2 ERR-2 ERR-3 QUIT-5",
)
class DecodesTheTail(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        try:
            member.tail.decode()
        except UnicodeDecodeError:
            self.violation(member, "invalid-text", bytes(member.tail))
        else:
            super().on_end_of_stream(member)


@fault(
    "FRM-4",
    "puts one member's incomplete line before the next line of whoever speaks first",
    may_break=f"{LOSS} ROOM-4 TXT-2 {QUITS} {VIOLATION} HB-1 LIM-1 TXT-1 ROOM-7",
)
class TailOutlivesItsSender(BaseServer):
    left_over = b""

    def on_end_of_stream(self, member: Member) -> None:
        self.left_over = bytes(member.tail) or self.left_over
        super().on_end_of_stream(member)

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        before, self.left_over = self.left_over, b""
        return super().frame(member, before + octets)


@fault("FRM-1", "keeps what nobody has ended yet in one buffer for all", may_break=ALL)
class SharesOneBuffer(BaseServer):
    buffer = bytearray()

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        member.tail = self.buffer
        lines = super().frame(member, octets)
        SharesOneBuffer.buffer = member.tail
        return lines


@fault(
    "FRM-1",
    "reads 1,024 octets at a time until a read is shorter",
    may_break=f"{LOSS} TRN-1 LIM-1 LIM-2 LIM-3 QUIT-3 QUIT-5 ROOM-4 ROOM-6 ROOM-7 ERR-1 STOP-1",
)
class ReadsUntilShort(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.held: dict[Member, bytes] = {}

    def on_octets(self, member: Member, octets: bytes) -> None:
        octets = self.held.pop(member, b"") + octets
        if len(octets) % 1_024:
            super().on_octets(member, octets)
        else:
            self.held[member] = octets

    def on_end_of_stream(self, member: Member) -> None:
        if member in self.held:
            super().on_octets(member, self.held.pop(member))
        if member.present:
            super().on_end_of_stream(member)


@fault("FRM-1", "measures a line only where it did not come in one read", may_break="LIM-2 ERR-3")
class MeasuresWhatIsCut(BaseServer):
    read_size = 65_536

    def on_octets(self, member: Member, octets: bytes) -> None:
        self.limit = 16_384 if member.tail else 1_048_576
        super().on_octets(member, octets)
