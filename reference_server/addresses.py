"""Listening sockets, from addresses.

The operator reads what goes wrong here: every message names the address and a remedy.
"""

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from typing import Final, assert_never

from chatproto.address import Tcp, Unix, parse

ACCEPT_QUEUE: Final = 4096
"""Connections the kernel may hold until they are accepted; it caps this at its own limit."""


class AddressError(Exception):
    """An address that cannot be listened on, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket and the address it listens on, with the port that was picked for 0."""

    socket: socket.socket
    address: str
    inode: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the socket; remove its file, unless another server has put its own there."""
        path = self.address.removeprefix("unix:")
        with contextlib.suppress(OSError):
            if self.inode is not None and _inode(path) == self.inode:
                os.unlink(path)
        self.socket.close()


def open_listeners(addresses: list[str]) -> list[Listener]:
    """Listen on all of them or, raising `AddressError`, on none (STOP-3)."""
    listeners: list[Listener] = []
    try:
        for address in addresses:
            parsed = parse(address)
            match parsed:
                case Tcp(host, port):
                    listeners += _open_tcp(address, host, port)
                case Unix(path):
                    listeners.append(_open_unix(path))
                case _:
                    assert_never(parsed)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _open_tcp(address: str, host: str, port: int) -> list[Listener]:
    """Listen on every address the host has: `localhost` may be both `127.0.0.1` and `::1`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {address}: {error.strerror}; use an address of this host"
        ) from None
    listeners: list[Listener] = []
    refusal: OSError | None = None
    for family, _, _, _, where in dict.fromkeys(found):
        try:
            listeners.append(_listen_tcp(family, where))
        except OSError as error:
            refusal = error
            # A host name may stand for a family this host is without; for one it has, too.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    else:
        if listeners:
            return listeners
    for listener in listeners:
        listener.close()
    raise _refused(address, refusal or OSError("it has no address"))


def _listen_tcp(family: int, where: tuple[str | int, ...] | tuple[int, bytes]) -> Listener:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Bind again at once, over connections in TIME_WAIT (STOP-2); not over a listening server.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # [::] is every interface, IPv4's too; any other address is just itself.
            only = int(where[0] != "::")
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        listener.bind(where)
        listener.listen(ACCEPT_QUEUE)
        listener.setblocking(False)
        host, port = listener.getsockname()[:2]
    except BaseException:
        listener.close()
        raise
    return Listener(listener, f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")


def _open_unix(path: str) -> Listener:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            listener.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            os.unlink(path)
            listener.bind(path)
        listener.listen(ACCEPT_QUEUE)
        listener.setblocking(False)
        return Listener(listener, f"unix:{path}", _inode(path))
    except OSError as error:
        listener.close()
        raise _refused(f"unix:{path}", error) from None


def _is_stale(path: str) -> bool:
    """Tell whether this is a socket's file that no server listens on any more."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == errno.ECONNREFUSED


def _inode(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _refused(address: str, error: OSError) -> AddressError:
    remedy = "listen on another address"
    if error.errno == errno.EADDRINUSE:
        remedy = "stop the server (or remove the file) that holds it, or listen on another address"
    return AddressError(f"cannot listen on {address}: {error.strerror or error}; {remedy}")
