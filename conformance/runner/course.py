"""What a run has learnt of its server so far, shared by the lanes that play its scenarios."""

import threading
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
    for. `confirming` is held while a scenario is played again with full waits: what one shows to be
    broken, no other need show.
    """

    limit: TimeLimit = field(default_factory=TimeLimit)
    broken: set[str] = field(default_factory=set)
    no_message_came: bool = False
    is_foreign: bool = False
    has_been_unsound: bool = False
    held: int = 0
    waits: Patience = field(default_factory=Patience)
    confirming: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_holding(self) -> bool:
        """Whether the server never lets go of who leaves, as it seems."""
        return self.held > 1

    @property
    def has_failed(self) -> bool:
        """Whether a MUST was found broken."""
        return any(requirements()[id_].level is Level.MUST for id_ in self.broken)
