"""What a run has learnt of its server so far, shared by the lanes that play its scenarios."""

import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from conformance.standard.requirements import Level, requirements
from conformance.timing.limit import TimeLimit
from conformance.timing.patience import Patience


@dataclass
class Course:
    """One run as it goes on.

    `limit`: when it is over at the latest. `broken`: the requirements found broken so far.
    `no_message_came`: no message comes to its sender, or none to anybody else, so that nothing more
    can be learnt. `is_foreign`: what came has not the form of chatproto/1, so that nothing more can
    be told. `has_been_unsound`: a server that was no longer sound was shown to be so. `held`:
    how often a server did not let go of all who had left. `waits`: how long the server is waited
    for.
    """

    limit: TimeLimit = field(default_factory=TimeLimit)
    broken: set[str] = field(default_factory=set)
    no_message_came: bool = False
    is_foreign: bool = False
    has_been_unsound: bool = False
    held: int = 0
    waits: Patience = field(default_factory=Patience)
    _confirmed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _in_question: set[str] = field(default_factory=set, init=False)

    @contextmanager
    def confirming(self, requirements: Set[str]) -> Iterator[frozenset[str]]:
        """What is left to be shown to be broken, by a scenario that is played again with full
        waits. What one lane is about to show, no other need show: it waits to see."""
        with self._confirmed:
            self._confirmed.wait_for(lambda: not (requirements - self.broken) & self._in_question)
            left = frozenset(requirements - self.broken)
            self._in_question |= left
        try:
            yield left
        finally:
            with self._confirmed:
                self._in_question -= left
                self._confirmed.notify_all()

    @property
    def is_holding(self) -> bool:
        """Whether the server never lets go of who leaves, as it seems."""
        return self.held > 1

    @property
    def has_failed(self) -> bool:
        """Whether a MUST was found broken."""
        return any(requirements()[id_].level is Level.MUST for id_ in self.broken)
