"""What one run of the suite made of one specimen, held against what that breaks."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Judged:
    """What one run of the suite made of one specimen.

    `found` names for each requirement found broken the scenarios that found it. `missed` are
    requirements it breaks that were not found, and of a legal one those that could not be told;
    `accused` those found that it does not break. `otherwise` are scenarios of whose transcript
    something else is found than in the run, where that was asked for. `legal`: it breaks nothing.
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
