"""Wakes a thread that waits in a selector: an octet the process sends to itself."""

import contextlib
import socket


class Waker:
    """Register it with a selector for reading; any thread may call `wake`."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def writer_fileno(self) -> int:
        """Where an octet written wakes, too, as `signal.set_wakeup_fd` does."""
        return self._writer.fileno()

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it is awake already
            self._writer.send(b"\0")

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
