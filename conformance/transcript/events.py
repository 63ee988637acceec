"""The events of one scenario: every octet, on every client, and what happened to the server.

If a client is under test, the suite is the server, and the names keep their meaning: `Sent` is what
the client sent, `Received` what it was sent. What was typed into it and what it printed are events,
too.

A transcript is a list of events in the order in which they happened. The oracle sees nothing else.
As a file it is JSON lines, one event a line. Octets are written as the Latin-1 characters of the
same numbers, so that ASCII can be read and nothing is lost; long octets that say little are written
in pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from conformance.dialect.model import Dialect
from conformance.transcript.compression import Piece


def _to_octets(value: object) -> object:
    return value.encode("latin-1") if isinstance(value, str) else value


Octets = Annotated[
    bytes,
    BeforeValidator(_to_octets, json_schema_input_type=str | list[Piece]),
    PlainSerializer(lambda octets: octets.decode("latin-1"), return_type=str),
]


Number = Annotated[float, Field(ge=-1e11, le=1e11)]


@dataclass(frozen=True, slots=True)
class Start:
    """The scenario begins.

    This event has all that the oracle must know of the run. `wall`: the clock of the suite's
    machine at t = 0, in seconds since the epoch. `same_clock`: the server reads the same clock.
    `exclusive`: only this suite talks to the server. `addresses`: whether the server sees clients
    under the addresses that they have here. `capacity`: the members for which the server is known
    to have room. `stops`: the ways to stop the server that it is known to offer; empty if unknown.
    `earlier`: labels of clients of earlier scenarios; `words`: how the suite's words began there.
    `factor`: what deadlines are multiplied by. `zone`: the quarter hours by which headers in
    earlier scenarios differed from UTC, if known. `dialect`: what the server speaks, if that is not
    the wire format. `broken`: the requirements that were found broken before; no other can fail
    after a shortened wait. `watched`: `watch` recorded what real clients said, not the suite's own.
    """

    t: Number
    scenario: str
    requirements: tuple[str, ...]
    protocol: str
    suite: str
    seed: int
    target: str
    wall: Number
    same_clock: bool
    exclusive: bool
    addresses: Literal["same", "translated", "unsure"]
    capacity: int | None
    stops: tuple[str, ...]
    factor: Number
    earlier: tuple[str, ...]
    zone: int | None = None
    dialect: Dialect | None = None
    words: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    watched: bool = False
    event: Literal["start"] = "start"


@dataclass(frozen=True, slots=True)
class Connected:
    """A client connected. `label` is the SENDER that the server should give it, if that is known
    here; `node` the number of the room's node, if there are several."""

    t: Number
    client: str
    label: str | None
    node: int | None = None
    event: Literal["connected"] = "connected"


@dataclass(frozen=True, slots=True)
class Refused:
    """A client could not connect."""

    t: Number
    client: str
    error: str
    event: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True)
class Sent:
    """One segment was given to the kernel, to exercise these requirements. `t` is the time before
    that."""

    t: Number
    client: str
    octets: Octets
    exercises: tuple[str, ...] = ()
    event: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True)
class Received:
    """One read returned these octets. `t` is the time after it."""

    t: Number
    client: str
    octets: Octets
    event: Literal["received"] = "received"


@dataclass(frozen=True, slots=True)
class Ended:
    """The server's orderly end of stream came."""

    t: Number
    client: str
    event: Literal["ended"] = "ended"


@dataclass(frozen=True, slots=True)
class Reset:
    """The server reset the connection."""

    t: Number
    client: str
    event: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class HalfClosed:
    """The client shut its writing side."""

    t: Number
    client: str
    event: Literal["halfclosed"] = "halfclosed"


@dataclass(frozen=True, slots=True)
class Aborted:
    """The client reset the connection. `after_end`: its end of stream had reached the server's
    system before."""

    t: Number
    client: str
    after_end: bool = False
    event: Literal["aborted"] = "aborted"


@dataclass(frozen=True, slots=True)
class Vanished:
    """From now on the client's system sends nothing, and answers nothing."""

    t: Number
    client: str
    event: Literal["vanished"] = "vanished"


@dataclass(frozen=True, slots=True)
class Sought:
    """The server's system was observed for `seconds`, to see whether it gives up a vanished client;
    `found`: it did."""

    t: Number
    client: str
    seconds: Number
    found: bool
    event: Literal["sought"] = "sought"


@dataclass(frozen=True, slots=True)
class Stalled:
    """The client stopped reading."""

    t: Number
    client: str
    event: Literal["stalled"] = "stalled"


@dataclass(frozen=True, slots=True)
class Resumed:
    """The client reads again."""

    t: Number
    client: str
    event: Literal["resumed"] = "resumed"


FLOOD: Final = "an end of what is sent unasked"
"""What a client waited for that received, without an end, octets that nobody owed it."""
THE_END: Final = "the end of the connection"
"""Value of `Waited.what` for an end of the connection."""


@dataclass(frozen=True, slots=True)
class Waited:
    """A deadline passed after `seconds` without anything: `what` did not come. `shortened`: the
    wait was not a full one, since the suite had waited in vain for the server before."""

    t: Number
    client: str
    what: str
    seconds: Number
    exercises: tuple[str, ...] = ()
    shortened: bool = False
    event: Literal["waited"] = "waited"


@dataclass(frozen=True, slots=True)
class Away:
    """The suite did not look for `seconds`, up to now: the machine did not let it run, or it was
    busy elsewhere."""

    t: Number
    seconds: Number
    event: Literal["away"] = "away"


