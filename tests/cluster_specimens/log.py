"""A simulated engine as a process: `MemoryLog`, served to nodes over TCP, and a hostile one.

It answers late, stores and says that it could not, and can be told to be away or to lose its
leader. A request is a line of JSON, and so is its answer; entries are written as Latin-1.
"""

import argparse
import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any, Final

from chatproto import Entry
from clustered_server import MemoryLog
from clustered_server.engine import Refused, Unavailable

LATEST: Final = 0.006
"""Seconds by which an answer is late at most."""
FORGETS: Final = 0.3
"""Seconds for which nothing is delivered once the engine has forgotten to say what it stored."""
LAGS: Final = 0.2
"""Seconds by which all nodes but one lag before a leader is lost."""
LEADERLESS: Final = 0.7
"""Seconds without a leader."""
BATCH: Final = 100
"""Entries in one answer at most."""
_LINE: Final = 1 << 24


class HostileLog:
    """The log, and its faults. `forgets`: the share of appended entries that it stores without
    confirming. `loses`: with its leader it loses the entries that only some have received."""

    def __init__(self, retained: int | None, forgets: float, *, loses: bool, seed: int = 0) -> None:
        self._log = MemoryLog(retained)
        self._forgets = forgets
        self._loses = loses
        self._held_until = 0.0
        self._known = 0
        self._first_reader = ""
        self._random = Random(seed)  # noqa: S311

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request of a node, or of whoever injects a fault."""
        match request["ask"]:
            case "away":
                self._log.is_away = True
                return {}
            case "back":
                self._log.is_away = False
                return {}
            case "lose-leader":
                asyncio.get_running_loop().create_task(self._lose_leader())
                return {}
        await asyncio.sleep(self._random.uniform(0, LATEST))
        if self._log.is_away:
            return {"unavailable": "the log is away"}
        match request["ask"]:
            case "end":
                return {"end": len(self._log.entries)}
            case "append":
                return self._append(Entry.decode(request["entry"].encode("latin-1")))
            case _:
                return await self._get(max(1, request["position"]), request["reader"])

    def _append(self, entry: Entry) -> dict[str, Any]:
        try:
            self._log.append(entry)
        except Refused as refused:
            return {"refused": refused.last}
        if self._random.random() < self._forgets:
            self._held_until = asyncio.get_running_loop().time() + FORGETS
            return {"unavailable": "it forgot what came of it"}
        return {}

    async def _get(self, position: int, reader: str) -> dict[str, Any]:
        self._first_reader = self._first_reader or reader
        while True:
            if self._log.is_away:
                return {"unavailable": "the log is away"}
            position = max(position, self._log.first)
            lags = asyncio.get_running_loop().time() < self._held_until and (
                not self._known or reader != self._first_reader
            )
            end = self._known if lags else len(self._log.entries)
            if lags and position > end:
                await asyncio.sleep(LATEST)
            elif position <= end:
                entries = self._log.entries[position - 1 : min(end, position - 1 + BATCH)]
                written = [entry.encode().decode("latin-1") for entry in entries]
                return {"position": position, "entries": written}
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await self._log.wait()

    async def _lose_leader(self) -> None:
        if self._loses:
            self._known = len(self._log.entries)
            self._held_until = asyncio.get_running_loop().time() + LAGS
            await asyncio.sleep(LAGS)
            _forget(self._log, self._known)
            self._known = 0
        self._log.is_away = True
        await asyncio.sleep(LEADERLESS)
        self._log.is_away = False


def _forget(log: MemoryLog, known: int) -> None:
    """Lose all but the first entries, which no engine may."""
    del log.entries[known:]
    log._last.clear()
    log._last.update((entry.node, at) for at, entry in enumerate(log.entries, 1))


class LogEngine:
    """A node's connection to a log in another process."""

    largest_entry: Final = 8 * 1_048_576

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._name = secrets.token_hex(4)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def end(self) -> int:
        return int((await self._ask({"ask": "end"}))["end"])

    async def append(self, entry: Entry) -> None:
        answer = await self._ask({"ask": "append", "entry": entry.encode().decode("latin-1")})
        if "refused" in answer:
            raise Refused(answer["refused"])

    async def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        reader = LogEngine(*self._where)
        try:
            while True:
                answer = await reader._ask(
                    {"ask": "get", "position": position, "reader": self._name}
                )
                position = answer["position"]
                for written in answer["entries"]:
                    yield position, Entry.decode(written.encode("latin-1"))
                    position += 1
        finally:
            await reader.close()

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._where, limit=_LINE)
            reader, writer = self._streams
            self._streams = None  # until it has answered: an answer may be left unread
            writer.write(json.dumps(request).encode() + b"\n")
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError("no answer")
        except OSError as error:
            raise Unavailable(str(error)) from None
        self._streams = reader, writer
        answer: dict[str, Any] = json.loads(line)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer


async def _serve(port: int, log: HostileLog) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while line := await reader.readline():
                writer.write(json.dumps(await log.answer(json.loads(line))).encode() + b"\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=_LINE)
    await server.serve_forever()


async def _tell(port: int, what: str) -> None:
    await LogEngine("127.0.0.1", port)._ask({"ask": what})


def main() -> None:
    """Serve a log, or inject a fault into one that is served."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tell", choices=("away", "back", "lose-leader"))
    parser.add_argument("--retain", type=int)
    parser.add_argument("--forgets", type=float, default=0.01)
    parser.add_argument("--loses", action="store_true")
    options = parser.parse_args()
    if options.tell:
        asyncio.run(_tell(options.port, options.tell))
    else:
        asyncio.run(
            _serve(options.port, HostileLog(options.retain, options.forgets, loses=options.loses))
        )


if __name__ == "__main__":
    main()
