"""The event loop under a specimen: what is ready, what is due, and the signals that stop it."""

import heapq
import selectors
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable


class ServerLoop(ABC):
    """Calls the data of each ready file, then each timer that is due."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.timers_set = 0
        self.waking, self.woken = socket.socketpair()

    def heed_signals(self) -> None:
        self.waking.setblocking(False)
        signal.set_wakeup_fd(self.waking.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self.selector.register(self.woken, selectors.EVENT_READ, self.on_woken)

    def on_woken(self, _events: int) -> None:
        self.woken.recv(64)
        self.on_signal()

    @abstractmethod
    def on_signal(self) -> None:
        """Stop."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers_set += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.timers_set, action))

    def handle_events(self) -> None:
        wait = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
        for key, events in sorted(self.selector.select(wait), key=self.precedence):
            key.data(events)
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()

    def precedence(self, _ready: tuple[selectors.SelectorKey, int]) -> int:
        return 0
