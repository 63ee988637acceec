"""How the client under test is launched and used."""

import shlex
from dataclasses import dataclass
from typing import Final

from conformance.transcript.events import Way

SILENCE: Final = 8.0
"""Seconds of silence after leaving, by default."""


@dataclass(frozen=True, slots=True)
class Use:
    """How the client under test is used.

    `silence` is for how many seconds the server sends nothing after the client has left.
    """

    command: str
    way: Way = "terminal"
    leave: str = "/quit"
    raw: bool = False
    seed: int = 0
    factor: float = 1.0
    silence: float = SILENCE

    @property
    def options(self) -> str:
        """The command-line options that use a client in this way."""
        said: list[str] = {"terminal": [], "pipe": ["--pipe"], "jsonl": ["--adapter jsonl"]}[
            self.way
        ]
        said += [f"--leave {shlex.quote(self.leave)}"] if self.leave != "/quit" else []
        said += ["--raw"] if self.raw else []
        said += [f"--silence {self.silence:g}"] if self.silence != SILENCE else []
        said += [f"--timeout-factor {self.factor:g}"] if self.factor != 1 else []
        return " ".join(said)
