"""Known failures: a file that pins each of them, and the comparison of a run with it.

A known failure must still occur, with the pinned message. If it passes, or fails with another
message, that is an error. The file is TOML, with one `[[failure]]` for each requirement::

    [[failure]]
    requirement = "QUIT-3"
    reason = "issue 12: the last read is dropped"    # for people
    sometimes = false                                # true if it fails by chance only
    pins = [
      { expected = "cN's line N broadcast to every member, once", actual = "nobody received it" },
    ]

Random words, clients and numbers vary between runs, and are written as WORD, cN and N. Each failure
of a scenario must match one of the pins of its requirement. Failures in generated programs depend
on the seed and need not match; a requirement that only they found broken is written with
`sometimes`.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError, field_validator

from conformance.dialect.model import Table
from conformance.oracle import Outcome
from conformance.report.build import undeclared, verdict_of
from conformance.report.model import FindingReport, Report, RequirementReport, Verdict
from conformance.report.octets import visible
from conformance.standard.requirements import requirements

_WORD: Final = re.compile(r"\bn[0-9a-f]{6}(?:x\d{5}z?)?|zq[b-z]{4}[2-9]{2}")
_CLIENT: Final = re.compile(r"\bc\d+\b")
_NUMBER: Final = re.compile(r"(?<!\bstatus )(?<!\bsignal )(?<![A-Z]-)\d+(?:[.,]\d+)*")
_GENERATED: Final = "gen/"


class KnownFailuresError(Exception):
    """An error in a file of known failures. The message names the file and the error."""


class Pin(Table):
    """The message of a finding, without the parts that vary between runs."""

    expected: str
    actual: str

    @field_validator("expected", "actual")
    @classmethod
    def _is_general(cls, value: str) -> str:
        return general(value)

    @classmethod
    def of(cls, finding: FindingReport) -> "Pin":
        return cls(expected=finding.expected, actual=finding.actual)

    def __str__(self) -> str:
        return f"expected {self.expected}; actual {self.actual}"


class KnownFailure(Table):
    """A requirement that is known to be broken.

    `reason` is for people. One that fails only `sometimes` may pass too.
    """

    requirement: str
    reason: str = ""
    sometimes: bool = False
    pins: tuple[Pin, ...]

    @field_validator("requirement")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in requirements():
            nearest = difflib.get_close_matches(value, requirements(), n=1, cutoff=0.0)[0]
            raise ValueError(f"no requirement {value!r}; the nearest is {nearest}")
        return value


class KnownFailures(Table):
    """The contents of a file of known failures."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    failure: tuple[KnownFailure, ...] = ()

    def has(self, finding: FindingReport, scenario: str) -> bool:
        """Whether a finding matches one of the pins."""
        return any(
            one.requirement == finding.requirement
            and (_is_generated(scenario) or Pin.of(finding) in one.pins)
            for one in self.failure
        )


@dataclass(frozen=True, slots=True)
class Held:
    """The comparison of a run with a file of known failures.

    `as_known` are the requirements that fail as the file says, `passed` those that passed although
    they are known to fail. `otherwise` are failures that match no pin: the entry of the file, the
    new message, and the scenario. `untold` are known failures that this run could not decide.
    `rest` is the verdict if the requirements in `as_known` count as passed.
    """

    path: Path
    as_known: tuple[str, ...]
    passed: tuple[str, ...]
    otherwise: tuple[tuple[KnownFailure, Pin, str], ...]
    untold: tuple[str, ...]
    rest: Verdict

    @property
    def holds(self) -> bool:
        """Whether every known failure still occurs as it is pinned."""
        return not self.passed and not self.otherwise

    @property
    def is_as_known(self) -> bool:
        """Whether every failure is known, and every known failure occurs."""
        return self.holds and self.rest is Verdict.CONFORMANT


def general(text: str) -> str:
    """Replace what varies between runs in a finding's message by WORD, cN and N."""
    text = visible(text.encode("utf-8", "backslashreplace").decode())
    text = _NUMBER.sub("N", _CLIENT.sub("cN", _WORD.sub("WORD", text)))
    return "; ".join(dict.fromkeys(text.split("; ")))


