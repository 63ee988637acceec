"""What not every system has, looked up at run time: Unix-domain sockets, signals, process groups,
and the kernel's figures of a socket. Each function says what it does on a system without it."""

import ctypes
import math
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

import psutil

_SO_ATTACH_FILTER: Final = 26
_OF_A_SERVER: Final = 64
"""Descriptors that a server has open beside its clients' sockets; a JVM's has dozens."""
_FILTERS: Final[bool] = sys.platform.startswith("linux")
"""Not in Python's socket module; of Linux, on all common machines."""
_NETLINK: Final = 16
_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
"""Of Linux's sock_diag(7)."""
_LIMITING: Final = threading.Lock()
"""A limit is of the whole process: one thread at a time starts what is to inherit it."""


def _module(name: str) -> Any:
    """Import a module that not every system has; `ImportError` if it is missing."""
    return import_module(name)


AF_UNIX: Final[int | None] = getattr(socket, "AF_UNIX", None)
MSG_NOSIGNAL: Final[int] = getattr(socket, "MSG_NOSIGNAL", 0)


def unix_socket() -> socket.socket:
    """Create a Unix-domain socket; `OSError` on a system without them."""
    if AF_UNIX is None:
        raise OSError("this system has no Unix-domain sockets")
    return socket.socket(AF_UNIX)


def unsent(sock: socket.socket) -> int | None:
    """Return how many octets this kernel still holds for the peer; None if it does not tell."""
    try:
        fcntl, termios = _module("fcntl"), _module("termios")
        held = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(struct.calcsize("i")))
    except (ImportError, OSError):
        return None
    return int(struct.unpack("i", held)[0])


def unread(sock: socket.socket) -> int | None:
    """Return how many octets the peer, a process on this machine, has received and not read.

    None if the system does not tell; for a TCP connection only Linux does.
    """
    if sock.family == AF_UNIX:
        return unsent(sock)
    queues = _queues_of_peer(sock)
    return None if queues is None else queues[0]


def in_transit(sock: socket.socket) -> int | None:
    """Return how many octets the system of the peer, a process on this machine, holds for this end
    of a TCP connection and this system has not acknowledged.

    None if the system does not tell; only Linux does.
    """
    queues = None if sock.family == AF_UNIX else _queues_of_peer(sock)
    return None if queues is None else queues[1]


def _queues_of_peer(sock: socket.socket) -> tuple[int, int] | None:
    """Return how many octets the other end of a connection holds, unread and unsent."""
    try:
        with socket.socket(_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as system:
            system.setblocking(False)
            system.sendto(_question_about(sock), (0, 0))
            answer = system.recv(4_096)
        (kind,) = struct.unpack_from("=4xH", answer)
        # Headers of 16 and 4 octets, the connection of 48, and a time of 4 come first.
        to_read, to_send = struct.unpack_from("=72xII", answer)
    except (OSError, struct.error):
        return None
    return (to_read, to_send) if kind == _BY_FAMILY else None


def _question_about(sock: socket.socket) -> bytes:
    """Write the request about the other end of a connection (sock_diag(7), inet_diag_req_v2)."""

    def packed(host: str) -> bytes:
        return socket.inet_pton(sock.family, host.partition("%")[0]).ljust(16, b"\0")

    (host, port), (there, listening) = sock.getsockname()[:2], sock.getpeername()[:2]
    ends = struct.pack("!HH", listening, port) + packed(there) + packed(host)
    body = struct.pack("=BBxxI", sock.family, socket.IPPROTO_TCP, 0xFFFFFFFF) + ends
    body += struct.pack("=Iq", 0, -1)
    return struct.pack("=IHHII", 16 + len(body), _BY_FAMILY, 1, 0, 0) + body


def be_deaf(sock: socket.socket) -> None:
    """Let the kernel drop everything that comes to a TCP connection, and so answer nothing: to the
    peer this machine has vanished. `OSError` if the system cannot; only Linux can."""
    if not _FILTERS or sock.family == AF_UNIX:
        raise OSError("only Linux drops what comes to a TCP connection")
    # A filter of one instruction: return 0 octets of the packet.
    program = (ctypes.c_char * 8).from_buffer_copy(struct.pack("HBBI", 0x06, 0, 0, 0))
    filter_ = struct.pack("HP", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)


def is_connected(source: tuple[str, int]) -> bool:
    """Whether this machine holds a server's end of a connection from there."""
    return any(
        one.status == psutil.CONN_ESTABLISHED
        and one.raddr
        and one.raddr.port == source[1]
        and one.raddr.ip.endswith(source[0])
        for one in psutil.net_connections("tcp")
    )


def is_broken(sock: socket.socket) -> bool:
    """Whether a connection is known to be broken. Nothing is read from it."""
    if not hasattr(select, "poll"):
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(0))


