"""The result of one run of the suite on one specimen."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of one run of the suite on one specimen.

    `found` maps each requirement that was found broken to the scenarios that found it. `missed`
    are the requirements that it breaks and no scenario found; for a legal specimen, those left
    undecided. `accused` are the requirements found broken that it does not break. `otherwise` are
    the scenarios whose transcript, judged again, gives other findings, if that was tried.
    `legal`: it breaks nothing.
    """

    name: str
    found: dict[str, list[str]]
    missed: list[str]
    accused: list[str]
    seconds: float
    otherwise: list[str] = field(default_factory=list)
    legal: bool = False

    @property
    def outcome(self) -> Literal["caught", "passed", "missed", "accused"]:
        if self.missed:
            return "missed"
        if self.accused:
            return "accused"
        return "passed" if self.legal else "caught"
