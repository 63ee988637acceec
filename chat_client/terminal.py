"""The client at a terminal: an input line, and a connection that is made again when it is lost.

While the connection is lost, the typed line stays, and Enter does not send it.
"""

import asyncio
from datetime import datetime
from typing import Final, assert_never

from chat_client.address import Address, ConnectError
from chat_client.composing import COMMANDS, Blank, Help, Leave, Refused, Say, read
from chat_client.editor import Editor
from chat_client.link import End, Link, why
from chat_client.showing import Pieces, show
from chatproto import Heartbeat, Malformed

WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each attempt to reconnect; after the last the client gives up."""


class Conversation:
    """A conversation at a terminal: the user, the address, and the current connection, if any."""

    def __init__(self, address: Address, link: Link) -> None:
        self._address = address
        self._link: Link | None = link
        self._editor = Editor(self._prompt, self._refuse, self._accept, self._interrupt)

    async def run(self) -> int:
        """Chat until the user leaves or the client gives up; return the exit status."""
        editing = asyncio.create_task(self._editor.run(self._greet))
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({editing, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                if self._link is None:
                    return 1
                self._link.leave()
            self._editor.end()
            await editing
            return await listening
        finally:
            self._editor.end()
            listening.cancel()
            await asyncio.wait({editing, listening})

    def _greet(self) -> None:
        self._tell(f"connected to {self._address}; /help explains, Ctrl-D leaves")

    async def _listen(self) -> int:
        """Show what comes, over one connection after another; return the exit status."""
        while self._link is not None:
            link = self._link
            try:
                end = await self._read_out(link)
            finally:
                self._link = None
                link.close()
            wrong = why(end, left=link.has_left)
            if wrong is None:
                self._tell(f"left {self._address}")
                return 0
            self._tell(wrong, "trouble")
            if not link.has_left and not isinstance(end, Malformed):
                self._link = await self._connect_again()
        return 1

    async def _read_out(self, link: Link) -> End:
        end = None
        while end is None:
            units, end = await link.receive()
            now = datetime.now().astimezone()
            pieces: Pieces = []
            for unit in units:
                if not isinstance(unit, Heartbeat):
                    pieces += show(unit, now, self._editor.columns)
            if pieces:
                self._editor.show(pieces)
        return end

    async def _connect_again(self) -> Link | None:
        for count, wait in enumerate(WAITS, 1):
            self._tell(
                f"trying again in {wait:g} s ({count} of {len(WAITS)}); Ctrl-C or Ctrl-D ends"
            )
            await asyncio.sleep(wait)
            try:
                link = await Link.open(self._address)
            except ConnectError as error:
                self._tell(str(error), "trouble")
            else:
                self._tell(f"connected to {self._address} again; what was said meanwhile is lost")
                return link
        self._tell("given up")
        return None

    def _prompt(self) -> str:
        return "(no connection) > " if self._link is None else "> "

    def _refuse(self, line: str) -> str | None:
        intention = read(line)
        match intention:
            case Blank():
                return "blank: there is nothing to send"
            case Refused(reason):
                return f"not sent: {reason}"
            case Say() if self._link is None:
                return "not sent: there is no connection; press Enter again when there is one"
            case Say() | Leave() | Help():
                return None
            case _:
                assert_never(intention)

    def _accept(self, line: str) -> None:
        match read(line):
            case Say(text) if self._link is not None:
                self._link.say(text)
            case Leave():
                self._editor.end()
            case Help():
                self._tell(f"type a line; Enter sends it to all members\n{COMMANDS}")
            case _:  # refused before
                pass

    def _interrupt(self) -> None:
        if self._link is None:
            self._editor.end()
        else:
            self._tell("Ctrl-D leaves")

    def _tell(self, what: str, style: str = "status") -> None:
        self._editor.show(
            [(f"class:{style}", "".join(f"-- {line}\n" for line in what.split("\n")))]
        )


async def chat(address: Address) -> int:
    """Chat at the terminal; return the exit status. Raises `ConnectError` at the start only."""
    return await Conversation(address, await Link.open(address)).run()
