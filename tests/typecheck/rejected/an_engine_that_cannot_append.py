"""An engine has all the calls of the port."""

from collections.abc import AsyncIterator

from chatproto import Entry
from clustered_server import Engine


class Sink:
    largest_entry = 1_048_576

    async def end(self) -> int:
        return 0

    async def read(self, position: int) -> AsyncIterator[tuple[int, Entry]]:
        yield position, Entry("a", "r", None)

    async def close(self) -> None:
        pass


engine: Engine = Sink()  # error: assignment
