"""A network partition: connections are forwarded to another address, and while the way is cut
nothing passes, as when a network drops everything between two machines."""

import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

_READ: Final = 65_536
_LOOK: Final = 0.02
"""Seconds within which cutting and healing take effect."""


class Partition:
    """A listener on this machine for each of these addresses, which forwards to it."""

    def __init__(self, addresses: Sequence[tuple[str, str]]) -> None:
        self._is_cut = threading.Event()
        self._is_over = False
        self._selector = selectors.DefaultSelector()
        self._sockets: set[socket.socket] = set()
        self.listeners: list[tuple[str, int]] = []
        for host, port in addresses:
            listener = socket.create_server(("127.0.0.1", 0))
            self.listeners.append(listener.getsockname()[:2])
            self._watch(listener, (host.strip("[]"), int(port)))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Let nothing pass."""
        self._is_cut.set()

    def heal(self) -> None:
        """Let everything pass again; what has waited goes first."""
        self._is_cut.clear()

    def close(self) -> None:
        """Close all connections, and forward nothing more."""
        self._is_over = True
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over:
            if self._is_cut.is_set():
                time.sleep(_LOOK)
                continue
            for key, _ in self._selector.select(_LOOK):
                if self._is_cut.is_set():
                    break
                if isinstance(key.data, socket.socket):
                    self._pass_on(key.fileobj, key.data)  # type: ignore[arg-type]  # both are sockets
                else:
                    self._accept(key.fileobj, key.data)  # type: ignore[arg-type]
        for sock in self._sockets:
            sock.close()
        self._selector.close()

    def _accept(self, listener: socket.socket, address: tuple[str, int]) -> None:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(address, timeout=1)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._watch(near, far)
        self._watch(far, near)

    def _watch(self, sock: socket.socket, data: socket.socket | tuple[str, int]) -> None:
        self._sockets.add(sock)
        self._selector.register(sock, selectors.EVENT_READ, data)

    def _pass_on(self, sock: socket.socket, other: socket.socket) -> None:
        if sock not in self._sockets:
            return
        try:
            octets = sock.recv(_READ)
            other.sendall(octets)
        except OSError:
            octets = b""
        if not octets:
            for one in (sock, other):
                self._sockets.discard(one)
                self._selector.unregister(one)
                one.close()
