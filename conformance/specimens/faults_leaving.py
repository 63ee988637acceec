"""Servers with a fault of leaving: `quit` misread, ends of stream that lose, linger or flood."""

import select
import socket
import sys
from contextlib import suppress
from functools import partial

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import ALL, LOSS, MIXTURE, fault

STAYING = "ROOM-1 ROOM-2 ROOM-7 QUIT-3 QUIT-4 FRM-3"
WORDS = "ROOM-1 ROOM-2"
ENDS = "ROOM-1 ROOM-2 ROOM-7 FRM-4 QUIT-3 QUIT-5 ERR-1 ERR-2 ERR-3 TXT-2 LIM-2 STOP-1"
FLOODS = f"{ENDS} {MIXTURE} QUIT-1 QUIT-4 HB-1"


@fault("QUIT-1", "broadcasts `quit` before it lets its sender go", may_break=f"{LOSS} QUIT-3 FRM-3")
class BroadcastsQuit(BaseServer):
    def on_quit(self, member: Member) -> None:
        member.sent += 1
        self.on_message(member, "quit")
        super().on_quit(member)


@fault("QUIT-1", "takes `quit` for a message", may_break=STAYING)
class KnowsNoQuit(BaseServer):
    def is_quit(self, _text: str) -> bool:
        return False


@fault("QUIT-1", "swallows `quit` and goes on as before", may_break=STAYING)
class SwallowsQuit(BaseServer):
    def on_quit(self, member: Member) -> None:
        del member


@fault("QUIT-2", "knows `quit` in capitals too", may_break=WORDS)
class QuitInAnyCase(BaseServer):
    def is_quit(self, text: str) -> bool:
        return text.lower() == "quit"


@fault("QUIT-2", "leaves at any line whose first word is `quit`", may_break=WORDS)
class QuitByItsFirstWord(BaseServer):
    def is_quit(self, text: str) -> bool:
        return text.split()[:1] == ["quit"]


@fault("QUIT-2", "leaves at `/quit` too", may_break=WORDS)
class QuitWithASlash(BaseServer):
    def is_quit(self, text: str) -> bool:
        return text in ("quit", "/quit")


@fault("QUIT-3", "resets whoever quits", may_break=f"{LOSS} FRM-3")
class QuitResets(BaseServer):
    def on_quit(self, member: Member) -> None:
        self.flush(member)
        self.reset(member)


@fault(
    "QUIT-3",
    "closes at `quit` with the rest unread, which resets",
    may_break=f"{LOSS} QUIT-4",
)
class QuitClosesAtOnce(BaseServer):
    read_size = 64

    def on_quit(self, member: Member) -> None:
        super().on_quit(member)
        self.flush(member)
        self.close(member)


@fault("QUIT-3", "drops what it still owes whoever quits", may_break=f"{LOSS} FRM-1 LIM-4")
class QuitDropsWhatIsOwed(BaseServer):
    def on_quit(self, member: Member) -> None:
        member.outgoing.clear()
        super().on_quit(member)


@fault("QUIT-3", "drops the lines that came in one read with `quit`", may_break=f"{LOSS} FRM-1")
class QuitJumpsTheQueue(BaseServer):
    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        lines = super().frame(member, octets)
        return lines[lines.index(b"quit") :] if b"quit" in lines else lines


