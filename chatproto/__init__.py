"""chatproto/1 as a sans-IO library: octets and events in, octets and events out.

A server drives a `Room`; one that keeps its own room drives a `ServerConnection` for each
client; a client drives a `ClientConnection`. Nothing here opens a socket, starts a thread,
reads a clock or logs.
"""

from chatproto._version import __version__
from chatproto.client import ClientConnection, ClientEvent, ServerEnded
from chatproto.connection import ServerConnection
from chatproto.entry import Entry
from chatproto.errors import LocalProtocolError
from chatproto.events import (
    BlankReceived,
    EndOfStream,
    Event,
    Events,
    MessageReceived,
    QuitReceived,
    Violation,
)
from chatproto.limits import Limits
from chatproto.member import Member
from chatproto.replica import Replica, Standing
from chatproto.room import Delivery, Room
from chatproto.sender import ip_sender, unix_sender
from chatproto.states import TRANSITIONS, State, Step
from chatproto.text import Charset
from chatproto.wire import (
    Broadcast,
    Code,
    Heartbeat,
    Malformed,
    Notice,
    Unit,
    UnitReader,
    encode,
)

__all__ = [
    "TRANSITIONS",
    "BlankReceived",
    "Broadcast",
    "Charset",
    "ClientConnection",
    "ClientEvent",
    "Code",
    "Delivery",
    "EndOfStream",
    "Entry",
    "Event",
    "Events",
    "Heartbeat",
    "Limits",
    "LocalProtocolError",
    "Malformed",
    "Member",
    "MessageReceived",
    "Notice",
    "QuitReceived",
    "Replica",
    "Room",
    "ServerConnection",
    "ServerEnded",
    "Standing",
    "State",
    "Step",
    "Unit",
    "UnitReader",
    "Violation",
    "__version__",
    "encode",
    "ip_sender",
    "unix_sender",
]
