"""A program performed on a stage: each step by its client, without waiting for what it causes,
but for fences; at the end all that chat hear each other, and all that left are let go."""

from collections.abc import Iterable

from chatproto import QuitReceived, ServerConnection, Violation
from conformance.driver.client import Client
from conformance.driver.stage import Stage
from conformance.programs.program import (
    Fence,
    HalfClose,
    Join,
    Pause,
    Program,
    ResetStep,
    Resume,
    Send,
    Stall,
)
from conformance.standard.constants import MAX_LINE_LIMIT


class _Part:
    """A client of a program: whether it has left by what it sent, and whether it is known to be
    a member, having read a word of its own (ROOM-1)."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.has_left = False
        self.is_known = False
        self._said = ServerConnection(MAX_LINE_LIMIT)

    @property
    def chats(self) -> bool:
        return not (self.has_left or self.client.ended or self.client.stalled)

    def send(self, octets: bytes) -> None:
        self.client.send(octets)
        if not self.has_left:
            events = self._said.receive(octets)
            self.has_left = any(isinstance(one, QuitReceived | Violation) for one in events)
            if self.client.should_have_left:
                self.client.half_close()

    def half_close(self) -> None:
        self.client.half_close()
        self.has_left = True


def perform(stage: Stage, program: Program) -> None:
    """Perform a program; `Stuck` where something did not come that was waited for."""
    parts: dict[str, _Part] = {}
    for step in program.with_nonces(stage.nonce_stem).steps:
        match step:
            case Join(client=name):
                parts[name] = _Part(stage.connect())
            case Send(client=name, octets=octets):
                parts[name].send(octets)
            case HalfClose(client=name):
                parts[name].half_close()
            case ResetStep(client=name):
                parts[name].client.reset()
            case Stall(client=name):
                parts[name].client.stall()
            case Resume(client=name):
                parts[name].client.resume()
            case Pause(seconds=seconds):
                stage.pass_time(seconds)
            case Fence():
                _fence(stage, parts.values())
        stage.turn(0)
    for part in parts.values():
        if part.client.stalled:
            part.client.resume()
    _fence(stage, parts.values())
    for part in parts.values():
        if part.has_left and not part.client.ended:
            stage.await_end(part.client)


def _fence(stage: Stage, parts: Iterable[_Part]) -> None:
    chatting = [part for part in parts if part.chats]
    for part in chatting:
        if not part.is_known:
            stage.greet(part.client)
            part.is_known = True
    stage.fence(*(part.client for part in chatting))
