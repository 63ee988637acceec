"""Small histories, and by trying every order whether any log accounts for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from chatproto import Broadcast, encode
from conformance.transcript.events import Connected, Event, Received, Sent, Waited
from tests.conformance.scene import START, TICK, moment

Message = int
NAMES = ("ann", "bob", "cyd")


@dataclass(frozen=True)
class Step:
    """A client sends a message, or receives one."""

    client: int
    message: Message
    sends: bool


@dataclass(frozen=True)
class Small:
    """What three clients sent and received, each message by its number in the order of sending. If
    it is `closed`, all of them then waited in vain for more."""

    steps: tuple[Step, ...]
    closed: bool

    def senders(self) -> list[int]:
        return [step.client for step in self.steps if step.sends]

    def run(self, client: int) -> list[Message]:
        return [step.message for step in self.steps if step.client == client and not step.sends]

    def transcript(self) -> list[Event]:
        """Return the history as a transcript for the oracle."""
        events: list[Event] = [START]
        labels = [f"127.0.0.1:{50_000 + client}" for client in range(len(NAMES))]
        for name, label in zip(NAMES, labels, strict=True):
            events.append(Connected(len(events) * TICK, name, label))
        senders = self.senders()
        for step in self.steps:
            t, word = len(events) * TICK, f"n0ddba1x{step.message:05}z"
            if step.sends:
                events.append(Sent(t, NAMES[step.client], f"{word}\n".encode()))
            else:
                unit = encode(Broadcast(moment(0.0), labels[senders[step.message]], word))
                events.append(Received(t, NAMES[step.client], unit))
        if self.closed:
            events += [Waited(5.0, name, "a word", 3.0) for name in NAMES]
        return events


def has_a_log(history: Small) -> bool:
    """Whether some log explains a history, by ROOM-1 to ROOM-5 and nothing else."""
    senders = history.senders()
    runs = [history.run(client) for client in range(len(NAMES))]
    earlier = set(_earlier(history))
    received = {message for run in runs for message in run}
    others = [message for message in range(len(senders)) if message not in received]
    for count in range(len(others) + 1):
        for more in combinations(others, count):
            for log in permutations(sorted({*received, *more})):
                if _accounts(log, history.closed, senders, runs, earlier):
                    return True
    return False


def _earlier(history: Small) -> Iterator[tuple[Message, Message]]:
    """Return each message that had come to somebody before another was sent; all of these stay."""
    come: set[Message] = set()
    for step in history.steps:
        if step.sends:
            yield from ((message, step.message) for message in come)
        else:
            come.add(step.message)


def _accounts(
    log: Sequence[Message],
    closed: bool,
    senders: Sequence[int],
    runs: Sequence[Sequence[Message]],
    earlier: set[tuple[Message, Message]],
) -> bool:
    place = {message: index for index, message in enumerate(log)}
    if any(place.get(one, -1) > place.get(other, len(log)) for one, other in earlier):
        return False
    if closed and len(log) < len(senders):
        return False
    for client, run in enumerate(runs):
        own = [message for message, sender in enumerate(senders) if sender == client]
        logged = [message for message in log if message in own]
        if logged != own[: len(logged)]:
            return False
        if not run:
            if closed and own:
                return False
            continue
        end = place[run[0]] + len(run)
        if list(log[place[run[0]] : end]) != list(run):
            return False
        if any(message not in run and place[message] < end for message in logged):
            return False
        if closed and end < len(log):
            return False
    return True
