"""What a run has learnt of its server so far, shared by the lanes that play its scenarios."""

import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from conformance.standard.requirements import Level, requirements
from conformance.timing.limit import TimeLimit
from conformance.timing.patience import Patience

_DESERTED: Final = 3
"""Teardown checks in succession that newcomers cannot chat in, after which none is made."""


@dataclass
class Course:
    """What is known so far in one run.

    `limit`: its time limit. `broken`: the requirements found broken. `no_message_came`: messages
    reach nobody, or only their senders, so nothing more can be learnt. `is_foreign`: what came does
    not have the form of chatproto/1, so nothing more can be judged. `has_been_unsound`: one
    transcript has shown that a server was no longer sound. `held`: how often a server did not close
    the connections of all leavers. `deserted`: how many teardown checks in succession newcomers
    could not chat in, though the process went on. `waits`: how long to wait for the server.
    """

    limit: TimeLimit = field(default_factory=TimeLimit)
    broken: set[str] = field(default_factory=set)
    no_message_came: bool = False
    is_foreign: bool = False
    has_been_unsound: bool = False
    held: int = 0
    deserted: int = 0
    waits: Patience = field(default_factory=Patience)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _in_question: set[str] = field(default_factory=set, init=False)

    def is_in_question(self, requirements: Set[str]) -> bool:
        """Whether a lane is confirming one of these requirements."""
        with self._lock:
            return bool((requirements - self.broken) & self._in_question)

    @contextmanager
    def confirming(self, requirements: Set[str]) -> Iterator[frozenset[str] | None]:
        """Yield the requirements that still have to be confirmed as broken, by playing a scenario
        again with full waits; None if another lane is confirming one of them: nobody needs to
        confirm it twice."""
        with self._lock:
            left = frozenset(requirements - self.broken)
            if left & self._in_question:
                taken = None
            else:
                taken = left
                self._in_question |= left
        try:
            yield taken
        finally:
            if taken is not None:
                with self._lock:
                    self._in_question -= taken

    @property
    def is_holding(self) -> bool:
        """Whether the server seems never to close a leaver's connection."""
        return self.held > 1

    @property
    def is_spoilt_each_time(self) -> bool:
        """Whether each scenario seems to leave a server in which newcomers cannot chat, and one
        transcript shows it."""
        return self.has_been_unsound and self.deserted >= _DESERTED

    @property
    def has_failed(self) -> bool:
        """Whether a MUST was found broken."""
        return any(requirements()[id_].level is Level.MUST for id_ in self.broken)
