"""A target's address: `tcp://host:port`, `tcp://[::1]:port` or `unix:/path`."""

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, assert_never

from chatproto.address import Tcp, Unix, parse
from conformance.target.system import AF_UNIX, unix_socket

_QUEUE_FULL: Final = 0.01
_TRIES: Final = 20


class AddressError(ValueError):
    """The text is no address; the message says what one looks like."""


Source = tuple[str, int]
"""The host and the port that a client connects from; port 0 stands for any."""


@dataclass(frozen=True, slots=True)
class Side:
    """A client's own side of a connection; None leaves a setting to the kernel.

    `receive_buffer`: octets that its kernel takes ahead of reads. `segment`: the most octets of a
    segment. `source`: the host and port to connect from, if they are free.
    """

    receive_buffer: int | None = None
    segment: int | None = None
    source: Source | None = None


AS_USUAL: Final = Side()
FAR: Final = Side(receive_buffer=4_096, segment=1_400)
STEADY: Final = Side(receive_buffer=32_768, segment=1_400)
"""Like a client across a network. The segments of a loopback are so large that a server's kernel
takes millions of octets, and nothing waits in the server itself."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP address. Port 0 stands for any free port, if the suite launches the server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp://{self.host_in_url}:{self.port}"

    @property
    def host_in_url(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_local(self) -> bool:
        """Whether this is the machine's own loopback."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def connect(self, timeout: float, side: Side = AS_USUAL) -> socket.socket:
        """Connect, within seconds."""
        error: OSError | None = None
        for family, _, _, _, address in socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        ):
            try:
                return self._connect_one(family, tuple(address), timeout, side)
            except OSError as one:
                error = error or one
        raise error or OSError("the host stands for no address")

    def _connect_one(
        self,
        family: socket.AddressFamily,
        address: tuple[str | int | bytes, ...],
        timeout: float,
        side: Side,
    ) -> socket.socket:
        if side.source is not None:
            with suppress(OSError):
                return _connect(socket.socket(family), address, timeout, side)
            side = replace(side, source=None)
        return _connect(socket.socket(family), address, timeout, side)

    def with_free_port(self) -> "TcpAddress":
        """Return this address, with a free port in place of port 0."""
        if self.port:
            return self
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.bind((self.host, 0))
            return replace(self, port=probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class UnixAddress:
    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @property
    def is_local(self) -> bool:
        return True

    def connect(self, timeout: float, side: Side = AS_USUAL) -> socket.socket:
        """Connect, within seconds."""
        here = Side(receive_buffer=side.receive_buffer)
        return _connect(unix_socket(), self.path, timeout, here)

    def with_free_port(self) -> "UnixAddress":
        return self


@dataclass(frozen=True, slots=True)
class SharedRoom:
    """Several addresses of one room: each connection goes to the next of them (CLU-1)."""

    addresses: tuple[TcpAddress | UnixAddress, ...]
    _turns: Iterator[int] = field(default_factory=count, compare=False, repr=False)
    _sources: set[object] = field(default_factory=set, compare=False, repr=False)

    def __str__(self) -> str:
        return " ".join(map(str, self.addresses))

    @property
    def is_local(self) -> bool:
        """Whether all of them are on this machine."""
        return all(address.is_local for address in self.addresses)

    def next_node(self) -> int:
        """Return the number, from 0, of the node whose turn it is."""
        return next(self._turns) % len(self.addresses)

    def connect(
        self, timeout: float, side: Side = AS_USUAL, node: int | None = None
    ) -> socket.socket:
        """Connect to a node, or to the next one, within `timeout` seconds.

        The host and port that it connects from are new: a system may use one port for connections
        to two servers, and then two members of the room would have the same SENDER.
        """
        address = self.addresses[self.next_node() if node is None else node]
        spare: list[socket.socket] = []
        try:
            while True:
                sock = address.connect(timeout, side)
                source = sock.getsockname()
                if sock.family == AF_UNIX or source not in self._sources:
                    self._sources.add(source)
                    return sock
                spare.append(sock)
                if len(spare) == _TRIES:
                    raise OSError(f"{address}: every port to connect from was used before")
        finally:
            for sock in spare:
                sock.close()

    def with_free_port(self) -> "SharedRoom":
        return self


Address = TcpAddress | UnixAddress | SharedRoom


def _connect(
    client: socket.socket,
    address: str | tuple[str | int | bytes, ...],
    timeout: float,
    side: Side,
) -> socket.socket:
    try:
        if side.source is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(side.source)
        if side.receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, side.receive_buffer)
        if side.segment is not None and hasattr(socket, "TCP_MAXSEG"):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, side.segment)
        client.settimeout(timeout)
        end = time.monotonic() + timeout
        while True:
            try:
                client.connect(address)
            except BlockingIOError:
                # A Unix-domain socket does not wait for a place in the listener's queue.
                if time.monotonic() > end:
                    raise
                time.sleep(_QUEUE_FULL)
            else:
                break
    except BaseException:
        client.close()
        raise
    return client


def parse_address(text: str) -> Address:
    """Parse an address, or several of one room separated by spaces; `AddressError` if it is not
    one."""
    several = tuple(map(_parse_one, text.split()))
    return SharedRoom(several) if len(several) > 1 else _parse_one(text)


def _parse_one(text: str) -> TcpAddress | UnixAddress:
    try:
        found = parse(text)
    except ValueError:
        raise AddressError(
            f"{text!r} is no address: write tcp://HOST:PORT, tcp://[::1]:PORT or unix:/PATH"
        ) from None
    match found:
        case Tcp(host=host, port=port):
            return TcpAddress(host, port)
        case Unix(path=path):
            return UnixAddress(path)
        case _:
            assert_never(found)
