"""asyncio's protocols: a callback a read, and a write to each member's transport.

With `uvloop`, on that event loop instead of asyncio's own.
"""

import asyncio
import datetime
import sys
from typing import cast

transports: set[asyncio.Transport] = set()


class Client(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")
        self.sender = f"{host}:{port}"
        self.rest = b""
        transports.add(self.transport)

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            text = line.decode().strip()
            if text == "quit":
                self.transport.close()
                return
            moment = f"{datetime.datetime.now():%Y%m%d %H:%M:%S}"
            message = f"{moment} {self.sender}\n{text}\n".encode()
            for other in transports:
                other.write(message)

    def connection_lost(self, exc: Exception | None) -> None:
        transports.discard(self.transport)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Client, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    if "uvloop" in sys.argv[2:]:
        import uvloop

        uvloop.run(main(int(sys.argv[1])))
    else:
        asyncio.run(main(int(sys.argv[1])))
