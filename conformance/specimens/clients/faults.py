"""Broken clients, each with one fault."""

from conformance.specimens.clients.base import BaseClient
from conformance.specimens.clients.registry import fault


@fault("CLI-1", "takes each read for one message", may_break="CLI-9 CLI-7 CLI-3 CLI-12")
class OneReadOneUnit(BaseClient):
    def receive(self, octets: bytes) -> None:
        header, _, text = octets.rstrip(b"\n").partition(b"\n")
        if text:
            self.show(header.decode(errors="replace").split()[-1], text.decode(errors="replace"))
        elif header.startswith(b"!"):
            self.on_notice(header.decode())


@fault("CLI-6", "ends at the end of its input, and reads no further")
class LeavesAtOnce(BaseClient):
    def leave(self) -> None:
        super().leave()
        self.status = 0


@fault("CLI-2", "leaves by a typed quit, though /quit is its way to leave")
class QuitLeaves(BaseClient):
    def on_line(self, text: str) -> None:
        if text == "quit":
            self.send(text)
        else:
            super().on_line(text)
