"""asyncio's streams: a coroutine a client, and a write to each member, undrained."""

import asyncio
import datetime
import sys

writers: set[asyncio.StreamWriter] = set()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")
    writers.add(writer)
    while line := await reader.readline():
        text = line.decode().strip()
        if text == "quit":
            break
        moment = f"{datetime.datetime.now():%Y%m%d %H:%M:%S}"
        message = f"{moment} {host}:{port}\n{text}\n".encode()
        for other in writers:
            other.write(message)
    writers.remove(writer)
    writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
