"""The client in a pipe: sends the lines of standard input, and prints a line for each message.

At the end of the input it leaves, and prints what the server still owes.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, assert_never

from chat_client.address import Address
from chat_client.composing import Blank, Help, Leave, Refused, Say, read_octets
from chat_client.link import Link, why
from chat_client.showing import plain
from chatproto import Heartbeat, Unit

INPUT: Final = 0


class Pipe:
    """One conversation on standard input and output."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._is_read = sys.stdout is not None

    async def run(self) -> int:
        """Chat until the end; return the exit status."""
        speaking = asyncio.create_task(self._speak())
        end = None
        try:
            while end is None:
                units, end = await self._link.receive()
                self._print(units)
        finally:
            speaking.cancel()
            self._link.close()
        with contextlib.suppress(asyncio.CancelledError):
            await speaking
        wrong = why(end, left=self._link.has_left)
        if wrong is not None:
            _tell(wrong)
            return 1
        return 0

    async def _speak(self) -> None:
        number = 0
        async for line in _lines():
            number += 1
            if self._link.has_left:
                break
            intention = read_octets(line)
            match intention:
                case Say(text):
                    self._link.say(text)
                    try:
                        await self._link.drained()
                    except OSError:
                        return
                case Leave():
                    break
                case Help():
                    _tell("chatproto-chat --help explains")
                case Blank():
                    _tell(f"line {number} is not sent: it is blank")
                case Refused(reason):
                    _tell(f"line {number} is not sent: {reason}")
                case _:
                    assert_never(intention)
        self._link.leave()

    def _print(self, units: list[Unit]) -> None:
        if not self._is_read:
            return
        now = datetime.now().astimezone()
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        lines = [plain(unit, now, columns) for unit in units if not isinstance(unit, Heartbeat)]
        try:
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of standard output is gone: leave, and flush nothing at the end.
            self._is_read = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._link.leave()


async def _lines() -> AsyncIterator[bytes]:
    """Yield the lines of standard input. What follows the last LF is a line too."""
    if sys.stdin is None:  # it was closed before the start, and its descriptor may have been reused
        return
    unfinished = b""
    while True:
        await _readable()
        try:
            octets = os.read(INPUT, 65_536)
        except OSError:  # the terminal is gone
            octets = b""
        if not octets:
            break
        *lines, unfinished = (unfinished + octets).split(b"\n")
        for line in lines:
            yield line
    if unfinished:
        yield unfinished


async def _readable() -> None:
    """Return when a read of standard input would not block."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(INPUT, ready.set)
    try:
        await ready.wait()
    finally:
        # A new one for each read: an event from before the last read must not count for this one.
        loop.remove_reader(INPUT)


async def chat(address: Address) -> int:
    """Chat on standard input and output; return the exit status. Raises `ConnectError`."""
    return await Pipe(await Link.open(address)).run()


def _tell(what: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it
        print(f"chatproto-chat: {what}", file=sys.stderr)  # noqa: T201  # its own messages