def hold(known: KnownFailures, path: Path, report: Report) -> Held:
    """Compare a run with the known failures in the file at `path`.

    Failures that the profile declares count as known.
    """
    status = {one.id: one.status for one in report.requirements if not one.is_only_declared}
    as_known, passed, untold = [], [], []
    otherwise: dict[tuple[str, Pin], tuple[KnownFailure, Pin, str]] = {}
    for one in known.failure:
        match status.get(one.requirement):
            case "fail":
                as_known.append(one.requirement)
            case "pass" if not one.sometimes:
                passed.append(one.requirement)
            case "pass":
                pass
            case _:
                untold.append(one.requirement)
        for scenario, finding in _failures(report, one.requirement):
            if not known.has(finding, scenario):
                pin = Pin.of(finding)
                otherwise.setdefault((one.requirement, pin), (one, pin, scenario))
    rest = [_excused(one, as_known) for one in undeclared(report.requirements)]
    return Held(
        path=path,
        as_known=tuple(as_known),
        passed=tuple(passed),
        otherwise=tuple(otherwise.values()),
        untold=tuple(untold),
        rest=verdict_of(rest, report.interrupted),
    )


def _is_generated(scenario: str) -> bool:
    return scenario.startswith(_GENERATED)


def _excused(one: RequirementReport, as_known: list[str]) -> RequirementReport:
    return one.model_copy(update={"status": "pass"}) if one.id in as_known else one


def _failures(report: Report, requirement: str) -> Iterator[tuple[str, FindingReport]]:
    for result in report.scenarios:
        for finding in result.findings:
            if finding.requirement == requirement and finding.outcome is Outcome.FAIL:
                yield result.id, finding


def held_lines(held: Held) -> Iterator[str]:
    """Say in words how a run compares with the known failures, and what to do about it."""
    if held.as_known:
        yield f"known: {' '.join(held.as_known)} ({held.path})"
    for id_ in held.passed:
        yield (
            f"{id_} is known to fail, but passed: remove its [[failure]] from {held.path}, or set "
            "sometimes = true there if it fails by chance only"
        )
    for one, pin, scenario in held.otherwise:
        yield f"{one.requirement} is known to fail, but with another message in {scenario}:"
        for pinned in one.pins or ("nothing",):
            yield f"  pinned  {pinned}"
        yield f"  now     {pin}"
    if held.otherwise:
        yield f"fix that, or pin it too: --write-known-failures {held.path}"
    if held.untold:
        yield f"known to fail, but not decided by this run: {' '.join(held.untold)}"


def load_known_failures(path: Path) -> KnownFailures:
    """Read a file of known failures; `KnownFailuresError` if it holds none."""
    try:
        return KnownFailures.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise KnownFailuresError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnownFailuresError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems[:3]]
        raise KnownFailuresError(
            f"{path}: not a file of known failures: {'; '.join(said)}"
        ) from None


def written(report: Report, before: KnownFailures) -> str:
    """Write the failures of a run as a file of known failures.

    Reasons of the file as it was `before` are kept. So are the pins of requirements that still
    fail, since a single run may not show all messages, and all entries that this run did not
    decide. A requirement that only generated programs found broken is written with `sometimes`.
    """
    kept = {one.requirement: one for one in before.failure}
    lines = [
        "# Known failures, for --known-failures. Each must still occur with a pinned message.",
        "# WORD, cN and N stand for what varies between runs.",
        "schema = 1",
    ]
    for one in report.requirements:
        was = kept.get(one.id, KnownFailure(requirement=one.id, pins=()))
        pins = dict.fromkeys(was.pins)
        sometimes = was.sometimes
        if one.is_only_declared:
            continue
        if one.status == "fail":
            failures = list(_failures(report, one.id))
            pins.update(dict.fromkeys(Pin.of(finding) for _, finding in failures))
            sometimes = sometimes or all(_is_generated(scenario) for scenario, _ in failures)
        elif one.id not in kept or (one.status == "pass" and not was.sometimes):
            continue
        lines += ["", "[[failure]]", f"requirement = {_quoted(one.id)}"]
        lines.append(f"reason = {_quoted(was.reason)}")
        if sometimes:
            lines.append("sometimes = true")
        lines.append("pins = [")
        lines += map(_line, pins)
        lines.append("]")
    return "\n".join(lines) + "\n"


def _line(pin: Pin) -> str:
    return f"  {{ expected = {_quoted(pin.expected)}, actual = {_quoted(pin.actual)} }},"


def _quoted(text: str) -> str:
    """Write a text as a basic string of TOML. JSON strings are such strings, except for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
