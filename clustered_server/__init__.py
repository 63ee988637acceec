"""One chatproto/1 room on many nodes: asyncio, and a replicated log that exists."""

from clustered_server.engine import Engine, Foreign, Refused, Unavailable
from clustered_server.memory import MemoryEngine, MemoryLog
from clustered_server.server import ClusteredServer, Ended

__all__ = [
    "ClusteredServer",
    "Ended",
    "Engine",
    "Foreign",
    "MemoryEngine",
    "MemoryLog",
    "Refused",
    "Unavailable",
]
