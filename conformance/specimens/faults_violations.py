"""Servers with a fault of violations: lines lost or let through, the wrong closing, no word why."""

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, MIXTURE, VIOLATION, fault

JUDGED = f"ROOM-1 ROOM-2 {VIOLATION} TXT-1 FRM-1 FRM-4"


@fault(
    "ERR-1",
    "drops the good lines of a read with a bad one",
    may_break=f"{JUDGED} ROOM-7 QUIT-4",
)
class BadLineSpoilsTheRead(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        return next(([line] for line in lines if self.is_bad(line)), lines)

    def is_bad(self, line: bytes) -> bool:
        try:
            line.decode()
        except UnicodeDecodeError:
            return True
        return len(line) > self.limit


@fault("ERR-1", "handles the rest of the read after a bad line", may_break=f"{JUDGED} QUIT-4")
class LinesAfterABadOne(BaseServer):
    offender: Member | None = None

    def on_octets(self, member: Member, octets: bytes) -> None:
        for line in self.frame(member, octets):
            if member.present or member is self.offender:
                self.on_line(member, line)
        if member.present and len(member.tail) > self.limit:
            self.on_long_tail(member)
        self.offender = None

    def violation(self, member: Member, code: str, line: bytes) -> None:
        if member.present:
            super().violation(member, code, line)
            self.offender = member


@fault("ERR-1", "broadcasts the good beginning of a line that does not decode", may_break=JUDGED)
class BroadcastsTheGoodPart(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            self.on_text(member, line[: error.start].decode())
        super().violation(member, code, line)


@fault("ERR-1", "broadcasts the first 1,024 octets of a line that is too long")
class BroadcastsTheFirstPart(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "line-too-long":
            self.on_text(member, line[:1024].decode("utf-8", "ignore"))
        super().violation(member, code, line)


@fault(
    "ERR-1",
    "takes the rest of a line that is too long for the next line",
    may_break="ERR-2",
)
class LongLineGoesOn(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            super().violation(member, code, line)
            return
        self.deliver(member, self.notice(code))
        if len(member.tail) > self.limit:
            member.tail.clear()


CLOSED = f"ROOM-1 ROOM-2 ROOM-7 {VIOLATION}"


@fault("ERR-2", "ends at a line that does not decode", may_break=ALL)
class EndsAtABadLine(BaseServer):
    def on_line(self, member: Member, line: bytes) -> None:
        if len(line) <= self.limit:
            line.decode()
        super().on_line(member, line)


@fault("ERR-2", "closes every connection when one member breaks a rule", may_break=CLOSED)
class ViolationClosesAll(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        super().violation(member, code, line)
        for other in tuple(self.members):
            self.leave(other)


@fault("ERR-2", "resets the offender", may_break=CLOSED)
class ViolationResets(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        super().violation(member, code, line)
        self.flush(member)
        self.reset(member)


@fault("ERR-2", "says what is wrong and leaves the offender connected, unheard", may_break=CLOSED)
class ViolationHangs(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.offenders: set[Member] = set()

    def violation(self, member: Member, code: str, line: bytes) -> None:
        super().violation(member, code, line)
        self.offenders.add(member)

    def on_flushed(self, leaver: Member) -> None:
        if leaver not in self.offenders or leaver.ended or leaver.deaf or self.stopping:
            super().on_flushed(leaver)

    def stop(self) -> None:
        super().stop()
        self.touched.update(self.connections)


@fault(
    "ERR-2",
    "says that a line does not decode and lets its sender go on",
    may_break=f"{CLOSED} {JUDGED}",
)
class ViolationForgiven(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            self.deliver(member, self.notice(code))
        else:
            super().violation(member, code, line)


@fault("ERR-3", "closes without a word", may_break="STOP-1")
class NoNotice(BaseServer):
    def violation(self, member: Member, _code: str, _line: bytes) -> None:
        self.leave(member)


@fault("ERR-3", "says `error` whatever is wrong", may_break="TXT-2 LIM-2")
class OneCodeForAll(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        return super().notice(code, explanation).replace(code.encode(), b"error", 1)


@fault("ERR-3", "says one violation's code for the other", may_break="TXT-2 LIM-2")
class SwapsCodes(BaseServer):
    def violation(self, member: Member, code: str, _line: bytes) -> None:
        other = "invalid-text" if code == "line-too-long" else "line-too-long"
        self.leave(member, self.notice(other))


@fault("ERR-3", "writes codes with capitals and underlines", may_break=f"TRN-2 {VIOLATION}")
class CodesInCapitals(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        shouted = code.upper().replace("-", "_").encode()
        return super().notice(code, explanation).replace(code.encode(), shouted, 1)


@fault("ERR-3", "writes a notice without its LF", may_break=f"TRN-2 {VIOLATION}")
class NoticeWithoutLineEnd(BaseServer):
    def violation(self, member: Member, code: str, _line: bytes) -> None:
        self.leave(member, self.notice(code).removesuffix(b"\n"))


@fault(
    "ERR-3",
    "writes a notice between the header and the text of the broadcast before it",
    may_break=f"{MIXTURE} {VIOLATION} TXT-5 QUIT-3",
)
class NoticeInAUnit(BaseServer):
    def violation(self, member: Member, code: str, _line: bytes) -> None:
        text_at = member.outgoing.rfind(b"\n", 0, -1) + 1
        member.outgoing[text_at:text_at] = self.notice(code)
        self.leave(member)


@fault("TXT-1", "repeats in its notice what does not decode", may_break=f"{VIOLATION} TXT-4 TRN-2")
class RepeatsTheOffence(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        self.leave(member, b"!%b not taken: %b\n" % (code.encode(), line[:80]))


@fault("TXT-4", "explains its notices in colour", may_break="TRN-2")
class ExplainsInColour(BaseServer):
    def notice(self, code: str, explanation: str = "") -> bytes:
        return super().notice(code, f"\x1b[31m{explanation or code}\x1b[0m")


@fault(
    "ERR-1", "takes 64 of the lines that came with a violation", may_break=f"{LOSS} QUIT-3 FRM-1"
)
class TakesSixtyFour(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        bad = next((at for at, line in enumerate(lines) if b"\xff" in line), 0)
        del lines[64:bad]
        return lines
