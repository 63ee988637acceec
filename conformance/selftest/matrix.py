"""The matrix of requirements and specimens: which broken server is caught by what, and which
correct one is let pass, as data to keep and to compare.

A specimen judged several times is caught as often as everything it breaks was found; what it
is said to break follows from its own code, so that a matrix that holds changes only with that.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.selftest.judged import Judged
from conformance.selftest.pool import AGAIN
from conformance.specimens import every_specimen
from conformance.specimens.clients import client_specimens
from conformance.standard.requirements import requirements


class MatrixError(Exception):
    """A file is no matrix; the message says what is wrong with it."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SpecimenRow(_Model):
    """One specimen, judged `rounds` times, `good` of which were as they should be.

    `breaks` must be found, `may_break` may. `found` names for each requirement found broken the
    scenarios that ever found it; `missed` and `accused` what was not as it should be, ever.
    A fault that shows by chance may be missed once in a hundred runs.
    """

    name: str
    legal: bool
    breaks: list[str]
    may_break: list[str]
    rounds: int
    good: int
    found: dict[str, list[str]]
    missed: list[str]
    accused: list[str]

    @property
    def is_good(self) -> bool:
        """Whether it was caught almost every time, or let pass, and never accused."""
        allowed = max(int(self.rounds > AGAIN), self.rounds // 100)
        return not self.accused and self.rounds - self.good <= allowed

    def cell(self, requirement: str) -> Literal["caught", "missed", "accused", "may", ""]:
        """What is to be said of this specimen and a requirement."""
        if requirement in self.accused:
            return "accused"
        if requirement in self.missed and not self.is_good:
            return "missed"
        if requirement in self.breaks:
            return "caught"
        return "may" if requirement in self.found else ""


class Matrix(_Model):
    """All of it, in the catalogue's order. `made` says of one that is kept what made it."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    made: dict[str, str] = Field(default={}, exclude=True)
    specimens: list[SpecimenRow]

    @property
    def is_good(self) -> bool:
        """Whether every broken server was caught, and nothing else found."""
        return all(row.is_good for row in self.specimens)

    @property
    def tally(self) -> str:
        """The matrix in one line."""
        broken = [row for row in self.specimens if not row.legal]
        legal = [row for row in self.specimens if row.legal]
        caught = [row for row in broken if row.is_good or not row.missed]
        whom = "clients" if self.is_of_clients else "servers"
        return (
            f"{len(caught)} of {len(broken)} broken {whom} caught, "
            f"{sum(row.is_good for row in legal)} of {len(legal)} legal ones let pass, "
            f"{sum(bool(row.accused) for row in self.specimens)} accused of what they do not do"
        )

    @property
    def is_of_clients(self) -> bool:
        """Whether what was judged were clients."""
        return any(row.name in client_specimens() for row in self.specimens)

    def seen_failing(self) -> set[str]:
        """The requirements that some specimen was found to break."""
        return {id_ for row in self.specimens if row.is_good for id_ in row.breaks}


def lay_out_matrix(results: Iterable[Judged]) -> Matrix:
    """Put the judgements of specimens together."""
    of: dict[str, list[Judged]] = defaultdict(list)
    for result in results:
        of[result.name].append(result)
    return Matrix(specimens=[_row(name, of[name]) for name in every_specimen() if name in of])


def _row(name: str, results: list[Judged]) -> SpecimenRow:
    specimen = every_specimen()[name]
    found: dict[str, set[str]] = defaultdict(set)
    for result in results:
        for id_, by in result.found.items():
            found[id_].update(by)
    return SpecimenRow(
        name=name,
        legal=specimen.legal,
        breaks=sorted(specimen.breaks),
        may_break=sorted(specimen.may_break),
        rounds=len(results),
        good=sum(result.outcome in ("caught", "passed") for result in results),
        found={id_: sorted(found[id_]) for id_ in sorted(found)},
        missed=sorted({id_ for result in results for id_ in result.missed}),
        accused=sorted({id_ for result in results for id_ in result.accused}),
    )


def read_matrix(path: Path) -> Matrix:
    """Read a matrix; `MatrixError` where the file is none."""
    try:
        return Matrix.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MatrixError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise MatrixError(f"{path}: not a matrix: {error}") from None


def differences(kept: Matrix, now: Matrix) -> list[str]:
    """What is otherwise now than in the matrix that was kept, in words.

    Compared is what a run decides: who is caught and let pass. Which of several scenarios
    found a fault that shows now and then only, and what may follow from it, is chance.
    """
    before = {row.name: row for row in kept.specimens}
    after = {row.name: row for row in now.specimens}
    said = [f"{name} is not in the matrix that is kept" for name in after if name not in before]
    said += [f"{name} is no specimen any more" for name in before if name not in every_specimen()]
    for name in after:
        if name not in before:
            continue
        for one in requirements().values():
            was, is_ = before[name].cell(one.id), after[name].cell(one.id)
            if was != is_ and {was, is_} != {"may", ""}:
                said.append(f"{name}, {one.id}: {was or 'nothing'} before, {is_ or 'nothing'} now")
    return said
