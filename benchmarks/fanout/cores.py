"""The machine: which core is whose, how busy it is, and what it is, without its name."""

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HIGHEST: Final = -20
"""The priority before which no other comes."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of the server and that of the generator.

    `is_first`: whether both go ahead of all other processes.
    """

    server: int
    generator: int
    is_first: bool = False

    def pinned(self, core: int, command: Iterable[str]) -> list[str]:
        """The command, run on that core alone; start it in a session of its own."""
        return ["taskset", "--cpu-list", str(core), *command]

    def started(self, pid: int) -> None:
        """Give a process that was just started its priority; `PermissionError` without root."""
        if self.is_first:
            os.setpriority(os.PRIO_PROCESS, pid, HIGHEST)
            # Where sessions share the processors first, and then each session's processes.
            group = Path(f"/proc/{pid}/autogroup")
            if group.exists():
                group.write_text(str(HIGHEST), encoding="ascii")


def choose_cores(is_first: bool = False) -> Cores:
    """Take the last core for the server; the first one gets most of others' interrupts."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(server=allowed[-1], generator=allowed[0], is_first=is_first)


def describe() -> dict[str, str | int | float]:
    """Tell what a reader needs to compare figures: no host name, no path."""
    processor = re.search(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*([0-9]+) kB$", _read("/proc/meminfo"), re.MULTILINE)
    return {
        "processor": processor[1].strip() if processor else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory[1]) / 1_048_576, 1) if memory else 0,
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
