"""What the checks look at: the history, which broadcast ties to which line, and the log."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from chatproto.sender import is_sender
from conformance.dialect.model import PLAIN, SMALLEST_READ
from conformance.oracle.backlog import Backlog
from conformance.oracle.log_order import LaidOut, lay_out
from conformance.oracle.matching import Matching, Tie, match
from conformance.oracle.reading.history import ClientHistory, History, read_history
from conformance.oracle.reading.lines import NONCE, Line
from conformance.oracle.reading.units import ReceivedBroadcast
from conformance.timing.policy import ON_ITS_WAY, TOGETHER
from conformance.transcript.events import Exited, Limited, Restarted, Stopping, Transcript


@dataclass
class Case:
    """One transcript, prepared for the checks. `runs` has the broadcasts that came to each client,
    in order, each line once."""

    history: History
    matching: Matching
    runs: dict[str, list[Tie]]
    log: LaidOut[Line]

    @property
    def clients(self) -> list[ClientHistory]:
        return list(self.history.clients.values())

    @cached_property
    def came(self) -> dict[Line, dict[str, Tie]]:
        """For each line that came to anyone: to whom it came, and how."""
        came: dict[Line, dict[str, Tie]] = defaultdict(dict)
        for name, run in self.runs.items():
            for tie in run:
                came[tie.line][name] = tie
        return dict(came)

    @cached_property
    def came_lines(self) -> list[Line]:
        """The lines that came to anyone, in the order in which they were begun."""
        return sorted(self.came, key=lambda line: line.begun)

    @cached_property
    def is_one_component(self) -> bool:
        """Whether all that came belongs to one component of the log."""
        return len(set(self.log.component.values())) <= 1

    @cached_property
    def came_at(self) -> dict[str, list[int]]:
        """For each client the transcript's lines at which its broadcasts came."""
        return {name: [tie.unit.span.last for tie in run] for name, run in self.runs.items()}

    @cached_property
    def inversions(self) -> list[tuple[str, Tie, Tie]]:
        """Pairs of broadcasts that a client received in another order than the log's."""
        position = self.log.position
        inversions = []
        for name, run in self.runs.items():
            latest, reached = None, -1
            for tie in run:
                at = position[tie.line]
                if at > reached:
                    latest, reached = tie, at
                elif latest is not None:
                    inversions.append((name, latest, tie))
        return inversions

    @cached_property
    def first_came(self) -> dict[Line, int]:
        """The transcript's line at which each line first had come whole to anyone."""
        return {
            line: min([tie.unit.span.last for tie in ties.values()])
            for line, ties in self.came.items()
        }

    @cached_property
    def backlog(self) -> Backlog:
        return Backlog(self.history, self.runs, self.came, self.first_came)

    @cached_property
    def last_of(self) -> dict[str, dict[str, int]]:
        """For each client and each sender, the number of the last line that came."""
        last: dict[str, dict[str, int]] = {}
        for name, run in self.runs.items():
            of = last[name] = {}
            for tie in run:
                of[tie.line.client] = max(of.get(tie.line.client, 0), tie.line.number)
        return last

    @cached_property
    def reached(self) -> dict[str, dict[int, int]]:
        """For each client how far it has received each component of the log."""
        reached: dict[str, dict[int, int]] = {}
        for name, run in self.runs.items():
            of = reached[name] = {}
            for tie in run:
                component = self.log.component[tie.line]
                of[component] = max(of.get(component, 0), self.log.position[tie.line])
        return reached

    @cached_property
    def last_own(self) -> dict[str, int]:
        """The number of each client's last line that came back to it; without echo, that came to
        anyone."""
        if self.history.has_echo:
            return {name: of[name] for name, of in self.last_of.items() if name in of}
        last: dict[str, int] = {}
        for of in self.last_of.values():
            for author, number in of.items():
                last[author] = max(last.get(author, 0), number)
        return last

    @cached_property
    def last_heard(self) -> dict[str, int]:
        """The number of each client's last message that came to anybody."""
        last: dict[str, int] = {}
        for line in self.came:
            last[line.client] = max(last.get(line.client, 0), line.number)
        return last

    def is_after_all_heard(self, line: Line) -> bool:
        """Whether nothing that its sender said came to anybody from this line on."""
        return line.number > self.last_heard.get(line.client, 0)

    def last_own_came(self, name: str, before: int) -> int:
        """Return the line of the transcript at which a client sent the last message before `before`
        that came to anybody; else that at which it connected."""
        client = self.history.clients[name]
        own = [one.done for one in client.messages if one in self.came and one.done < before]
        return max(own, default=client.connected)

    def last_heard_by(self, name: str) -> int:
        """Return the line of the transcript at which the last broadcast came to a client; else that
        at which it connected."""
        return max(self.came_at[name], default=self.history.clients[name].connected)

    @cached_property
    def last_broadcast(self) -> int:
        """The transcript's line at which the last broadcast came to anybody."""
        return max((ats[-1] for ats in self.came_at.values() if ats), default=0)

    @property
    def is_everyone_alone(self) -> bool:
        """Whether nobody received anything that somebody else said."""
        return all(tie.line.client == name for name, run in self.runs.items() for tie in run)

    def is_quiet_after(self, line: Line) -> bool:
        """Whether nothing said after a line came to anybody, although somebody waited."""
        lines = self.came_lines
        return self.last_wait > self.last_broadcast and (
            not lines or lines[-1].begun <= line.begun or self.last_broadcast <= line.done
        )

    @cached_property
    def first_end(self) -> int:
        """The transcript's line at which the server, after its last broadcast, first ended the
        connection of a client that had not left."""
        ends = [one.ended for one in self.clients if one.was_ended_by_server]
        end = len(self.history.transcript) + 1
        return min((at for at in ends if at and at > self.last_broadcast), default=end)

    def settled_before(self, at: int) -> int:
        """Return the transcript's line of the last fence before this one; 0 if there is none."""
        settled = (one for one, _ in self.history.settled if one < at)
        return max(settled, default=0)

    @cached_property
    def last_wait(self) -> int:
        """The transcript's line at which somebody last had waited in vain."""
        return max((at for client in self.clients for at, _ in client.waits), default=0)

    @cached_property
    def heralds(self) -> dict[int, Line]:
        """For each component of the log, the line that came to anyone first."""
        heralds: dict[int, Line] = {}
        for line in sorted(self.came, key=self.first_came.__getitem__):
            heralds.setdefault(self.log.component[line], line)
        return heralds

    @cached_property
    def standstills(self) -> list[tuple[str, int, int]]:
        """The times at which nobody received anything while one client had only connected, or only
        begun a line: that client, and the transcript's lines between which it was so."""
        messages = [line for client in self.clients for line in client.messages]
        messages.sort(key=lambda line: line.begun)
        said = [line.begun for line in messages]
        heard = list(accumulate((line in self.came for line in messages), initial=0))
        standstills = []
        for client in self.clients:
            sent = [(client.connected, False)]
            sent += [(at, segment.octets.endswith(b"\n")) for at, segment in client.segments]
            end = client.left or client.ended or len(self.history.transcript)
            ends = [at for at, _ in sent[1:]] + [end]
            for (since, whole), until in zip(sent, ends, strict=True):
                first, last = bisect_right(said, since), bisect_left(said, until)
                if not whole and first < last and heard[first] == heard[last]:
                    standstills.append((client.name, since, until))
        return standstills

    @cached_property
    def died(self) -> int | None:
        """The transcript's line at which the server's process ended without being told to."""
        stopping = False
        for at, event in self.history.server:
            if isinstance(event, Stopping):
                stopping = True
            elif isinstance(event, Exited) and not stopping:
                return at
        return None

    @property
    def follows_others(self) -> bool:
        """Whether clients of earlier scenarios had been at the same server, and have left."""
        return bool(self.history.start.words)

    def found_no_descriptor(self, client: ClientHistory) -> bool:
        """Whether a client connected while the server could not open a descriptor for it."""
        before = [event for at, event in self.history.server if at < client.connected]
        limits = [event for event in before if isinstance(event, Limited)]
        return bool(limits) and not limits[-1].ended

    def recovered(self, limited: int, until: int) -> bool:
        """Whether descriptors that could not be opened from a line of the transcript on were free
        again, and a client that connected then was heard before another line."""
        events = self.history.server
        ends = (at for at, event in events if isinstance(event, Limited) and event.ended)
        free = next((at for at in ends if at >= limited), until)
        return any(
            self.history.clients[line.client].connected > free and at < until
            for line, at in self.first_came.items()
        )

    @cached_property
    def stopping(self) -> int | None:
        """The transcript's line at which the server was last told to stop."""
        stop = self.history.stopping
        return None if stop is None else stop[0]

    @cached_property
    def is_readable(self) -> bool:
        """Whether most of what came looks enough like broadcasts to tell what was lost, doubled or
        altered. Without a dialect it is enough that any of it has a header."""
        broadcasts = [
            unit
            for client in self.clients
            for unit in client.units
            if isinstance(unit, ReceivedBroadcast)
        ]
        named = {
            sender
            for sender in {unit.sender for unit in broadcasts}
            if sender is not None and self.is_sender(sender)
        }
        if self.history.start.dialect is None and not broadcasts:
            return not any(NONCE.search(tie.unit.octets) for tie in self.matching.ties())
        unnamed = {id(unit) for unit in broadcasts if unit.sender not in named}
        exact = {id(tie.unit) for tie in self.matching.ties() if tie.exact} if unnamed else set()
        return 2 * len(unnamed - exact) <= len(broadcasts)

    @cached_property
    def _dialect_names_peers(self) -> bool:
        dialect = self.history.start.dialect
        return dialect is not None and dialect.peer != PLAIN.peer

    def is_sender(self, text: str) -> bool:
        """Whether this is how a header names a member; in a dialect, anything in that place is."""
        return self._dialect_names_peers or is_sender(text)

    @property
    def shows_times(self) -> bool:
        """Whether headers show a time."""
        dialect = self.history.start.dialect
        return dialect is None or dialect.has_time

    @cached_property
    def muddled(self) -> frozenset[str]:
        """The clients that received something twice: of lines with the same text, nobody knows
        which one came to them."""
        return frozenset(
            name
            for name, run in self.runs.items()
            if sum(tie.exact for tie in self.matching.runs[name]) > sum(tie.exact for tie in run)
        )

    def is_identified(self, name: str, line: Line) -> bool:
        """Whether it is certain that what a client received was made from this line."""
        return bool(line.nonces) or name not in self.muddled

    def is_owed(self, name: str, line: Line) -> bool:
        """Whether a line is owed to a member: its own lines only if there is an echo."""
        return line.client != name or self.history.has_echo

    def is_surely_before(self, earlier: Line, later: Line) -> bool:
        """Whether somebody received these two lines in this order, or the sender of the later one
        had received the earlier one, or had sent it."""
        if earlier.client == later.client:
            return earlier.number < later.number
        known = self.came[earlier].get(later.client)
        if known is not None and known.unit.span.last < later.begun:
            return True
        others = self.came.get(later, {})
        return any(
            name in others and tie.unit.span.start < others[name].unit.span.start
            for name, tie in self.came[earlier].items()
        )

    def answer_to(self, line: Line) -> Tie | None:
        """Return what shows when a line was broadcast: its echo, or the first broadcast of it that
        came to others."""
        ties = self.came.get(line, {})
        if self.is_owed(line.client, line):
            return ties.get(line.client)
        return min(ties.values(), key=lambda tie: tie.unit.span.last, default=None)

    def is_last_for(self, line: Line, name: str) -> bool:
        """Whether nothing said after a line came to a client."""
        run = self.runs[name]
        if not run:
            return True
        if self.last_of[name].get(line.client, 0) > line.number:
            return False
        reached = self.reached[name]
        if line in self.came and self.log.component[line] in reached:
            return self.log.position[line] > reached[self.log.component[line]]
        return run[-1].line.t - line.t < TOGETHER

    def is_alone(self, line: Line) -> bool:
        """Whether the sender's previous message had come when this one was sent, so that the server
        could not read both at once."""
        lines = self.history.clients[line.client].messages
        place = bisect_left(lines, line.number, key=lambda one: one.number)
        return not place or self.first_came.get(lines[place - 1], line.begun) < line.begun

    def segments(self, line: Line) -> tuple[bytes, ...]:
        return self.history.clients[line.client].segments_of(line)

    @cached_property
    def given_pieces(self) -> frozenset[str]:
        """The clients that may have been sent a line in pieces, one a read, with nothing around
        them. Others' pieces may come in between, and nobody can tell what a text is made of."""
        dialect = self.history.start.dialect
        if dialect is None or not dialect.by_read or dialect.opening or dialect.tail:
            return frozenset()
        # What a server with a larger buffer reads at once is known to nobody.
        size = dialect.read_size if dialect.read_size < PLAIN.read_size else SMALLEST_READ
        messages = (line for client in self.clients for line in client.messages)
        long = [self.came.get(line, {}) for line in messages if len(line.octets) >= size]
        exact = {id(tie.unit) for tie in self.matching.ties() if tie.exact}
        return frozenset(
            client.name
            for client in self.clients
            if any(client.name not in ties or not ties[client.name].exact for ties in long)
            and any(id(unit) not in exact for unit in client.units)
        )

    def stopping_of(self, client: ClientHistory) -> int | None:
        """Return the transcript's line of the stop by which the server ended a connection; None if
        it was no stop. A server may be stopped several times, and started again in between."""
        told = None
        for at, event in self.history.server:
            if client.ended is None or at > client.ended:
                break
            if isinstance(event, Stopping):
                told = at
            elif isinstance(event, Restarted):
                told = None
        return told if client.was_ended_by_server else None

    def stop_that_lost(self, line: Line, client: ClientHistory) -> int | None:
        """Return the transcript's line of the stop before which a client had still to receive a
        line that did not come; None if there is none."""
        stopping = self.stopping_of(client)
        if stopping is None or not self.is_last_for(line, client.name):
            return None
        if not client.stalls and line in self.came:
            waited = self.history.time(stopping) - self.history.time(self.first_came[line])
            return stopping if waited < ON_ITS_WAY else None
        return stopping

    def unseen(self, since: float, until: float) -> float:
        """Return how many seconds between two times the suite did not look."""
        overlaps = (
            min(until, away.t) - max(since, away.t - away.seconds) for away in self.history.aways
        )
        return sum(overlap for overlap in overlaps if overlap > 0)


def prepare(transcript: Transcript) -> Case:
    """Prepare a transcript for the checks: read it, tie what came to what was sent, and lay out the
    log."""
    history = read_history(transcript)
    matching = match(history)
    runs: dict[str, list[Tie]] = {}
    for name, ties in matching.runs.items():
        once: dict[Line, Tie] = {}
        for tie in ties:
            once.setdefault(tie.line, tie)
        runs[name] = list(once.values())
    orders = [[tie.line for tie in run] for run in runs.values()]
    if not history.has_echo:
        orders += _orders_of_senders(history, runs)
    return Case(history, matching, runs, lay_out(orders))


def _orders_of_senders(history: History, runs: dict[str, list[Tie]]) -> Iterator[list[Line]]:
    """Yield what is known of the place of lines that their sender does not receive: a line comes
    after the sender's last one, and after what the sender had received."""
    came = {tie.line for run in runs.values() for tie in run}
    for client in history.clients.values():
        own = [line for line in client.messages if line in came]
        yield own
        received = runs[client.name]
        ats = [tie.unit.span.last for tie in received]
        for line in own:
            if place := bisect_left(ats, line.begun):
                yield [received[place - 1].line, line]
