"""Connects a replica and its engine: appends the replica's entries, and delivers the log's to it.

One task appends the entry in flight until it comes back; another reads the log. If the replica no
longer follows the log, both begin again at the end of the log.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from chatproto import Replica, Standing
from clustered_server.engine import Engine, Refused, Unavailable

RETRY: Final = 0.1
"""Seconds before an engine that was unavailable is asked again."""
PATIENCE: Final = 3.0
"""Seconds for one answer of the engine's, and for what was appended to be delivered."""

log = logging.getLogger("clustered_server")


class Node:
    """One replica, driven. `changed` is called whenever its room may have."""

    def __init__(self, replica: Replica, engine: Engine, changed: Callable[[], None]) -> None:
        self._replica = replica
        self._engine = engine
        self._changed = changed
        self._has_work = asyncio.Event()
        self.is_reached = True
        self._is_over = False

    def wake(self) -> None:
        """Say that the replica may have something to append, or nothing any more."""
        self._has_work.set()

    async def run(self) -> None:
        """Follow the log, until another node of this name has started. Raises `Foreign`."""
        try:
            while self._replica.standing is not Standing.FENCED:
                try:
                    async with asyncio.timeout(PATIENCE):
                        end = await self._engine.end()
                except (Unavailable, TimeoutError) as error:
                    await self._pause(error)
                    continue
                self._replica.start(secrets.token_hex(8), end)
                await self._follow()
                self._changed()
        finally:
            self._is_over = True

    async def _follow(self) -> None:
        """Append and read for as long as the replica follows the log."""
        tasks = [asyncio.create_task(self._append()), asyncio.create_task(self._read())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel(*tasks)

    async def _append(self) -> None:
        while self._follows():
            self._has_work.clear()
            entry = self._replica.outgoing()
            if entry is None:
                await self._has_work.wait()
                continue
            try:
                async with asyncio.timeout(PATIENCE):
                    try:
                        await self._engine.append(entry)
                    except Refused as refusal:
                        log.debug("refused: %s", refusal)
                        if self._replica.outgoing() is entry:
                            self._replica.refused(refusal.last)
                self._reach()
                async with asyncio.timeout(PATIENCE):
                    while self._replica.outgoing() is entry:
                        self._has_work.clear()
                        await self._has_work.wait()
            except (Unavailable, TimeoutError) as error:
                await self._pause(error)

    async def _read(self) -> None:
        while self._follows():
            try:
                async for position, entry in self._engine.read(self._replica.position):
                    self._replica.deliver(position, entry)
                    self._has_work.set()
                    self._changed()
                    if not self._follows():
                        return
            except Unavailable as error:
                await self._pause(error)

    def _follows(self) -> bool:
        lost = (Standing.LOST, Standing.FENCED)
        return not self._is_over and self._replica.standing not in lost

    async def _pause(self, error: Exception) -> None:
        if self.is_reached:
            self.is_reached = False
            log.warning("the log cannot be reached: %s", str(error) or "no answer in time")
        await asyncio.sleep(RETRY)

    def _reach(self) -> None:
        if not self.is_reached:
            self.is_reached = True
            log.info("the log is reached again")


async def cancel(*tasks: "asyncio.Task[None]", again: float = RETRY) -> None:
    """End tasks, and say so again after a while: a cancellation may be swallowed.

    `wait_for` does that before Python 3.12, and the NATS client where it has been closed.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again)