def group_of_its_own() -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that give a process a group of its own, so that it
    and all it starts can be ended together."""
    if hasattr(os, "killpg"):
        return {"start_new_session": True}
    return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


def end_group(pid: int) -> None:
    """Kill what is left of a process that was started in a group of its own."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        return
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with suppress(psutil.Error):
                one.kill()


def has_children(pid: int) -> bool:
    """Whether a process may have living children; True if the system does not tell cheaply."""
    try:
        told = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return True
    return not told or any(told)


def read_at(file: IO[bytes], begin: int) -> bytes:
    """Read a file from an octet on. If the system can, this does not move the place where another
    process writes it."""
    system: Any = os
    if hasattr(system, "pread"):
        return bytes(system.pread(file.fileno(), os.fstat(file.fileno()).st_size - begin, begin))
    file.seek(begin)
    return file.read()


def descriptors(process: psutil.Process) -> int:
    """Count the descriptors, or on Windows the handles, that a process has open."""
    system: Any = process
    return int(system.num_fds() if hasattr(system, "num_fds") else system.num_handles())


def descriptor_limits(pid: int, wanted: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return the soft and the hard limit of descriptors of a running process, and set them to
    `wanted` if that is given. `OSError` if the system cannot; only Linux can."""
    try:
        resource = _module("resource")
        call = resource.prlimit
    except (ImportError, AttributeError):
        raise OSError("only Linux limits the descriptors of a running process") from None
    soft, hard = call(pid, resource.RLIMIT_NOFILE, *([] if wanted is None else [wanted]))
    return soft, hard


def descriptor_limit() -> float:
    """Return how many descriptors this process may have open."""
    try:
        resource = _module("resource")
    except ImportError:
        return math.inf
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if soft == resource.RLIM_INFINITY else float(soft)


def descriptors_for_clients() -> float:
    """Return how many descriptors this process may open before a launched server may run out.

    The server has the same limit, a socket for each client, and needs some more of its own.
    """
    limit = descriptor_limit()
    return limit - min(_OF_A_SERVER, limit / 2)


def raise_descriptor_limit() -> None:
    """Raise this process's limit of descriptors as far as possible: scenarios need hundreds."""
    try:
        resource = _module("resource")
    except ImportError:  # Windows has none, and needs none
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS says that there is no limit, and refuses more than 10,240.
    wanted = 10_240 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def inherited_limit(number: int) -> Iterator[None]:
    """Let what is started meanwhile, and all that it starts, have this number as its soft limit of
    microseconds without a pause, which only Linux has and only real-time processes are held to."""
    limit = getattr(resource := _resource(), "RLIMIT_RTTIME", None)
    if limit is None:
        yield
        return
    with _LIMITING:
        soft, hard = resource.getrlimit(limit)
        # Where it may not be so large, or not be changed at all, the environment alone tells.
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (number, hard))
        try:
            yield
        finally:
            with suppress(OSError, ValueError):
                resource.setrlimit(limit, (soft, hard))


def _resource() -> Any:
    """Return the module of limits; None on Windows, which has none."""
    try:
        return _module("resource")
    except ImportError:
        return None


def block(numbers: Sequence[signal.Signals], *, wanted: bool) -> None:
    """Block signals, or unblock them; do nothing on a system that cannot block them."""
    system: Any = signal
    if hasattr(system, "pthread_sigmask"):
        system.pthread_sigmask(system.SIG_BLOCK if wanted else system.SIG_UNBLOCK, numbers)
