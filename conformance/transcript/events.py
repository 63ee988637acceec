"""What happened in one scenario: every octet, on every client, and what befell the server.

Where a client is under test, the suite is the server, and the words stay: `Sent` is what the client
sent, `Received` what it was sent. What was typed into it and what it printed stands there too.

A transcript is a list of events in the order they happened, the only thing the oracle sees.
As a file it is JSON lines, one event a line; octets are written as the Latin-1 characters of
the same numbers, so that what is ASCII can be read and nothing is lost, or in pieces, so that
what is long and says little is written small.
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
    """The scenario begins. What the oracle must know of the run stands here.

    `wall`: the clock of the suite's machine at t = 0, in seconds since the epoch. `same_clock`:
    the server reads the same clock. `exclusive`: nobody but this suite talks to the server.
    `addresses`: whether the server sees clients under the addresses they have here. `capacity`:
    the members the server is known to have room for. `stops`: the ways to stop the server that
    it is said to offer, empty where nothing is said. `earlier`: labels of clients of earlier
    scenarios, and `words` what the suite's words began with there. `factor`: what deadlines are
    multiplied by. `zone`: the quarter hours by which headers in earlier scenarios differed from
    UTC, if that is known. `dialect`: what the server speaks, where that is not the wire format.
    `broken`: the requirements that were found broken before; others cannot fail by a wait that was
    shortened. `watched`: `watch` recorded what real clients said, and not the suite's own.
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
    """A client's connection stands. `label` is the SENDER the server should give it, where it
    can be known from here; `node` the number of the node of the room, where there are several."""

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
    """One segment was handed to the kernel, to exercise these requirements. `t` is before."""

    t: Number
    client: str
    octets: Octets
    exercises: tuple[str, ...] = ()
    event: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True)
class Received:
    """One read gave these octets. `t` is after."""

    t: Number
    client: str
    octets: Octets
    event: Literal["received"] = "received"


@dataclass(frozen=True, slots=True)
class Ended:
    """The server's orderly end of stream."""

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
    """The client reset the connection. `after_end`: its end of stream had come to the server's
    system before."""

    t: Number
    client: str
    after_end: bool = False
    event: Literal["aborted"] = "aborted"


@dataclass(frozen=True, slots=True)
class Vanished:
    """From now on the client's system answers nothing that comes, and sends nothing."""

    t: Number
    client: str
    event: Literal["vanished"] = "vanished"


@dataclass(frozen=True, slots=True)
class Sought:
    """The server's system was looked at for `seconds`, to see whether it gives up a client that
    has vanished; `found`: it does."""

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
"""What a client waited for that received without an end what nobody owed it."""
THE_END: Final = "the end of the connection"
"""What a client waited for that waited for that."""


@dataclass(frozen=True, slots=True)
class Waited:
    """A deadline passed, with nothing come for `seconds`: `what` did not come. `shortened`: the
    wait was not a full one, since the server had let the suite wait in vain before."""

    t: Number
    client: str
    what: str
    seconds: Number
    exercises: tuple[str, ...] = ()
    shortened: bool = False
    event: Literal["waited"] = "waited"


@dataclass(frozen=True, slots=True)
class Away:
    """The suite did not look for `seconds`, up to now: it was not let run, or busy elsewhere."""

    t: Number
    seconds: Number
    event: Literal["away"] = "away"


@dataclass(frozen=True, slots=True)
class Settled:
    """A fence went through: all the room had said reached these clients."""

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
    """The process under test ended, the server's or this client's. `status` is negative where a
    signal ended it."""

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
    """The server was launched again, on the same address unless that had failed before; `error`
    says why it fails now."""

    t: Number
    error: str | None
    event: Literal["restarted"] = "restarted"


@dataclass(frozen=True, slots=True)
class Rival:
    """A second server was launched on the address in use. `status` is None where it did not
    end within `seconds`; `output` is what it printed."""

    t: Number
    seconds: Number
    status: int | None
    output: str
    address: str
    event: Literal["rival"] = "rival"


@dataclass(frozen=True, slots=True)
class InputEnded:
    """The standard input came to its end, the server's or this client's."""

    t: Number
    client: str | None = None
    event: Literal["inputended"] = "inputended"


@dataclass(frozen=True, slots=True)
class Rested:
    """Nothing was said to the server, or to this client, for `seconds`, those left out for which it
    was not let run. Its processes took `cpu_s` seconds of processor time."""

    t: Number
    seconds: Number
    cpu_s: Number
    client: str | None = None
    event: Literal["rested"] = "rested"


@dataclass(frozen=True, slots=True)
class Limited:
    """From now on the server's processes can open no more descriptors than they have, or can
    again, where this `ended`."""

    t: Number
    ended: bool
    event: Literal["limited"] = "limited"


@dataclass(frozen=True, slots=True)
class Halted:
    """From now on the server's processes are not let run, or are again, where this `ended`."""

    t: Number
    ended: bool
    event: Literal["halted"] = "halted"


KILLED: Final = "killed"
"""The fault of a node that ends: its members are lost with it."""


@dataclass(frozen=True, slots=True)
class Faulted:
    """A fault befell a node, or where that is None, what the nodes share; or it is over, where it
    has `healed`. `name`: `KILLED`, `paused`, `replaced`, `cut-off`, or as the profile has it."""

    t: Number
    name: str
    node: int | None
    healed: bool
    event: Literal["faulted"] = "faulted"


@dataclass(frozen=True, slots=True)
class Counted:
    """So many clients came, were members and went again; then the server's processes had this many
    descriptors open."""

    t: Number
    members: int
    descriptors: int
    event: Literal["counted"] = "counted"


@dataclass(frozen=True, slots=True)
class Printed:
    """What the server's process printed until now, since this was last noted; of much, the two
    ends."""

    t: Number
    text: str
    event: Literal["printed"] = "printed"


Way = Literal["terminal", "pipe", "jsonl"]
"""How a client under test is used: at a terminal, by standard input and output, or by an adapter
that speaks JSON lines."""


@dataclass(frozen=True, slots=True)
class Launched:
    """The client under test was started, on a terminal of so many columns and rows where it has
    one. `leave` is its stated way to leave; `raw`: it knows nothing of the protocol."""

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
    """The scenario could not be played here: a typed reason, and in words."""

    t: Number
    reason: str
    detail: str
    event: Literal["skipped"] = "skipped"


@dataclass(frozen=True, slots=True)
class Finish:
    """The scenario is over; `interrupted` says it did not come to its own end, and why."""

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
