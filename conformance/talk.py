"""Talk in bulk, for scenarios about what waits, overflows or goes on: so many octets said and
heard, in as few lines as the server takes."""

from functools import partial
from typing import Final

from conformance.client import Client
from conformance.stage import Stage

_LONGEST: Final = (16_000, 4_000)
_CERTAIN: Final = 1_000
_BURST: Final = 128_000
_A_MOMENT: Final = 0.5
_SMALL_BUFFER: Final = 32_768


class Talker:
    """Two members who keep a room busy; `lines` of theirs have as many octets as it takes.

    Others who read are given the time to: nobody lags but who has stopped reading.
    """

    def __init__(self, stage: Stage, *pair: Client) -> None:
        self._stage = stage
        self._speaker, self._listener = pair
        self._octets = _longest_line(stage)
        self._given_up: set[Client] = set()

    def say(self, octets: int, exercises: tuple[str, ...] = ()) -> int:
        """Say so many octets, all of them received by both before it ends; the octets said."""
        said = 0
        while said < octets:
            lines: list[str] = []
            burst = min(_BURST, octets - said)
            while sum(map(len, lines)) < burst:
                word = self._stage.nonce()
                lines.append(f"{word} {'x' * (self._octets - len(word) - 1)}\n")
            self._speaker.send("".join(lines).encode(), exercises=exercises)
            said += sum(map(len, lines))
            self._stage.fence(self._speaker, self._listener, exercises=exercises)
            self._let_others_read()
        return said

    def _let_others_read(self) -> None:
        word = self._stage.last_nonce

        def lagging() -> list[Client]:
            readers = set(self._stage.open_clients()) - self._given_up
            return [one for one in readers if not one.stalled and not one.has_lately(word)]

        self._stage.let(lambda: not lagging(), _A_MOMENT)
        self._given_up.update(lagging())


def _longest_line(stage: Stage) -> int:
    """The octets of the longest line that this server is seen to take, of a few."""
    for octets in filter(stage.can_say, _LONGEST):
        [probe] = stage.join(1)
        begin, end = stage.nonce(), stage.nonce()
        probe.say(f"{begin}{'x' * (octets - len(begin) - len(end))}{end}")
        stage.let(partial(_has_or_is_over, probe, end), 1.0)
        taken = probe.has(end)
        probe.half_close()
        if taken:
            return octets
    return _CERTAIN


def _has_or_is_over(client: Client, text: str) -> bool:
    return client.ended or client.has(text)


def stall_one(stage: Stage) -> Client:
    """A member that has stopped reading, and whose kernel holds little."""
    client = stage.connect(receive_buffer=_SMALL_BUFFER)
    stage.greet(client)
    client.stall()
    return client


def talk(stage: Stage, members: list[Client], lines: int, window: int) -> None:
    """Let every member say so many lines, never more than a window of its own unanswered."""
    unanswered: dict[Client, list[str]] = {member: [] for member in members}
    left = dict.fromkeys(members, lines)

    def something_came(waiting: list[Client]) -> bool:
        return any(member.ended or member.has(unanswered[member][0]) for member in waiting)

    while any(left.values()) or any(unanswered.values()):
        waiting = [member for member in members if unanswered[member]]
        if waiting:
            stage.wait(waiting, partial(something_came, waiting), "an echo")
        for member in members:
            words = unanswered[member]
            while words and member.has(words[0]):
                words.pop(0)
            while left[member] and len(words) < window:
                left[member] -= 1
                words.append(stage.nonce())
                member.say(words[-1])
        stage.check(*members)
