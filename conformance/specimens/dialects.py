"""Servers that are correct in a dialect of their own, each speaking one of the profiles that come
with the suite, and nothing of `conformance.dialect` in them."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from datetime import datetime

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import speaks
from conformance.specimens.text import WHITE_SPACE


class Wild(BaseServer):
    """What nearly all of them have in common: controls go on as they came, without notices."""

    charset = "utf-8"

    def decode(self, line: bytes) -> str:
        return line.decode(self.charset)

    def make_safe(self, text: str) -> str:
        return text

    def notice(self, _code: str, _explanation: str = "") -> bytes:
        return b""

    def on_blank(self, member: Member) -> None:
        self.on_message(member, "")


class ByRead(Wild):
    """One read is one message."""

    read_size = 1_024

    def frame(self, _member: Member, octets: bytes) -> list[bytes]:
        return [octets]


class Mutes(ByRead):
    """What does not decode ends its sender's thread: it hears, and is heard no more."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.muted: set[Member] = set()

    def violation(self, member: Member, _code: str, _line: bytes) -> None:
        self.muted.add(member)

    def frame(self, member: Member, octets: bytes) -> list[bytes]:
        return [] if member in self.muted else super().frame(member, octets)


class Verbatim(ByRead):
    """One read is one message, and its text is what was read."""

    def trim(self, text: str) -> str:
        return text


@speaks("stage-2")
class Stage2(Mutes, Verbatim):
    charset = "gbk"

    def is_quit(self, _text: str) -> bool:
        return False

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{self.header(self.now(), sender)}\n{text}\n ".encode()


@speaks("stage-4")
class Stage4(Mutes):
    charset = "gbk"


@speaks("stage-6")
class Stage6(Wild):
    limit = 1 << 40


@speaks("slash-dates")
class SlashDates(Verbatim):
    def is_quit(self, text: str) -> bool:
        return text.strip(WHITE_SPACE) == "quit"

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{self.now():%Y/%m/%d %H:%M:%S} {sender.label} {text}\n".encode()


@speaks("dashed-dates")
class DashedDates(ByRead):
    read_size = 4_096

    def on_octets(self, member: Member, octets: bytes) -> None:
        if octets.decode("utf-8", "replace").strip(WHITE_SPACE) == "quit":
            self.on_quit(member)
        else:
            member.sent += 1
            header = f"{self.now():%Y/%m/%d-%H:%M:%S} {member.label}"
            self.broadcast(member, f"{header}\n{octets!r}\n".encode())

    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return repr(address[:2])


@speaks("ack")
class Ack(Verbatim):
    read_size = 65_535
    limit = 65_535

    def is_quit(self, text: str) -> bool:
        return text.strip(WHITE_SPACE) == "quit"

    def compose(self, _sender: Member, text: str) -> bytes:
        return f"Ack: {text}".encode()


@speaks("say")
class Say(ByRead):
    read_size = 4_096

    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return f"{address[0]} {address[1]}"

    def compose(self, sender: Member, text: str) -> bytes:
        return f"From {sender.label} say:{text}".encode()


class WithoutEcho(Wild):
    """A sender does not receive what it says."""

    def recipients(self, sender: Member) -> Iterable[Member]:
        return (member for member in self.members if member is not sender)


@speaks("bare-relay")
class BareRelay(WithoutEcho):
    limit = 1 << 40

    def compose(self, _sender: Member, text: str) -> bytes:
        return f"{text}\n".encode()


@speaks("names")
class Names(Wild):
    def on_join(self, member: Member) -> None:
        member.label = ""
        self.members.pop(member)
        self.deliver(member, b"Welcome to the chat!\nYour name? ")

    def on_text(self, member: Member, text: str) -> None:
        if member.label:
            super().on_text(member, text)
            return
        member.label = text.strip()
        self.members[member] = None
        self.tell(member, f"* {member.label} joined\n")

    def tell(self, about: Member, line: str) -> None:
        for member in tuple(self.members):
            if member is not about:
                self.deliver(member, line.encode())

    def on_blank(self, member: Member) -> None:
        """A heartbeat asks for nothing."""

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{sender.label}: {text}\n".encode()

    def leave(self, member: Member, last: bytes = b"") -> None:
        if member in self.members:
            self.tell(member, f"* {member.label} left\n")
        super().leave(member, last)

    def close(self, member: Member) -> None:
        if member in self.members:
            self.members.pop(member)
            self.tell(member, f"* {member.label} left\n")
        super().close(member)


@speaks("gb2312")
class Gb2312(Wild):
    charset = "gb2312"

    def notice(self, code: str, explanation: str = "") -> bytes:
        return BaseServer.notice(self, code, explanation)

    def on_blank(self, member: Member) -> None:
        """A heartbeat asks for nothing."""

    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return address[0]

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{self.header(self.now(), sender)}\n{text}\n".encode(self.charset)


@speaks("close-answer")
class CloseAnswer(Wild):
    limit = 1 << 40

    def is_quit(self, text: str) -> bool:
        return text.lower() in ("by", "/quit")

    def on_quit(self, member: Member) -> None:
        self.leave(member, b"close")

    def on_blank(self, member: Member) -> None:
        self.leave(member)

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{sender.label} ==> {text}\n".encode()


