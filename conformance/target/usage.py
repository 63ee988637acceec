"""What a launched server uses while it is judged: memory, descriptors, threads and processor time,
of its process and of those that it started."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Final

import psutil
from pydantic import BaseModel, ConfigDict

from conformance.target.system import descriptor_limits, descriptors, has_children

_EVERY: Final = 0.25
_CHILDREN: Final = 1.0
"""Seconds between two looks at the processes, and between two looks for new ones, which search all
processes of the machine."""


class Figures(BaseModel):
    """`memory` in octets, resident; `cpu_s` in seconds since the process began."""

    model_config = ConfigDict(extra="forbid")

    memory: int = 0
    descriptors: int = 0
    threads: int = 0
    cpu_s: float = 0.0


class Usage(BaseModel):
    """What the server of a scenario used: before its clients came, at most, and after they left.

    `server` numbers the launches. `seconds` lie between the first look and the last.
    """

    model_config = ConfigDict(extra="forbid")

    server: int
    before: Figures
    most: Figures
    after: Figures
    seconds: float


class ProcessFamily:
    """A process, and those that it started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._members: list[psutil.Process] = []
        self._known = 0.0

    def pids(self) -> list[int]:
        """Return the ids of all of them."""
        return [process.pid for process in self.members()]

    def cpu_s(self) -> float:
        """Return the seconds of processor time that all of them have taken."""
        taken = 0.0
        for process in self.members():
            with suppress(psutil.Error):
                times = process.cpu_times()
                taken += times.user + times.system
        return taken

    def descriptors(self) -> int:
        """Count the descriptors that all of them have open."""
        opened = 0
        for process in self.members():
            with suppress(psutil.Error):
                opened += descriptors(process)
        return opened

    @contextmanager
    def without_descriptors(self) -> Iterator[int]:
        """Keep them from opening more descriptors during the block; `OSError` except on Linux.

        Yields how many they can open all the same, since there are gaps between the numbers.
        """
        gaps = 0
        usual: list[tuple[int, tuple[int, int]]] = []
        try:
            for process in self.members():
                limits = descriptor_limits(process.pid)
                usual.append((process.pid, limits))
                numbers = [int(entry) for entry in os.listdir(f"/proc/{process.pid}/fd")]
                taken = len(numbers)
                gaps += sum(number >= taken for number in numbers)
                descriptor_limits(process.pid, (taken, limits[1]))
            yield gaps
        finally:
            for pid, limits in usual:
                with suppress(OSError):
                    descriptor_limits(pid, limits)

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Suspend them during the block; `psutil.Error` if the system does not allow it."""
        with ExitStack() as resumed:
            for process in self.members():
                process.suspend()
                resumed.callback(_resume, process)
            yield

    def members(self) -> list[psutil.Process]:
        """Return the process, if it is still there, and its children as of a moment ago."""
        now = time.monotonic()
        if not self._members or now - self._known > _CHILDREN:
            with suppress(psutil.Error):
                process = psutil.Process(self.pid)
                started = process.children(recursive=True) if has_children(self.pid) else ()
                self._members = [process, *started]
            self._known = now
        return self._members


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.resume()


class Monitor:
    """A thread that looks at a family every so often, until its block ends."""

    def __init__(self, family: ProcessFamily) -> None:
        self._family = family
        self._looks: list[tuple[float, Figures]] = []
        self._over = threading.Event()
        self._processes: list[psutil.Process] = []
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)

    def __enter__(self) -> "Monitor":
        self._processes = self._family.members()
        self.look()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.look()

    def usage(self) -> Usage | None:
        """Return what was seen; None if the process had ended before the first look."""
        if not self._looks:
            return None
        (began, before), *_, (ended, after) = [*self._looks, self._looks[-1]]
        return Usage(
            server=self._family.pid,
            before=before,
            most=_most(figures for _, figures in self._looks),
            after=after,
            seconds=round(ended - began, 3),
        )

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self.look()

    def look(self) -> None:
        """Look now: the processes may have ended by the next look."""
        looked = Figures()
        for process in self._processes:
            try:
                figures = _figures(process)
            except psutil.Error:
                if process.pid == self._family.pid:
                    return  # it has ended: the last look holds
                continue
            looked.memory += figures.memory
            looked.descriptors += figures.descriptors
            looked.threads += figures.threads
            looked.cpu_s = round(looked.cpu_s + figures.cpu_s, 3)
        if looked.memory:
            self._looks.append((time.monotonic(), looked))


def _figures(process: psutil.Process) -> Figures:
    with process.oneshot():
        times = process.cpu_times()
        return Figures(
            memory=process.memory_info().rss,
            descriptors=descriptors(process),
            threads=process.num_threads(),
            cpu_s=times.user + times.system,
        )


def _most(figures: Iterable[Figures]) -> Figures:
    looks = list(figures)
    return Figures(
        memory=max(one.memory for one in looks),
        descriptors=max(one.descriptors for one in looks),
        threads=max(one.threads for one in looks),
        cpu_s=max(one.cpu_s for one in looks),
    )


def together(usages: Iterable[Usage]) -> Usage | None:
    """Combine what the server used that ran for the longest, from the first look at it to the last;
    None if there was none."""
    by_server: dict[int, list[Usage]] = {}
    for usage in usages:
        by_server.setdefault(usage.server, []).append(usage)
    if not by_server:
        return None
    longest = max(by_server.values(), key=lambda ones: sum(one.seconds for one in ones))
    return Usage(
        server=longest[0].server,
        before=longest[0].before,
        most=_most(one.most for one in longest),
        after=longest[-1].after,
        seconds=round(sum(one.seconds for one in longest), 3),
    )
