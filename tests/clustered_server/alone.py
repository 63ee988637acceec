"""`chatproto-cluster` over an engine in its own memory: a room of one node, for tests."""

import asyncio
import sys
from unittest.mock import patch

from clustered_server import MemoryEngine, MemoryLog
from clustered_server.__main__ import main
from clustered_server.jetstream import JetStream


async def _open(*_: object) -> MemoryEngine:
    await asyncio.sleep(0)
    return MemoryEngine(MemoryLog())


if __name__ == "__main__":
    with patch.object(JetStream, "open", _open):
        sys.exit(main())
