"""Which processes listen on which addresses of this machine, to make sure that the server that is
judged is the one that was launched."""

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from conformance.target.address import Address, TcpAddress, UnixAddress

_ANSWERS: Final = 0.5
"""Seconds within which who listens already answers."""
_FIRST: Final = 262_144
"""Octets that are read of the system's table of connections: listening sockets come first in it."""
_ANY: Final = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}  # noqa: S104  # looked for
"""The hosts of a socket that listens on every interface of its family."""


def may_be_listened_on(port: int) -> bool:
    """False if certainly no process listens on a port. Cheap: Linux lists listening sockets first,
    before the thousands of connections that a run leaves behind, and only those are read."""
    wanted = re.compile(rb":%04X [0-9A-F]+:0000 0A " % port)
    for name in ("tcp", "tcp6"):
        try:
            with Path("/proc/net", name).open("rb") as file:
                if wanted.search(file.read(_FIRST)):
                    return True
        except OSError:
            return name == "tcp"
    return False


def hosts_listened_on(processes: Iterable[psutil.Process], port: int) -> list[str]:
    """The hosts on whose port these processes listen."""
    hosts = []
    for process in processes:
        with suppress(psutil.Error):
            hosts += [
                connection.laddr.ip
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
            ]
    return hosts


def reaches(host: str, address: TcpAddress) -> bool:
    """Whether a socket that listens on a host is reached at an address, judged by the two alone. A
    socket of the other family may be reached too; only a connection shows that."""
    with suppress(OSError):
        for family, _, _, _, (ip, *_) in socket.getaddrinfo(address.host, address.port):
            if host == ip or _ANY.get(host) == family:
                return True
    return False


def who_answers(address: Address) -> str | None:
    """Who listens on an address, in words; None where nobody does."""
    try:
        address.connect(_ANSWERS).close()
    except OSError:
        return None
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _is_reached(process, address):
                return f"process {process.pid} ({' '.join(process.cmdline())[:200]})"
    return "another process"


def _is_reached(process: psutil.Process, address: Address) -> bool:
    """Whether a process listens where a connection to an address has succeeded."""
    match address:
        case TcpAddress(port=port):
            hosts = hosts_listened_on([process], port)
            # A socket of IPv6 may take IPv4 as well, and this one does if nobody else is there.
            return "::" in hosts or any(reaches(one, address) for one in hosts)
        case UnixAddress(path=path):
            return any(str(one.laddr) == path for one in process.net_connections("unix"))
        case _:
            return False
