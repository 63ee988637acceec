"""Addresses, from `tcp://127.0.0.1:9999`, `tcp://[::1]:9999` or `unix:/path` to connected sockets.

What goes wrong here is told to the user: every message names the address and a remedy.
"""

import asyncio
import errno
import os
import re
import socket
from dataclasses import dataclass
from typing import Any, Final

PATIENCE: Final = 8.0
"""Seconds a host may take to answer; within 10 s nobody is to wonder any more (CLI-7)."""

_TCP: Final = re.compile(
    r"tcp://(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^:/\[\]]+)):(?P<port>[0-9]{1,5})/?"
)


class ConnectError(Exception):
    """An address that cannot be connected to, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Tcp:
    host: str
    port: int

    def __str__(self) -> str:
        return (
            f"tcp://[{self.host}]:{self.port}"
            if ":" in self.host
            else f"tcp://{self.host}:{self.port}"
        )


@dataclass(frozen=True, slots=True)
class Unix:
    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Tcp | Unix


def parse(address: str) -> Address:
    """Read an address; `ValueError` says what one looks like."""
    if address.startswith("unix:") and len(address) > len("unix:"):
        return Unix(address.removeprefix("unix:"))
    match = _TCP.fullmatch(address)
    if match is None or not 0 < int(match["port"]) <= 65535:
        raise ValueError(
            f"not an address: {address!r}; write tcp://127.0.0.1:9999, tcp://[::1]:9999 or "
            "unix:/path"
        )
    return Tcp(match["ipv6"] or match["host"], int(match["port"]))


async def connect(address: Address) -> socket.socket:
    """Connect to the first that answers of the addresses this stands for; `ConnectError`."""
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
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    last: OSError | None = None
    for family, _, _, _, where in found:
        try:
            return await _connect(family, where)
        except OSError as error:
            last = error
    raise last or OSError(errno.EADDRNOTAVAIL, "the name stands for no address")


async def _connect(family: int, where: Any) -> socket.socket:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, where)
        # A server that is gone without a word is found out, sooner or later.
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
        case OSError(errno=int(number)):  # asyncio puts words of its own in strerror
            return f"{os.strerror(number)}; look at the address"
        case _:  # a host or a path that no system call takes
            return f"{error}; look at the address"
