"""Broken clients with a fault in what they read, and in what they show."""

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


@fault(
    "CLI-5", "waits for its input, and reads one line of it", may_break="CLI-2 CLI-6", way="pipe"
)
class ReadsOneLine(BaseClient):
    def read_input(self) -> None:
        # What came with that line is in a buffer, which the selector does not know.
        octets = sys.stdin.buffer.readline()
        if octets:
            self.take(octets)
        else:
            self.end_of_input()


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
