"""One chatproto/1 room on many nodes, on asyncio, with its log in an existing replicated engine."""

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
