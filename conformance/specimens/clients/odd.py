"""Odd clients that break nothing: the suite must let them pass."""

import re
import selectors
import shutil
import socket
import sys
import time
from datetime import datetime
from importlib import import_module

from conformance.specimens.clients.base import LIMIT, BaseClient
from conformance.specimens.clients.registry import odd


@odd("prints a header, and the text on rows of its own")
class LinePrinter(BaseClient):
    pass


@odd("prints lines into a pipe", way="pipe")
class PipePrinter(BaseClient):
    pass


@odd("shows its own time, and a number")
class ShowsItsOwnTime(BaseClient):
    count = 0

    def show(self, sender: str, text: str) -> None:
        self.count += 1
        super().show(f"[{self.count}] {datetime.now():%H:%M:%S} {sender}", text)


@odd("hides what its user said")
class HidesOwnWords(BaseClient):
    said: tuple[str, ...] = ()

    def send(self, text: str) -> None:
        self.said += (text,)
        super().send(text)

    def show(self, sender: str, text: str) -> None:
        if text not in self.said:
            super().show(sender, text)


@odd("says its remarks on stderr", way="pipe")
class RemarksOnStderr(BaseClient):
    def tell(self, what: str) -> None:
        sys.stderr.write(f"client: {what}\n")


@odd("connects again when the connection is lost", shoulds="CLI-8")
class Reconnects(BaseClient):
    def on_end(self) -> None:
        super().on_end()
        self._again()

    def on_lost(self, error: OSError) -> None:
        super().on_lost(error)
        self._again()

    def _again(self) -> None:
        if self.has_left:
            return
        self.waiting.unregister(self.sock)
        self.buffer, self.header = b"", None
        for _ in range(10):
            self.tell("connecting again")
            try:
                self.sock = socket.create_connection(self.address)
            except OSError:
                time.sleep(0.3)
                continue
            self.waiting.register(self.sock, selectors.EVENT_READ)
            self.status = None
            return


@odd("draws its whole screen again for each message")
class FullScreen(BaseClient):
    lines: tuple[str, ...] = ()

    def write(self, text: str) -> None:
        size = shutil.get_terminal_size()
        self.lines += tuple(text.removesuffix("\n").split("\n"))
        shown = self.lines[-(size.lines - 3) :]
        sys.stdout.write("\x1b[2J\x1b[H" + "".join(f"{line}\r\n" for line in shown))
        sys.stdout.write("-" * (size.columns - 1) + "\r\nsay: ")
        sys.stdout.flush()


@odd("shows the newest message first, and what it says below")
class NewestFirst(BaseClient):
    def connect(self) -> None:
        super().connect()
        rows = shutil.get_terminal_size().lines
        sys.stdout.write(f"\x1b[2J\x1b[1;{rows - 2}r\x1b[{rows};1H")

    def write(self, text: str) -> None:
        rows = text.removesuffix("\n").split("\n")
        sys.stdout.write(f"\x1b[s\x1b[{len(rows)}T\x1b[H" + "\r\n".join(rows) + "\x1b[u")
        sys.stdout.flush()


@odd("puts a mark before each row of a text")
class MarksRows(BaseClient):
    def indented(self, text: str) -> str:
        return "\n".join(f"  : {text[start : start + 17]}" for start in range(0, len(text), 17))


@odd("edits the line itself, refuses what is pasted, and frames what it shows")
class Framed(BaseClient):
    editing = b""
    pasting = b""

    def connect(self) -> None:
        super().connect()
        import_module("tty").setraw(0)
        sys.stdout.write("\x1b[?2004h")

    def take(self, octets: bytes) -> None:
        octets, self.pasting = self.pasting + octets, b""
        before, is_paste, rest = octets.partition(b"\x1b[200~")
        _, is_whole, after = rest.partition(b"\x1b[201~")
        if is_paste and not is_whole:
            self.pasting = octets
            return
        if is_paste:
            self.tell("not sent: several lines at once")
            octets = before + after
        for octet in octets.replace(b"\r", b"\n"):
            char = bytes([octet])
            if char == b"\x15":
                self.editing = b""
            elif char == b"\x04":
                self.end_of_input()
                return
            elif char == b"\n":
                line, self.editing = self.editing, b""
                super().take(line + b"\n")
            else:
                self.editing += char
        self._prompt()

    def show(self, sender: str, text: str) -> None:
        rows = self.indented(self.clean(text)).split("\n")
        self.write(f"+ {sender} says\n" + "".join(f"|{row[1:]}\n" for row in rows))

    def write(self, text: str) -> None:
        sys.stdout.write("\r\x1b[K" + text.replace("\n", "\r\n"))
        sys.stdout.flush()
        self._prompt()

    def _prompt(self) -> None:
        room = shutil.get_terminal_size().columns - 4
        sys.stdout.write("\r\x1b[K> " + self.editing.decode(errors="replace")[-room:])
        sys.stdout.flush()


@odd("parts texts that do not fit, and says so")
class PartsTexts(BaseClient):
    def too_long(self, text: str) -> None:
        self.tell("too long for one line: it goes out in parts")
        part = ""
        for char in text:
            if len((part + char).encode()) > LIMIT:
                self.send(part)
                part = ""
            part += char
        self.send(part)


@odd("leaves by its end of stream")
class HalfCloses(BaseClient):
    def leave(self) -> None:
        self.has_left = True
        self.sock.shutdown(socket.SHUT_WR)


@odd("sends a heartbeat ten times a second, and for Enter alone")
class BeatsFast(BaseClient):
    def on_line(self, text: str) -> None:
        if text:
            super().on_line(text)
        else:
            self.transmit(b" \n")

    def turn(self) -> None:
        if not self.has_left and not self.waiting.select(0.1):
            self.transmit(b"\n")
            return
        super().turn()


@odd("ends lines with CR LF, and counts the CR")
class SendsCrLf(BaseClient):
    def on_line(self, text: str) -> None:
        if len(text.encode()) == LIMIT:
            self.too_long(text)
        else:
            super().on_line(text)

    def send(self, text: str) -> None:
        self.transmit(text.encode() + b"\r\n")


@odd("makes controls and what is unseen visible")
class MakesVisible(BaseClient):
    def clean(self, text: str) -> str:
        return re.sub(
            "[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: f"<U+{ord(found[0]):04X}>", text
        )
