"""The teardown check: a scenario's clients leave, and newcomers show if the server is sound."""

from contextlib import suppress
from dataclasses import replace

from conformance.driver.interruption import OutOfTime, Stuck
from conformance.driver.stage import Stage
from conformance.timing.policy import HELD, NEWCOMER, PATIENCE
from conformance.transcript.events import THE_END, Event, Refused, Waited


class Aftermath:
    """The teardown check of one stage.

    `visitors` are the labels of the newcomers, and `words` what their words began with. `held`: the
    server did not close everybody's connection. `deserts`: whether newcomers could not chat; None
    if that was not tried. Clients of a server that is known to be `holding` leave by resets, and
    such a server is sound even if it holds newcomers too.
    """

    def __init__(self, stage: Stage, *, holding: bool = False) -> None:
        self._stage = stage
        self._holding = holding
        self.visitors: list[str] = []
        self.words: list[str] = []
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
            seed=len(self.visitors),
            factor=start.factor * NEWCOMER / PATIENCE,
        )
        stage = Stage(self._stage.address, hasty, limit=self._stage.limit)
        try:
            stage.play(lambda: stage.fence(*stage.join(2)))
            if in_order:
                with suppress(OutOfTime):
                    _let_leave(stage)
            held = in_order and stage.knows_the_end and any(stage.open_clients())
        finally:
            stage.close()
        self.visitors += stage.labels
        self.words.append(stage.nonce_stem)
        return stage.interrupted is None and not held

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