@dataclass(frozen=True, slots=True)
class Settled:
    """A fence is complete: all that the room had said has reached these clients."""

    t: Number
    clients: tuple[str, ...]
    event: Literal["settled"] = "settled"


@dataclass(frozen=True, slots=True)
class Stopping:
    """The server was told to stop: `sigterm`, `sigint` or `console`."""

    t: Number
    way: str
    event: Literal["stopping"] = "stopping"


@dataclass(frozen=True, slots=True)
class Exited:
    """The process under test ended: the server's or this client's. `status` is negative if a signal
    ended it."""

    t: Number
    status: int
    client: str | None = None
    event: Literal["exited"] = "exited"


@dataclass(frozen=True, slots=True)
class Running:
    """The server's process had not ended after `seconds` of waiting for it."""

    t: Number
    seconds: Number
    event: Literal["running"] = "running"


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server was launched again, on the same address unless that had failed before. `error`
    says why it failed this time."""

    t: Number
    error: str | None
    event: Literal["restarted"] = "restarted"


@dataclass(frozen=True, slots=True)
class Rival:
    """A second server was launched on the address in use. `status` is None if it did not end within
    `seconds`; `output` is what it printed."""

    t: Number
    seconds: Number
    status: int | None
    output: str
    address: str
    event: Literal["rival"] = "rival"


@dataclass(frozen=True, slots=True)
class InputEnded:
    """The standard input of the server, or of this client, was ended."""

    t: Number
    client: str | None = None
    event: Literal["inputended"] = "inputended"


@dataclass(frozen=True, slots=True)
class Rested:
    """Nothing was said to the server, or to this client, for `seconds`; time in which it was not
    let run is left out. Its processes used `cpu_s` seconds of processor time."""

    t: Number
    seconds: Number
    cpu_s: Number
    client: str | None = None
    event: Literal["rested"] = "rested"


@dataclass(frozen=True, slots=True)
class Limited:
    """From now on the server's processes can open no more descriptors; if this has `ended`, they
    can again."""

    t: Number
    ended: bool
    event: Literal["limited"] = "limited"


@dataclass(frozen=True, slots=True)
class Halted:
    """From now on the server's processes are halted; if this has `ended`, they run again."""

    t: Number
    ended: bool
    event: Literal["halted"] = "halted"


KILLED: Final = "killed"
"""The name of the fault that ends a node: its members are lost with it."""


@dataclass(frozen=True, slots=True)
class Faulted:
    """A fault was injected into a node, or, if that is None, into what the nodes share; if it has
    `healed`, the fault is over. `name`: `KILLED`, `paused`, `replaced`, `cut-off`, or a name of the
    profile."""

    t: Number
    name: str
    node: int | None
    healed: bool
    event: Literal["faulted"] = "faulted"


@dataclass(frozen=True, slots=True)
class Counted:
    """This many clients joined and left; after that the server's processes had this many
    descriptors open."""

    t: Number
    members: int
    descriptors: int
    event: Literal["counted"] = "counted"


@dataclass(frozen=True, slots=True)
class Printed:
    """What the server's process has printed since the last such event; of a long output, both
    ends."""

    t: Number
    text: str
    event: Literal["printed"] = "printed"


Way = Literal["terminal", "pipe", "jsonl"]
"""How a client under test is used: at a terminal, by standard input and output, or by an adapter
that speaks JSON lines."""


@dataclass(frozen=True, slots=True)
class Launched:
    """The client under test was started, on a terminal of this many columns and rows if it has one.
    `leave` is its stated way to leave; `raw`: it does not know the protocol."""

    t: Number
    client: str
    command: str
    way: Way
    columns: int
    rows: int
    leave: str
    raw: bool
    event: Literal["launched"] = "launched"


@dataclass(frozen=True, slots=True)
class Typed:
    """Something was typed into the client under test: a whole line, a part of one, several lines
    pasted at once, a line without its end, its way to leave, or a line of octets that are not
    UTF-8, with U+FFFD in their place."""

    t: Number
    client: str
    text: str
    how: Literal["line", "part", "pasted", "unended", "leave", "octets"]
    event: Literal["typed"] = "typed"


@dataclass(frozen=True, slots=True)
class Shown:
    """The client under test printed these octets."""

    t: Number
    client: str
    octets: Octets
    stream: Literal["output", "errors"] = "output"
    event: Literal["shown"] = "shown"


@dataclass(frozen=True, slots=True)
class Skipped:
    """The scenario could not be played here: a typed reason, and its words."""

    t: Number
    reason: str
    detail: str
    event: Literal["skipped"] = "skipped"


@dataclass(frozen=True, slots=True)
class Finish:
    """The scenario is over. `interrupted` says why, if it did not reach its own end."""

    t: Number
    interrupted: str | None = None
    event: Literal["finish"] = "finish"


Event = Annotated[
    Start
    | Connected
    | Refused
    | Sent
    | Received
    | Ended
    | Reset
    | HalfClosed
    | Aborted
    | Vanished
    | Sought
    | Stalled
    | Resumed
    | Waited
    | Away
    | Settled
    | Stopping
    | Exited
    | Running
    | Restarted
    | Rival
    | InputEnded
    | Rested
    | Limited
    | Halted
    | Counted
    | Faulted
    | Printed
    | Launched
    | Typed
    | Shown
    | Skipped
    | Finish,
    Field(discriminator="event"),
]

Transcript = Sequence[Event]
