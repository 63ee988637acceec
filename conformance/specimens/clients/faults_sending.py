"""Broken clients with a fault in what they send, in how they leave, and in how they end."""

import os
import socket

from conformance.specimens.clients.base import LIMIT, BaseClient
from conformance.specimens.clients.registry import fault

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


@fault("CLI-6", "ignores the end of its input")
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