@fault("QUIT-3", "ends the membership at `quit` but not the connection", may_break="QUIT-1 STOP-1")
class NeverCloses(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.kept: set[Member] = set()

    def on_quit(self, member: Member) -> None:
        self.kept.add(member)
        super().on_quit(member)

    def on_flushed(self, leaver: Member) -> None:
        if leaver not in self.kept or leaver.ended or leaver.deaf or self.stopping:
            super().on_flushed(leaver)

    def stop(self) -> None:
        super().stop()
        self.touched.update(self.connections)


@fault(
    "QUIT-4",
    "broadcasts the lines that follow `quit` in its read",
    may_break=f"{LOSS} QUIT-3 FRM-1",
)
class LinesAfterQuit(BaseServer):
    def on_octets(self, member: Member, octets: bytes) -> None:
        quitting = False
        for line in self.frame(member, octets):
            if line.strip() == b"quit":
                quitting = True
            elif member.present:
                self.on_line(member, line)
        if quitting and member.present:
            self.on_quit(member)
        elif member.present and len(member.tail) > self.limit:
            self.on_long_tail(member)


@fault(
    "QUIT-4", "broadcasts what a leaver says until it has closed", may_break=f"{LOSS} QUIT-1 QUIT-3"
)
class LeaversStillSpeak(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.quitters: set[Member] = set()

    def on_quit(self, member: Member) -> None:
        super().on_quit(member)
        self.quitters.add(member)

    def on_octets(self, member: Member, octets: bytes) -> None:
        for line in self.frame(member, octets):
            if member.present:
                self.on_line(member, line)
            else:
                self.speak(member, line)
        if member.present and len(member.tail) > self.limit:
            self.on_long_tail(member)

    def on_discarded(self, member: Member, octets: bytes) -> None:
        for line in self.frame(member, octets):
            self.speak(member, line)

    def speak(self, member: Member, line: bytes) -> None:
        text = self.trim(line.decode("utf-8", "replace"))
        if member in self.quitters and text and text != "quit" and not self.stopping:
            self.on_message(member, self.make_safe(text))


@fault(
    "QUIT-4", "judges what follows `quit`, and says what is wrong with it", may_break="QUIT-3 ERR-3"
)
class JudgesAfterQuit(BaseServer):
    def on_octets(self, member: Member, octets: bytes) -> None:
        quit_at = end_of_quit(octets)
        super().on_octets(member, octets)
        if quit_at >= 0 and not member.present:
            try:
                octets[quit_at:].decode()
            except UnicodeDecodeError:
                member.outgoing += self.notice("invalid-text")


def end_of_quit(octets: bytes) -> int:
    """Return where the line `quit` ends, or -1."""
    return max(octets.find(b"quit\n"), octets.find(b"quit\r\n"))


@fault("QUIT-5", "does not mind a half-close, and keeps the member", may_break=f"{ENDS} HB-3")
class HalfCloseIgnored(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        del member


@fault("QUIT-5", "drops what it owes at a half-close", may_break=f"{ENDS} LIM-4")
class HalfCloseDropsWhatIsOwed(BaseServer):
    def read(self, member: Member) -> None:
        super().read(member)
        with suppress(OSError):
            if member.present and not member.sock.recv(1, socket.MSG_PEEK):
                super().read(member)

    def on_end_of_stream(self, member: Member) -> None:
        member.outgoing.clear()
        self.close(member)


@fault("QUIT-5", "drops what it has not read when a half-close arrives", may_break=f"{ENDS} FRM-1")
class HalfCloseDropsUnread(BaseServer):
    def read(self, member: Member) -> None:
        poll = select.poll()  # type: ignore[attr-defined, unused-ignore]  # POSIX
        poll.register(member.sock, select.POLLRDHUP)  # type: ignore[attr-defined, unused-ignore]  # POSIX
        if poll.poll(0) and member.present:
            member.ended = True
            self.on_end_of_stream(member)
        else:
            super().read(member)


@fault("QUIT-5", "resets whoever half-closes", may_break=ENDS)
class HalfCloseResets(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        self.flush(member)
        self.reset(member)


@fault(
    "QUIT-5",
    "sends all an empty broadcast every 20 ms in the name of a half-closed member",
    may_break=FLOODS,
)
class HalfCloseFloods(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        if member.deaf or self.stopping:
            self.close(member)
        elif not member.closed:
            self.on_message(member, "")
            self.later(0.02, partial(self.on_end_of_stream, member))


@fault(
    "QUIT-5", "keeps a half-closed connection without reading or writing", may_break=f"{ENDS} HB-3"
)
class HalfCloseHangs(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        self.members.pop(member)
        self.flush(member)

    def stop(self) -> None:
        for member in tuple(self.connections):
            if member.ended:
                self.close(member)
        super().stop()


@fault("QUIT-2", "compares with `quit` up to a NUL", may_break=WORDS)
class QuitUpToNul(BaseServer):
    def is_quit(self, text: str) -> bool:
        return text.partition("\0")[0] == "quit"


@fault("QUIT-2", "strips separators of files and records from `quit`", may_break=WORDS)
class QuitAmidSeparators(BaseServer):
    def is_quit(self, text: str) -> bool:
        return text.strip() == "quit"


@fault("QUIT-3", "closes after `quit` what is still to be read, more having come", may_break=ENDS)
class LingersForNobody(BaseServer):
    """What has come by the time that all is in the kernel it discards, and nothing later."""

    def on_flushed(self, leaver: Member) -> None:
        if leaver.ended or leaver.deaf:
            self.close(leaver)
            return
        with suppress(BlockingIOError, ConnectionError):
            while leaver.sock.recv(65_536):
                pass
        self.close(leaver)


@fault("QUIT-3", "breaks a leaver off 20 ms after it has left", may_break=ENDS)
class BreaksLeaversOff(BaseServer):
    def on_quit(self, member: Member) -> None:
        super().on_quit(member)
        self.later(0.02, partial(self.reset, member))


@fault("QUIT-5", "resets the last to leave", may_break="STOP-1 QUIT-1 QUIT-3")
class ResetsTheLast(BaseServer):
    def on_end_of_stream(self, member: Member) -> None:
        if len(self.members) == 1:
            self.reset(member)
        else:
            super().on_end_of_stream(member)


@fault("QUIT-5", "ends when the room is empty", may_break=ALL)
class EndsWithTheLast(BaseServer):
    def close(self, member: Member) -> None:
        super().close(member)
        if not self.connections and not self.stopping:
            sys.exit(0)


@fault("QUIT-3", "lingers for 1 s from when all is in its own kernel", may_break=ENDS)
class LingersFromTheFlush(BaseServer):
    def is_acknowledged(self, _leaver: Member) -> bool:
        return True


@fault("QUIT-5", "reads a member no further to which a write has failed", may_break=f"{ENDS} LIM-3")
class FailedWriteEndsReading(BaseServer):
    def flush(self, member: Member) -> None:
        super().flush(member)
        if member.deaf:
            self.close(member)