@speaks("bare-quit")
class BareQuit(Verbatim, WithoutEcho):
    def is_quit(self, text: str) -> bool:
        return text == "/disconnect"

    def compose(self, sender: Member, text: str) -> bytes:
        return f"service:{self.now():%H:%M} {sender.label} {text}".encode()


@speaks("stays-open")
class StaysOpen(Wild):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.gone: set[Member] = set()

    def listen(self) -> None:
        super().listen()
        threading.Thread(target=self.read_console, daemon=True).start()

    def read_console(self) -> None:
        for command in sys.stdin or ():
            if command.strip() == "quit":
                os.kill(os.getpid(), signal.SIGTERM)

    def notice(self, code: str, explanation: str = "") -> bytes:
        return BaseServer.notice(self, code, explanation)

    def on_blank(self, member: Member) -> None:
        """A heartbeat asks for nothing."""

    def is_quit(self, text: str) -> bool:
        return text.startswith("quit")

    def on_quit(self, member: Member) -> None:
        """It is a member no more, and what else it sends is read and forgotten."""
        self.gone.add(member)
        self.leave(member)
        self.tell_of(member)

    def tell_of(self, leaver: Member) -> None:
        for member in tuple(self.members):
            self.deliver(member, f"{leaver.label} has left\n".encode())

    def on_flushed(self, leaver: Member) -> None:
        if leaver not in self.gone or leaver.ended or leaver.deaf or self.stopping:
            super().on_flushed(leaver)

    def stop(self) -> None:
        super().stop()
        self.touched.update(dict.fromkeys(self.gone & self.connections.keys()))

    def header(self, moment: datetime, sender: Member) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} {sender.label}"

    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, text) + b"\n"


class RelaysOctets(Wild):
    """What does not decode is relayed as it came."""

    def decode(self, line: bytes) -> str:
        return line.decode(errors="surrogateescape")


@speaks("numbered")
class Numbered(RelaysOctets, WithoutEcho):
    limit = 1 << 40

    def label(self, _sock: socket.socket, _address: tuple[str, int]) -> str:
        return str(self.joined)

    def on_join(self, member: Member) -> None:
        self.tell_all_but(member, f"server: client {member.label} just arrived\n")

    def tell_all_but(self, about: Member, line: str) -> None:
        for member in tuple(self.members):
            if member is not about:
                self.deliver(member, line.encode())

    def trim(self, text: str) -> str:
        return text

    def is_quit(self, _text: str) -> bool:
        return False

    def compose(self, sender: Member, text: str) -> bytes:
        return f"client {sender.label}: {text}\n".encode(errors="surrogateescape")

    def leave(self, member: Member, last: bytes = b"") -> None:
        if member in self.members:
            self.tell_all_but(member, f"server: client {member.label} just left\n")
        super().leave(member, last)

    def close(self, member: Member) -> None:
        if member in self.members:
            self.members.pop(member)
            self.tell_all_but(member, f"server: client {member.label} just left\n")
        super().close(member)


@speaks("login")
class Login(Wild):
    def on_join(self, member: Member) -> None:
        member.label = ""
        self.members.pop(member)

    def on_text(self, member: Member, text: str) -> None:
        if not member.label:
            member.label = text.strip()
            self.deliver(member, f"Hello {member.label}, type quit to leave\n".encode())
            self.members[member] = None
        elif text == "quit":
            self.on_quit(member)
        elif text.strip(WHITE_SPACE):
            member.sent += 1
            self.on_message(member, text.rstrip(WHITE_SPACE))

    def on_message(self, sender: Member, text: str) -> None:
        super().on_message(sender, text)
        self.deliver(sender, b"(sent)\n")

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{sender.label}: {text}\n".encode()


@speaks("scanner")
class Scanner(Wild):
    def label(self, _sock: socket.socket, address: tuple[str, int]) -> str:
        return f"::ffff:{address[0]}:{address[1]}"

    def on_join(self, member: Member) -> None:
        self.tell_all(f"{member.label} came\n")

    def tell_all(self, line: str) -> None:
        for member in tuple(self.members):
            self.deliver(member, line.encode())

    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code != "invalid-text":
            super().violation(member, code, line)

    def on_text(self, member: Member, text: str) -> None:
        if "/bye" in text:
            self.on_quit(member)
        elif text.strip(WHITE_SPACE):
            member.sent += 1
            self.on_message(member, text.removesuffix("\r"))

    def compose(self, sender: Member, text: str) -> bytes:
        return f"{sender.label} says {text}\n".encode()

    def leave(self, member: Member, last: bytes = b"") -> None:
        present = member in self.members
        super().leave(member, last)
        if present:
            self.tell_all(f"{member.label} went\n")

    def close(self, member: Member) -> None:
        present = member in self.members
        super().close(member)
        if present:
            self.tell_all(f"{member.label} went\n")


@speaks("octets")
class Octets(RelaysOctets):
    def on_blank(self, member: Member) -> None:
        """A heartbeat asks for nothing."""

    def trim(self, text: str) -> str:
        return text.strip(" \t\n\v\f\r") if text.strip(WHITE_SPACE) else ""

    def is_quit(self, text: str) -> bool:
        return text.strip(WHITE_SPACE) == "quit"

    def compose(self, sender: Member, text: str) -> bytes:
        octets = text.encode(errors="surrogateescape")
        return f"{self.header(self.now(), sender)}\n{octets!r}\n".encode()
