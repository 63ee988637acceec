"""What is waited for between two lines where a read is a message: two may not share one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.client import Client


@dataclass(frozen=True, slots=True)
class Pause:
    """What a client that says a line a read waits for before the next: `word` at one of those who
    listen, each from where it was, or the end of its patience; a shorter time where nobody is left
    to listen. A word that others have said may still be on its way to one: then it is waited for
    at `every` one."""

    word: bytes
    since: dict["Client", int]
    until: float
    unheard: float
    every: bool

    @property
    def is_heard(self) -> bool:
        if not self.every:
            return any(self._has_come(one) for one in self.since)
        listening = self._listening()
        return bool(listening) and all(self._has_come(one) for one in listening)

    @property
    def end(self) -> float:
        """When it is over though the word was not heard."""
        return self.until if self._listening() else self.unheard

    def _listening(self) -> list["Client"]:
        return [one for one in self.since if not (one.ended or one.stalled)]

    def _has_come(self, one: "Client") -> bool:
        return one.received.find(self.word, self.since[one]) >= 0
