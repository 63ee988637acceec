"""Broken clients, each with one fault."""

import os
import socket
import sys
from importlib import import_module

from conformance.specimens.clients.base import LIMIT, BaseClient
from conformance.specimens.clients.registry import fault

_READING = "CLI-1 CLI-3 CLI-7 CLI-9 CLI-11 CLI-12"

# What it reads


@fault("CLI-1", "takes each read for one message", may_break=f"{_READING} CLI-8")
class OneReadOneUnit(BaseClient):
    def receive(self, octets: bytes) -> None:
        header, _, text = octets.rstrip(b"\n").partition(b"\n")
        if text:
            self.show(header.decode(errors="replace").split()[-1], text.decode(errors="replace"))
        elif header.startswith(b"!"):
            self.on_notice(header.decode())


@fault("CLI-1", "decodes what each read returned", may_break="CLI-9")
class DecodesWhatItRead(BaseClient):
    def receive(self, octets: bytes) -> None:
        super().receive(octets.decode(errors="replace").encode())


@fault("CLI-1", "ends lines at CR, U+2028 and all else that splitlines does", may_break=_READING)
class SplitsLinesAnywhere(BaseClient):
    def receive(self, octets: bytes) -> None:
        *lines, self.buffer = (self.buffer + octets).split(b"\n")
        for line in lines:
            for part in line.decode(errors="replace").splitlines() or [""]:
                self.on_unit_line(part.encode())


@fault("CLI-1", "takes a text that looks like a header, or a notice, for one", may_break=_READING)
class TellsUnitsByTheirLook(BaseClient):
    def on_unit_line(self, line: bytes) -> None:
        if line.startswith((b"!", b"20")):
            self.header = None
        super().on_unit_line(line)


@fault("CLI-3", "dies of a notice that it does not know", may_break="CLI-7")
class DiesOfUnknownNotices(BaseClient):
    def on_notice(self, text: str) -> None:
        meanings = {"!shutting-down": "the server stops", "!room-full": "there is no room"}
        self.tell(meanings[text.split()[0]] + text)


@fault("CLI-3", "shows no notice that it does not know")
class HidesUnknownNotices(BaseClient):
    def on_notice(self, text: str) -> None:
        if text.startswith("!shutting-down"):
            super().on_notice(text)


@fault("CLI-9", "takes a heartbeat for the end", may_break="CLI-1")
class HeartbeatIsTheEnd(BaseClient):
    def on_heartbeat(self) -> None:
        self.on_end()


@fault("CLI-9", "shows a heartbeat as an empty line")
class ShowsHeartbeats(BaseClient):
    def on_heartbeat(self) -> None:
        self.write("\n")


@fault("CLI-12", "cuts texts at 1,024 octets", may_break="CLI-9 CLI-11")
class CutsTexts(BaseClient):
    def show(self, sender: str, text: str) -> None:
        super().show(sender, text.encode()[:LIMIT].decode(errors="ignore"))


@fault("CLI-12", "has a buffer of 2 KiB", may_break="CLI-7")
class SmallBuffer(BaseClient):
    read_size = 512

    def receive(self, octets: bytes) -> None:
        super().receive(octets)
        if len(self.buffer) > 2_048:
            self.tell("a line is too long")
            self.status = 1


# What it shows


@fault("CLI-5", "reads what came only when a line has been typed", may_break="CLI-9 CLI-6 CLI-7")
class Alternates(BaseClient):
    def turn(self) -> None:
        self.read_input()
        if self.has_left:
            self.waiting.unregister(0) if not self.input_ended else None
            super().turn()
            return
        self.read_socket()


@fault("CLI-5", "drops what comes while a line is half typed", may_break="CLI-9")
class DropsWhileTyping(BaseClient):
    def connect(self) -> None:
        super().connect()
        import_module("tty").setcbreak(0)

    def take(self, octets: bytes) -> None:
        octets = octets.replace(b"\x15", b"").replace(b"\r", b"\n").replace(b"\x04", b"")
        super().take(octets)

    def show(self, sender: str, text: str) -> None:
        if not self.typed:
            super().show(sender, text)


@fault("CLI-9", "shows nothing before it ends")
class PrintsAtExit(BaseClient):
    said = ""

    def write(self, text: str) -> None:
        self.said += text

    def run(self) -> int:
        status = super().run()
        sys.stdout.write(self.said)
        return status


@fault("CLI-9", "prints into a pipe without a flush", way="pipe")
class ForgetsToFlush(BaseClient):
    def write(self, text: str) -> None:
        sys.stdout.write(text)


@fault("CLI-9", "shows its user's words, and again as they come back", way="pipe")
class ShowsOwnWordsTwice(BaseClient):
    def send(self, text: str) -> None:
        super().send(text)
        self.show("me", text)


