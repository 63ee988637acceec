"""Which processes listen on which addresses of this machine: the suite must judge the server that
it has launched, and no other."""

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

import psutil

from conformance.target.address import Address, TcpAddress, UnixAddress

_LINUX: Final[bool] = sys.platform.startswith("linux")
_ANSWERS: Final = 0.5
"""Seconds within which who listens already answers."""
_ANY: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  # looked for
"""The hosts of a socket that listens on every interface of its family."""
_MAPPED: Final = "::ffff:"
"""What a host begins with that is IPv4's, of a socket for IPv6."""
_LISTENS: Final = b"0A"
_CREDENTIALS: Final = struct.Struct("3i")
"""A process, its user and its group."""


def hosts_listened_on(processes: Iterable[psutil.Process], port: int) -> list[str]:
    """Find the hosts on which these processes listen at a port.

    This is cheap while they have no socket, if the system says what they have open, as Linux does.
    """
    if not _LINUX:
        return [host for one in processes for host in _hosts_that_it_tells(one, port)]
    sockets = {name for one in processes for name in _opened(one.pid) if name.startswith("socket:")}
    return [host for name, host in _listeners(port) if name in sockets] if sockets else []


def is_listened_on(port: int) -> bool:
    """Whether somebody may listen on a port: False if the system's tables show nobody."""
    return not _LINUX or any(_listeners(port))


def _listeners(port: int) -> Iterator[tuple[str, str]]:
    """Yield the sockets that listen on a port, each by the name that a process has it open under,
    and its host.

    Linux lists them before the thousands of connections that a run leaves behind; those are not
    read.
    """
    for name in ("tcp", "tcp6"):
        with suppress(OSError), Path("/proc/net", name).open("rb") as table:
            for row in islice(table, 1, None):
                _, local, _, state, _, _, _, _, _, inode, *_ = row.split()
                if state != _LISTENS:
                    break
                host, _, own_port = local.partition(b":")
                if int(own_port, 16) == port:
                    yield f"socket:[{inode.decode()}]", _host(host)


def _host(written: bytes) -> str:
    """Read a host that is written as Linux has it in memory: a number for each four octets."""
    words = (int(written[at : at + 8], 16) for at in range(0, len(written), 8))
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _opened(pid: int) -> Iterator[str]:
    """Yield what a process has open, as Linux names it; nothing if that may not be seen."""
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                yield os.readlink(f"/proc/{pid}/fd/{descriptor}")


def _hosts_that_it_tells(process: psutil.Process, port: int) -> Iterator[str]:
    """Yield the hosts on which a process listens at a port, on a system other than Linux."""
    with suppress(psutil.Error):
        for connection in process.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and connection.laddr.port == port:
                yield connection.laddr.ip


def reaches(host: str, address: TcpAddress) -> bool:
    """Whether a connection to an address is known to reach a socket that listens on a host.

    It may reach one of the other family too; on Linux that shows without a connection.
    """
    if takes(host, address):
        return True
    ips = [ip for family, ip in _resolved(address) if family == socket.AF_INET]
    return host == "::" and any(_is_taken(ip, address.port) for ip in ips)


def takes(host: str, address: TcpAddress) -> bool:
    """Whether a socket that listens on a host is reached at an address, since it is of the
    address's own family."""
    return any(
        host.removeprefix(_MAPPED) == ip or _ANY.get(host) == family
        for family, ip in _resolved(address)
    )


def _resolved(address: TcpAddress) -> Iterator[tuple[int, str]]:
    """Yield the families and hosts that an address stands for."""
    with suppress(OSError):
        for family, _, _, _, (ip, *_) in socket.getaddrinfo(address.host, address.port):
            yield family, str(ip)


def _is_taken(ip: str, port: int) -> bool:
    """Whether a listening socket keeps others from an IPv4 address; False if that does not show.
    An IPv6 socket that does so listens there as well."""
    if not _LINUX:
        return False
    with socket.socket() as another:
        # Connections that are over keep nobody from it.
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            another.bind((ip, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def who_answers(address: Address, seconds: float = _ANSWERS) -> list[psutil.Process]:
    """Connect, and go; who is seen to listen there. `OSError` where nobody answers in time."""
    with address.connect(seconds) as connection:
        match address:
            case UnixAddress():
                return _peer(connection)
            case TcpAddress():
                return list(_listening_on(address))
            case _:
                return []


def who_else_listens(ours: Iterable[psutil.Process], address: TcpAddress) -> list[psutil.Process]:
    """Return who is seen to listen on an address beside these processes, that share a port with it
    (SO_REUSEPORT). Nobody connects, and it is cheap where nobody does."""
    if not _LINUX:
        return []
    theirs = {name for one in ours for name in _opened(one.pid)}
    if all(name in theirs or not takes(host, address) for name, host in _listeners(address.port)):
        return []
    return list(_listening_on(address))


def _listening_on(address: TcpAddress) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        hosts = hosts_listened_on([process], address.port)
        # A socket of IPv6 may take IPv4 as well, and this one does if nobody else is there.
        if "::" in hosts or any(takes(one, address) for one in hosts):
            yield process


def _peer(connection: socket.socket) -> list[psutil.Process]:
    """Return who listened for a connection to a Unix-domain socket, where the system tells: Linux
    does."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return []
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    with suppress(psutil.Error):
        return [psutil.Process(_CREDENTIALS.unpack(credentials)[0])]
    return []
