"""The teardown check: a scenario's clients leave, and newcomers show if the server is sound."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from conformance.driver.interruption import OutOfTime, Stuck
from conformance.driver.stage import Stage
from conformance.timing.policy import HELD, NEWCOMER, PATIENCE
from conformance.transcript.events import (
    THE_END,
    Aborted,
    Connected,
    Ended,
    Event,
    HalfClosed,
    Received,
    Refused,
    Reset,
    Sent,
    Settled,
    Waited,
)


class Aftermath:
    """The teardown check of one stage.

    `visitors` are the labels of the newcomers, and `words` what their words began with. `held`: the
    server did not close everybody's connection. `deserts`: whether newcomers could not chat; None
    if that was not tried. `visits` is what newcomers did, if the first of them could chat. Clients
    of a server that is known to be `holding` leave by resets, and such a server is sound even if it
    holds newcomers too.
    """

    def __init__(self, stage: Stage, *, holding: bool = False) -> None:
        self._stage = stage
        self._holding = holding
        self.visitors: list[str] = []
        self.words: list[str] = []
        self.visits: list[Event] = []
        self.held = False
        self.deserts: bool | None = None

    def let_all_leave(self) -> list[Event]:
        """Let every client leave, and wait until the server has closed their connections.

        Then nothing of this scenario can reach the clients of the next.

        Returns:
            What happened meanwhile, which is not in the transcript.
        """
        with self._stage.aside() as leaving, suppress(OutOfTime):
            _let_leave(self._stage, holding=self._holding)
            self.held = any(self._stage.open_clients())
            if self._holding:
                for client in list(self._stage.open_clients()):
                    client.reset()
        return leaving

    def is_sound(self) -> bool:
        """Whether two newcomers can chat, and two more after these have gone."""
        if any(map(self._is_doubtful, self._stage.transcript)):
            return False
        self.deserts = not self._can_chat(in_order=False)
        if self.deserts:
            self.visits.clear()
        return not self.deserts and (self._holding or self._can_chat(in_order=True))

    def _is_doubtful(self, event: Event) -> bool:
        if isinstance(event, Waited):
            return not (self._holding and event.what == THE_END)
        return isinstance(event, Refused)

    def _can_chat(self, *, in_order: bool) -> bool:
        """Whether two newcomers can chat; and with `in_order`, whether the server then closes their
        connections."""
        start = self._stage.start
        hasty = replace(
            start,
            scenario=f"{start.scenario}, and then",
            seed=len(self.words),
            factor=start.factor * NEWCOMER / PATIENCE,
        )
        since = self._stage.now()
        stage = Stage(self._stage.address, hasty, limit=self._stage.limit)
        try:
            stage.play(lambda: stage.fence(*stage.join(2)))
            if in_order:
                with suppress(OutOfTime):
                    _let_leave(stage)
            held = in_order and stage.knows_the_end and any(stage.open_clients())
            self.visits += [*self._as_visits(stage, since)]
        finally:
            stage.close()
        self.visitors += stage.labels
        self.words.append(stage.nonce_stem)
        return stage.interrupted is None and not held

    def _as_visits(self, stage: Stage, since: float) -> Iterator[Event]:
        """Yield what newcomers did on a stage of their own, with names and times as they would have
        on the scenario's. What they waited for, which was not for long, is left out."""
        gone = (Aborted(stage.now(), client.name) for client in stage.open_clients())
        before = sum(isinstance(event, Connected | Refused) for event in self.visits)

        def visitor(name: str) -> str:
            return f"v{before + int(name[1:])}"

        for event in (*stage.transcript, *gone):
            t = round(since + event.t, 6)
            match event:
                case (
                    Connected(client=client)
                    | Refused(client=client)
                    | Sent(client=client)
                    | Received(client=client)
                    | Ended(client=client)
                    | Reset(client=client)
                    | HalfClosed(client=client)
                    | Aborted(client=client)
                ):
                    yield replace(event, t=t, client=visitor(client))
                case Settled(clients=clients):
                    yield replace(event, t=t, clients=tuple(map(visitor, clients)))
                case _:
                    pass

    def show(self, leaving: list[Event]) -> None:
        """Add to the transcript how the clients left, and how two newcomers chat and leave: that is
        what the check found doubtful. Members that are still there may have heard the newcomers of
        the check."""
        stage = self._stage
        stage.transcript.extend(leaving)
        heard = stage.start.earlier + tuple(self.visitors)
        words = stage.start.words + tuple(self.words)
        stage.start = replace(stage.start, earlier=heard, words=words)
        try:
            pair = stage.join(2)
            stage.fence(*pair)
            for newcomer in pair:
                newcomer.half_close()
                if stage.knows_the_end:
                    stage.await_end(newcomer)
        except Stuck as stuck:
            stage.interrupted = str(stuck)


def _let_leave(stage: Stage, *, holding: bool = False) -> None:
    for client in list(stage.open_clients()):
        client.half_close()
    stage.let(
        lambda: all(stage.is_flooded(one) for one in stage.open_clients()),
        min(HELD, stage.patience_to_leave) if holding else stage.patience_to_leave,
    )