@fault("CLI-9", "shows every second of its own messages")
class ShowsSomeOwnWords(BaseClient):
    said: tuple[str, ...] = ()

    def send(self, text: str) -> None:
        super().send(text)
        self.said += (text,)

    def show(self, sender: str, text: str) -> None:
        if text not in self.said or self.said.index(text) % 2:
            super().show(sender, text)


@fault("CLI-9", "shows texts as Python writes them", may_break="CLI-1 CLI-10 CLI-11")
class ShowsRepr(BaseClient):
    def clean(self, text: str) -> str:
        return repr(text)


@fault("CLI-9", "shows ASCII alone", may_break="CLI-1 CLI-12")
class ShowsAscii(BaseClient):
    def clean(self, text: str) -> str:
        return super().clean(text).encode("ascii", "replace").decode()


@fault("CLI-9", "does not show who speaks")
class HidesSenders(BaseClient):
    def show(self, sender: str, text: str) -> None:  # noqa: ARG002
        self.write(f"somebody:\n{self.indented(self.clean(text))}\n")


@fault("CLI-9", "drops a message that is as the one before")
class HidesRepeats(BaseClient):
    before = ""

    def show(self, sender: str, text: str) -> None:
        if text != self.before:
            super().show(sender, text)
        self.before = text


@fault("CLI-9", "shows each message twice")
class ShowsAllTwice(BaseClient):
    def show(self, sender: str, text: str) -> None:
        super().show(sender, text)
        super().show(sender, text)


@fault("CLI-9", "shows what one read brings in reverse", may_break="CLI-1")
class ShowsInReverse(BaseClient):
    def receive(self, octets: bytes) -> None:
        shown: list[tuple[str, str]] = []
        usual = self.show
        self.show = lambda sender, text: shown.append((sender, text))  # type: ignore[method-assign]  # for this read
        super().receive(octets)
        self.show = usual  # type: ignore[method-assign]
        for sender, text in reversed(shown):
            self.show(sender, text)


@fault("CLI-10", "passes on to the terminal what came")
class LetsControlsThrough(BaseClient):
    def clean(self, text: str) -> str:
        return text


@fault("CLI-11", "shows header and text on rows that look alike")
class TextAtTheMargin(BaseClient):
    def show(self, sender: str, text: str) -> None:
        self.write(f"{sender}\n{self.clean(text)}\n")


@fault("CLI-11", "shows all in a row, which the terminal wraps")
class LetsTheTerminalWrap(BaseClient):
    def show(self, sender: str, text: str) -> None:
        self.write(f"{sender}  {self.clean(text)}\n")


# What it sends


@fault("CLI-4", "ends no line", may_break="CLI-2 CLI-5 CLI-6")
class SendsNoLf(BaseClient):
    def send(self, text: str) -> None:
        self.transmit(text.encode())


@fault("CLI-4", "ends lines with CR LF, and counts no CR")
class CrBreaksTheLimit(BaseClient):
    def send(self, text: str) -> None:
        self.transmit(text.encode() + b"\r\n")


@fault("CLI-4", "sends another charset than UTF-8", may_break="CLI-2")
class SendsGbk(BaseClient):
    def send(self, text: str) -> None:
        self.transmit(text.encode("gbk", "replace") + b"\n")


@fault("CLI-4", "sends on the octets that are piped in", way="pipe")
class PipesOctets(BaseClient):
    def take(self, octets: bytes) -> None:
        *lines, self.typed = (self.typed + octets).split(b"\n")
        for line in lines:
            try:
                self.on_line(line.decode().strip())
            except UnicodeDecodeError:
                self.transmit(line + b"\n")


@fault("CLI-4", "sends lines of any length")
class SendsLongLines(BaseClient):
    def too_long(self, text: str) -> None:
        self.send(text)


@fault("CLI-4", "sends the beginning of a text that does not fit", may_break="CLI-2")
class SendsCutLines(BaseClient):
    def too_long(self, text: str) -> None:
        self.send(text.encode()[:LIMIT].decode(errors="ignore"))


@fault("CLI-4", "refuses a text that does not fit, and says nothing")
class RefusesSilently(BaseClient):
    def too_long(self, text: str) -> None:
        pass


