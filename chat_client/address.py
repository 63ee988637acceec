"""Makes connected sockets from addresses.

Its errors are shown to the user: every message names the address and a remedy.
"""

import asyncio
import contextlib
import errno
import os
import socket
import threading
from typing import Any, Final

from chatproto.address import Tcp, Unix
from chatproto.address import parse as parse_any

PATIENCE: Final = 8.0
"""Seconds that a host may take to answer: the user must be told within 10 s (CLI-7)."""


class ConnectError(Exception):
    """An address that cannot be connected to, and what to do about it."""


Address = Tcp | Unix
_Found = list[tuple[int, Any]]
"""Families and socket addresses."""


def parse(address: str) -> Address:
    """Read an address to connect to. Raises `ValueError`, which says what one looks like."""
    found = parse_any(address)
    if isinstance(found, Tcp) and found.port == 0:
        raise ValueError(f"not an address: {address!r}; write tcp://127.0.0.1:9999, not port 0")
    return found


async def connect(address: Address) -> socket.socket:
    """Connect to the first address that answers. Raises `ConnectError`."""
    try:
        async with asyncio.timeout(PATIENCE):
            match address:
                case Unix(path):
                    if not hasattr(socket, "AF_UNIX"):
                        raise OSError("this system has no Unix-domain sockets")
                    return await _connect(socket.AF_UNIX, path)
                case Tcp(host, port):
                    return await _connect_to_any(host, port)
    except (OSError, ValueError) as error:
        raise ConnectError(f"cannot connect to {address}: {_why(address, error)}") from None


async def _connect_to_any(host: str, port: int) -> socket.socket:
    last: OSError | None = None
    for family, where in await _look_up(host, port):
        try:
            return await _connect(family, where)
        except OSError as error:
            last = error
    raise last or OSError(errno.EADDRNOTAVAIL, "the name stands for no address")


async def _look_up(host: str, port: int) -> _Found:
    """Look a name up, in a daemon thread.

    The event loop waits for its own threads at exit, and on some systems a lookup takes minutes.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[_Found] = loop.create_future()

    def tell(result: _Found | OSError | ValueError) -> None:
        if found.cancelled():
            return
        if isinstance(result, list):
            found.set_result(result)
        else:
            found.set_exception(result)

    def look() -> None:
        result: _Found | OSError | ValueError
        try:
            named = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            result = [(family, where) for family, _, _, _, where in named]
        except (OSError, ValueError) as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: no one waits for the result
            loop.call_soon_threadsafe(tell, result)

    threading.Thread(target=look, daemon=True).start()
    return await found


async def _connect(family: int, where: Any) -> socket.socket:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, where)
        # Keepalive detects a server that has vanished.
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _why(address: Address, error: OSError | ValueError) -> str:
    match error:
        case TimeoutError() if error.errno is None:
            return f"no answer in {PATIENCE:.0f} s; is the host up, and the port open?"
        case ConnectionRefusedError():
            return (
                "nothing listens there; look at the address, or start a server: "
                f"chatproto-server --listen {address}"
            )
        case FileNotFoundError():
            return (
                "there is no such socket; look at the path, or start a server: "
                f"chatproto-server --listen {address}"
            )
        case socket.gaierror():
            return f"{error.strerror}; look at the host's name"
        case OSError(errno=int(number)):  # asyncio puts its own words into strerror
            return f"{os.strerror(number)}; look at the address"
        case _:  # a host or a path that no system call takes
            return f"{error}; look at the address"
