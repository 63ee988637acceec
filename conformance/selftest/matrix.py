"""The matrix of requirements and specimens: which broken specimen is caught by which scenarios, and
which legal ones pass. It is data, to keep and to compare.

What a specimen breaks stands in its code, so a kept matrix changes only with the specimens. A
specimen may be judged several times: a round counts as good if everything it breaks was found.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from conformance.report.model import Data
from conformance.selftest.judged import Judged
from conformance.selftest.pool import AGAIN
from conformance.specimens import every_specimen
from conformance.specimens.clients import client_specimens
from conformance.standard.requirements import requirements


class MatrixError(Exception):
    """An error in a file that should hold a matrix. The message says what is wrong."""


class SpecimenRow(Data):
    """One specimen, judged `rounds` times, with the expected result in `good` of them.

    The requirements in `breaks` must be found, those in `may_break` may be. `found` maps each
    requirement that was found broken to the scenarios that found it in any round. `missed` and
    `accused` are the errors of any round. A fault that shows by chance may be missed once in a
    hundred rounds.
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
        """Whether it was caught or passed almost every time, and never accused."""
        allowed = max(int(self.rounds > AGAIN), self.rounds // 100)
        return not self.accused and self.rounds - self.good <= allowed

    def cell(self, requirement: str) -> Literal["caught", "missed", "accused", "may", ""]:
        """Return the result for this specimen and one requirement."""
        if requirement in self.accused:
            return "accused"
        if requirement in self.missed and not self.is_good:
            return "missed"
        if requirement in self.breaks:
            return "caught"
        return "may" if requirement in self.found else ""


class Matrix(Data):
    """All rows, in the catalogue's order. `made` says which command and commit made a kept one."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    made: dict[str, str] = Field(default={}, exclude=True)
    specimens: list[SpecimenRow]

    @property
    def is_good(self) -> bool:
        """Whether every broken specimen was caught and nothing else was found."""
        return all(row.is_good for row in self.specimens)

    @property
    def tally(self) -> str:
        """The matrix summed up in one line."""
        broken = [row for row in self.specimens if not row.legal]
        legal = [row for row in self.specimens if row.legal]
        caught = [row for row in broken if row.is_good or not row.missed]
        whom = "clients" if self.is_of_clients else "servers"
        return (
            f"{len(caught)} of {len(broken)} broken {whom} caught, "
            f"{sum(row.is_good for row in legal)} of {len(legal)} legal ones passed, "
            f"{sum(bool(row.accused) for row in self.specimens)} accused of what they do not do"
        )

    @property
    def is_of_clients(self) -> bool:
        """Whether the specimens are clients."""
        return any(row.name in client_specimens() for row in self.specimens)

    def seen_failing(self) -> set[str]:
        """Return the requirements that some specimen was found to break."""
        return {id_ for row in self.specimens if row.is_good for id_ in row.breaks}


def lay_out_matrix(results: Iterable[Judged]) -> Matrix:
    """Make a matrix of the results of single runs."""
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
    """Read a matrix from a file; `MatrixError` if it holds none."""
    try:
        return Matrix.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MatrixError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise MatrixError(f"{path}: not a matrix: {error}") from None


def differences(kept: Matrix, now: Matrix) -> list[str]:
    """Return the differences between the kept matrix and the current one, in words.

    Only what a run must decide is compared: which specimens are caught and which pass. Which
    scenarios find a fault that shows only now and then is chance, and so is what follows from it.
    """
    before = {row.name: row for row in kept.specimens}
    after = {row.name: row for row in now.specimens}
    said = [f"{name} is not in the kept matrix" for name in after if name not in before]
    said += [f"{name} is no longer a specimen" for name in before if name not in every_specimen()]
    for name in after:
        if name not in before:
            continue
        for one in requirements().values():
            was, is_ = before[name].cell(one.id), after[name].cell(one.id)
            if was != is_ and {was, is_} != {"may", ""}:
                said.append(f"{name}, {one.id}: {was or 'nothing'} before, {is_ or 'nothing'} now")
    return said
