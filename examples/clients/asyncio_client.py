"""A client on asyncio: `asyncio_client.py HOST PORT`; /quit or the end of input leaves."""

import asyncio
import os
import sys
from selectors import SelectSelector

from chatproto import Broadcast, ClientConnection, Heartbeat, LocalProtocolError, Notice, encode
from chatproto.text import trim


async def speak(client: ClientConnection, writer: asyncio.StreamWriter) -> None:
    loop, tail = asyncio.get_running_loop(), b""
    while not client.has_left:
        readable = loop.create_future()
        loop.add_reader(0, readable.set_result, None)
        await readable
        loop.remove_reader(0)
        *lines, tail = (tail + (os.read(0, 65_536) or b"\n/quit\n")).split(b"\n")
        for line in lines:
            try:
                if text := trim(line.decode()):
                    writer.write(client.leave() if text == "/quit" else client.say(text))
                    await writer.drain()
            except (LocalProtocolError, UnicodeDecodeError, OSError) as error:
                print(f"not sent: {error}", file=sys.stderr)


async def chat(client: ClientConnection, host: str, port: str) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    speaking = asyncio.create_task(speak(client, writer))
    while True:
        octets = await reader.read(65_536)
        for event in client.receive(octets) if octets else client.receive_eof():
            if isinstance(event, Broadcast | Notice):
                print(encode(event).decode().strip().replace("\n", "\n  "), flush=True)
            elif not isinstance(event, Heartbeat):
                print(event, file=sys.stderr)
                speaking.cancel()
                writer.close()
                return client.left_in_order


try:
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SelectSelector())) as runner:
        sys.exit(not runner.run(chat(ClientConnection(), sys.argv[1], sys.argv[2])))
except (OSError, KeyboardInterrupt) as error:
    sys.exit(f"not left in order: {error!r}")
