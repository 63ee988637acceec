"""A cluster in this process: nodes on an event loop of their own, one log in memory."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from clustered_server import ClusteredServer, Engine, MemoryEngine, MemoryLog
from reference_server.addresses import Listener, open_listeners
from tests.reference_server.peer import DEADLINE

T = TypeVar("T")


class ClusterNode:
    """One node: its server, its way to the log, its first address, and how its run ended."""

    def __init__(self, server: ClusteredServer, engine: Engine, listener: Listener) -> None:
        self.server = server
        self.engine = engine
        self.listener = listener
        self.address = listener.address
        self.task: asyncio.Task[None] | None = None

    def end(self) -> BaseException | None:
        """Return the error that ended its run; None if the run ended in order or goes on."""
        if self.task is None or not self.task.done() or self.task.cancelled():
            return None
        return self.task.exception()


class Cluster:
    """Starts and stops nodes; a thread runs their loop."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.log = log or self.call(MemoryLog)
        self.nodes: list[ClusterNode] = []

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function on the loop's thread, and return its result."""

        async def do() -> T:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(DEADLINE)

    def start(self, name: str, listen: str = "tcp://127.0.0.1:0", **options: Any) -> ClusterNode:
        """Start a node, and return once it has begun to serve, or has ended."""
        node = self.begin(name, listen, **options)

        async def wait() -> None:
            assert node.task is not None
            while not node.server.is_serving and not node.task.done():
                await asyncio.sleep(0.005)

        asyncio.run_coroutine_threadsafe(wait(), self._loop).result(DEADLINE)
        return node

    def begin(
        self,
        name: str,
        listen: str = "tcp://127.0.0.1:0",
        engine: Engine | None = None,
        **options: Any,
    ) -> ClusterNode:
        """Start a node, which does not serve yet."""
        listeners = open_listeners([listen])
        options.setdefault("heartbeat", None)

        def begin() -> ClusterNode:
            chosen = engine or MemoryEngine(self.log)
            server = ClusteredServer(name, chosen, listeners, **options)
            node = ClusterNode(server, chosen, listeners[0])
            node.task = asyncio.create_task(server.run())
            return node

        node = self.call(begin)
        self.nodes.append(node)
        return node

    def stop(self, node: ClusterNode) -> None:
        """Stop a node in order."""
        self.call(node.server.stop)
        self._wait(node)

    def kill(self, node: ClusterNode) -> None:
        """End a node like a kill of its process: at once, its connections reset."""
        assert node.task is not None
        self._loop.call_soon_threadsafe(node.task.cancel)
        self._wait(node)

        def reset() -> None:
            for connection in list(node.server.connections):
                connection.reset()

        self.call(reset)

    def _wait(self, node: ClusterNode) -> None:
        async def wait() -> None:
            assert node.task is not None
            await asyncio.wait([node.task])

        asyncio.run_coroutine_threadsafe(wait(), self._loop).result(DEADLINE)
        node.listener.close()
        self.nodes.remove(node)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in list(self.nodes):
            self.stop(node)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
