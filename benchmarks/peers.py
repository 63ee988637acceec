"""Sans-IO readers of other protocols, given the same texts in the form their protocol has.

They do other work than chatproto, each the work its protocol asks for; side by side they show
what a message costs in Python.
"""

from collections.abc import Callable
from typing import Any

import h11
import irctokens.stateful
import wsproto.connection
import wsproto.events
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from benchmarks.measure import Work
from benchmarks.payloads import cut


def works(texts: list[bytes]) -> list[Work]:
    """Give each peer all the texts."""
    frames = b"".join(Frame(Opcode.TEXT, text).serialize(mask=True) for text in texts)
    privmsgs = b"".join(b"PRIVMSG #room :%s\r\n" % text for text in texts)
    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = head + b"".join(b"%x\r\n%s\r\n" % (len(text), text) for text in texts)
    return [
        _work("irctokens", "PRIVMSG lines to Line", _irctokens, privmsgs),
        _work("websockets", "masked text frames to Frame, data decoded", _websockets, frames),
        _work("wsproto", "masked text frames to TextMessage", _wsproto, frames),
        _work("h11", "a request's chunks to Data, data decoded", _h11, chunks),
    ]


def _work(name: str, does: str, run: Callable[[list[bytes]], int], stream: bytes) -> Work:
    reads = cut(stream)
    return Work(name, does, lambda: run(reads))


def _irctokens(reads: list[bytes]) -> int:
    decoder = irctokens.stateful.StatefulDecoder()
    return sum(len(decoder.push(octets) or ()) for octets in reads)


def _websockets(reads: list[bytes]) -> int:
    protocol = ServerProtocol(state=State.OPEN)
    messages = 0
    for octets in reads:
        protocol.receive_data(octets)
        events = protocol.events_received()
        messages += len([str(event.data, "utf-8") for event in events if isinstance(event, Frame)])
    return messages


def _wsproto(reads: list[bytes]) -> int:
    connection = wsproto.connection.Connection(wsproto.connection.ConnectionType.SERVER)
    messages = 0
    for octets in reads:
        connection.receive_data(octets)
        for event in connection.events():
            # A frame cut by a read comes in two.
            messages += isinstance(event, wsproto.events.TextMessage) and event.message_finished
    return messages


def _h11(reads: list[bytes]) -> int:
    connection = h11.Connection(h11.SERVER)
    messages = 0
    for octets in reads:
        connection.receive_data(octets)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            messages += _is_whole(event)
    return messages


def _is_whole(event: Any) -> bool:
    if not isinstance(event, h11.Data):
        return False
    event.data.decode(errors="replace")
    return bool(event.chunk_end)
