"""What is waited for between two lines where a read is a message: two may not share one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatproto.text import make_safe, trim
from conformance.dialect import Dialect
from conformance.dialect.forms import as_received, as_said_by
from conformance.dialect.speech import Utterance
from conformance.timing.policy import UNHEARD

if TYPE_CHECKING:
    from conformance.driver.client import Client
    from conformance.driver.stage import Stage


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


def pause_after(
    said: Utterance, speaker: "Client", stage: "Stage", dialect: Dialect, *, is_last: bool
) -> Pause:
    """What its speaker waits for once this has been said; `is_last` where it leaves by it."""
    until = stage.now() + stage.patience
    if is_last:
        # Only its end tells that this has been read; others may have said the same.
        return Pause(b"", {}, until, until, every=False)
    since = {
        one: len(one.received)
        for one in stage.open_clients()
        if not one.stalled and (stage.has_echo or one is not speaker)
    }
    every = bool(since) and stage.nonce_stem.encode() not in said.line
    text = trim(said.line.decode("utf-8", "replace"))
    if dialect.controls == "replaced" and dialect.text != "repr":
        text = make_safe(text)
    if every and speaker.label is not None:
        word = as_said_by(dialect, speaker.label, text)
    else:
        word = as_received(dialect, text)
    if dialect.text == "stripped" and not said.leaves:
        word += dialect.closing.encode(dialect.sends)
    unheard = stage.now() + UNHEARD * stage.start.factor
    return Pause(word, since, unheard if said.leaves else until, unheard, every)