@fault("CLI-4", "parts a text that does not fit, and says nothing")
class PartsSilently(BaseClient):
    def too_long(self, text: str) -> None:
        for start in range(0, len(text), LIMIT // 4):
            self.send(text[start : start + LIMIT // 4])


@fault("CLI-4", "parts a text within characters", may_break="CLI-2")
class PartsCharacters(BaseClient):
    def too_long(self, text: str) -> None:
        self.tell("this is sent in parts")
        octets = text.encode()
        for start in range(0, len(octets), LIMIT):
            self.transmit(octets[start : start + LIMIT] + b"\n")


@fault("CLI-2", "leaves by a typed quit, though /quit is its way to leave")
class QuitLeaves(BaseClient):
    def on_line(self, text: str) -> None:
        if text == "quit":
            self.send(text)
        else:
            super().on_line(text)


@fault("CLI-2", "drops a typed quit, and says nothing")
class QuitIsDropped(BaseClient):
    def on_line(self, text: str) -> None:
        if text != "quit":
            super().on_line(text)


@fault("CLI-2", "makes one message of two pasted lines")
class JoinsPastedLines(BaseClient):
    def take(self, octets: bytes) -> None:
        if octets.count(b"\n") > 1:
            octets = b" ".join(octets.split()) + b"\n"
        super().take(octets)

    def read_input(self) -> None:
        # A terminal gives a line a read; what was pasted is all there.
        octets = os.read(0, 65_536)
        while octets and self._has_more():
            octets += os.read(0, 65_536)
        if octets:
            self.take(octets)
        else:
            self.end_of_input()

    def _has_more(self) -> bool:
        return any(key.fileobj == 0 for key, _ in self.waiting.select(0))


@fault("CLI-2", "gives its name when it connects")
class GivesItsName(BaseClient):
    def connect(self) -> None:
        super().connect()
        self.transmit(b"NICK guest\n")


@fault("CLI-2", "makes one space of several")
class SqueezesSpaces(BaseClient):
    def send(self, text: str) -> None:
        super().send(" ".join(text.split()))


@fault("CLI-2", "sends what is typed in small letters", may_break="CLI-4")
class LowersCase(BaseClient):
    def send(self, text: str) -> None:
        super().send(text.lower())


@fault("CLI-2", "sends every line twice", may_break="CLI-4")
class SendsTwice(BaseClient):
    def send(self, text: str) -> None:
        super().send(text)
        super().send(text)


# How it leaves


@fault("CLI-6", "ends when its user leaves, and reads no further")
class LeavesAtOnce(BaseClient):
    def leave(self) -> None:
        super().leave()
        self.status = 0


@fault("CLI-6", "ends at the end of its input, and reads no further")
class EndsWithItsInput(BaseClient):
    def end_of_input(self) -> None:
        super().end_of_input()
        self.status = 0


@fault("CLI-6", "does not heed the end of its input")
class OutlivesItsInput(BaseClient):
    def end_of_input(self) -> None:
        self.waiting.unregister(0)
        self.input_ended = True


@fault("CLI-6", "waits three seconds for the end, once it has left", may_break="CLI-8")
class GivesUpAfterLeaving(BaseClient):
    def turn(self) -> None:
        self.sock.settimeout(3.0 if self.has_left else None)
        if self.has_left:
            self.read_socket()
        else:
            super().turn()


@fault("CLI-6", "drops what its input holds after the last LF", way="pipe")
class DropsTheLastLine(BaseClient):
    def end_of_input(self) -> None:
        self.typed = b""
        super().end_of_input()


# What it makes of the end


@fault("CLI-7", "goes round and round once the server has ended")
class SpinsAtTheEnd(BaseClient):
    told = False

    def on_end(self) -> None:
        if not self.told:
            self.tell("the server has ended the conversation")
        self.told = True


@fault("CLI-7", "waits for its user once the server has ended", may_break="CLI-6 CLI-8")
class WaitsForEver(BaseClient):
    def on_end(self) -> None:
        self.tell("the server has ended the conversation")
        self.waiting.unregister(self.sock)


@fault("CLI-7", "ends without a word when the server does")
class EndsSilently(BaseClient):
    def on_end(self) -> None:
        self.status = 0 if self.has_left else 1


@fault("CLI-7", "fails with a traceback at a reset")
class TracebackAtAReset(BaseClient):
    def on_lost(self, error: OSError) -> None:
        raise error


@fault("CLI-7", "shows the beginning of a message as a whole one")
class ShowsIncompleteUnits(BaseClient):
    def on_end(self) -> None:
        if self.header is not None and self.buffer:
            self.show(self.header, self.buffer.decode(errors="replace"))
        super().on_end()


@fault("CLI-7", "reads on after what is not chatproto/1")
class ReadsOn(BaseClient):
    def on_malformed(self, line: bytes) -> None:
        self.tell(f"this is not chatproto/1: {line[:40]!r}")


@fault("CLI-7", "stops at what is not chatproto/1, and says nothing")
class StopsSilently(BaseClient):
    def on_malformed(self, line: bytes) -> None:  # noqa: ARG002
        self.status = 1


@fault("CLI-7", "tries to connect for ever, without a word or a rest")
class TriesForEver(BaseClient):
    def connect(self) -> None:
        while True:
            try:
                self.sock = socket.create_connection(self.address)
            except OSError:
                continue
            return


@fault("CLI-8", "ends with status 0, whatever happened")
class AlwaysZero(BaseClient):
    def run(self) -> int:
        super().run()
        return 0


@fault("CLI-8", "ends with status 1, though it left in order")
class NeverZero(BaseClient):
    def run(self) -> int:
        super().run()
        return 1


@fault("CLI-9", "never connects", may_break="CLI-7")
class NeverConnects(BaseClient):
    def run(self) -> int:
        self.tell("ready")
        return 0
