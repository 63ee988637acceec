"""A program: what some clients do, step by step, as data that can be saved and played again.

Clients are named c1, c2 and so on, in the order in which they join. A text that must be told
from all others carries a mark, `marked(7)`, in whose place each performance puts a nonce of its
own of the same length, so that segments are cut alike every time.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError

from conformance.transcript.compression import Piece, read_octets, write_octets


def _to_octets(value: object) -> object:
    return value if isinstance(value, bytes) else read_octets(value, {})


Octets = Annotated[
    bytes,
    BeforeValidator(_to_octets, json_schema_input_type=str | list[Piece]),
    PlainSerializer(write_octets, return_type=str | list[Piece]),
]


@dataclass(frozen=True, slots=True)
class Join:
    """A client connects."""

    client: str
    step: Literal["join"] = "join"


@dataclass(frozen=True, slots=True)
class Send:
    """A client sends one segment."""

    client: str
    octets: Octets
    step: Literal["send"] = "send"


@dataclass(frozen=True, slots=True)
class HalfClose:
    """A client shuts its writing side."""

    client: str
    step: Literal["half-close"] = "half-close"


@dataclass(frozen=True, slots=True)
class ResetStep:
    """A client breaks off its connection."""

    client: str
    step: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class Stall:
    """A client stops reading."""

    client: str
    step: Literal["stall"] = "stall"


@dataclass(frozen=True, slots=True)
class Resume:
    """A client reads again."""

    client: str
    step: Literal["resume"] = "resume"


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody does anything for some seconds, or less where an answer comes."""

    seconds: float
    step: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True)
class Fence:
    """Every client that chats says a word, and waits until it has read the words of all."""

    step: Literal["fence"] = "fence"


Step = Annotated[
    Join | Send | HalfClose | ResetStep | Stall | Resume | Pause | Fence,
    Field(discriminator="step"),
]


@dataclass(frozen=True, slots=True)
class Program:
    """`steps` in order; `requirement` is the one it was saved for, if it broke any."""

    steps: tuple[Step, ...]
    requirement: str | None = None
    program: Literal[1] = 1

    def with_nonces(self, stem: str) -> "Program":
        """This program with nonces in place of its marks."""
        streams: dict[str, bytes] = defaultdict(bytes)
        for step in self.steps:
            if isinstance(step, Send):
                streams[step.client] += step.octets
        for client, octets in streams.items():
            streams[client] = octets.replace(_MARK, f"{stem}x".encode())
        lengths: dict[str, int] = defaultdict(int)
        steps: list[Step] = []
        for step in self.steps:
            if isinstance(step, Send):
                start = lengths[step.client]
                lengths[step.client] = end = start + len(step.octets)
                step = replace(step, octets=streams[step.client][start:end])
            steps.append(step)
        return replace(self, steps=tuple(steps))


_MARK: Final = b"n______x"


def marked(number: int) -> bytes:
    """Return the octets in whose place a nonce goes, as long as one."""
    return _MARK + b"5%04dz" % number


class ProgramError(Exception):
    """A file is no program; the message says what is wrong with it."""


_PROGRAM: Final[TypeAdapter[Program]] = TypeAdapter(Program)


def save(program: Program, path: Path) -> None:
    """Write a program as JSON, a step a line."""
    fields = _PROGRAM.dump_python(program, mode="json")
    steps = ",\n".join(json.dumps(step, ensure_ascii=True) for step in fields.pop("steps"))
    head = json.dumps(dict(sorted(fields.items())))[:-1]
    path.write_text(f'{head}, "steps": [\n{steps}\n]}}\n', encoding="utf-8")


def load(path: Path) -> Program:
    """Read a program; `ProgramError` where the file is none."""
    try:
        program = _PROGRAM.validate_json(path.read_bytes())
    except OSError as error:
        raise ProgramError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        [first, *_] = error.errors()
        where = ".".join(map(str, first["loc"]))
        raise ProgramError(f"{path}: not a program: {where}: {first['msg']}") from None
    for number, problem in _problems(program):
        raise ProgramError(f"{path}: not a program: steps.{number}: {problem}")
    return program


def _problems(program: Program) -> Iterator[tuple[int, str]]:
    """Return what cannot be done: clients that join twice, or act before they join."""
    names = deque(f"c{number}" for number in range(1, len(program.steps) + 2))
    joined: set[str] = set()
    for number, step in enumerate(program.steps):
        match step:
            case Join(client=client):
                expected = names.popleft()
                if client != expected:
                    yield number, f"{client} joins, and the next to join is {expected}"
                joined.add(client)
            case Pause(seconds=seconds):
                if not 0 <= seconds <= MAX_PAUSE:
                    yield number, f"a pause is from 0 to {MAX_PAUSE:g} seconds"
            case Fence():
                pass
            case _:
                if step.client not in joined:
                    yield number, f"{step.client} has not joined"


MAX_PAUSE: Final = 10.0
"""Seconds that a pause lasts at most."""


def summary(program: Program) -> str:
    """Sum up a program: how many clients, steps and octets."""
    clients = sum(isinstance(step, Join) for step in program.steps)
    octets = sum(len(step.octets) for step in program.steps if isinstance(step, Send))
    return f"{clients} clients, {len(program.steps)} steps, {octets:,} octets sent"


def describe(program: Program) -> Iterator[str]:
    """Describe the steps of a program, a line each."""
    for number, step in enumerate(program.steps, 1):
        match step:
            case Send(client=client, octets=octets):
                shown = repr(octets)[1:] if len(octets) <= 80 else f"{octets[:60]!r}… {len(octets)}"
                yield f"{number:3} {client} sends {shown}"
            case Pause(seconds=seconds):
                yield f"{number:3} pause {seconds:g} s"
            case Fence():
                yield f"{number:3} all say a word and hear all"
            case _:
                yield f"{number:3} {step.client} {_VERBS[step.step]}"


_VERBS: Final = {
    "join": "joins",
    "half-close": "shuts its writing side",
    "reset": "resets",
    "stall": "stops reading",
    "resume": "reads again",
}
