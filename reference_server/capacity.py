"""The system's limits for one process: raised where possible, reported where they are too low.

A member costs a descriptor and a thread; a thread costs a process id, its stack's address space
and two memory mappings. Each has a limit of its own, and when one is reached, a refused connection
is the only sign.
"""

import contextlib
import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STACK_SIZE: Final = 524_288
"""Octets of stack a thread: with the usual 8 MiB thousands of members may not fit."""
OWN: Final = 64
"""Descriptors, threads and twice as many mappings that are not for members."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the system's: its name, the members it has room for, and how to raise it."""

    name: str
    members: int
    remedy: str


def make_room(members: int | None, *, has_threads: bool = True) -> list[str]:
    """Raise this process's limits as far as it may; say which are too low for so many members.

    `has_threads`: each member has a thread, besides its descriptor.
    """
    if has_threads:
        threading.stack_size(STACK_SIZE)
    for kind in resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC:
        _, hard = resource.getrlimit(kind)
        with contextlib.suppress(OSError, ValueError):  # some systems say "unlimited" and mean less
            resource.setrlimit(kind, (hard, hard))
    return [
        f"--max-members {members}, but {limit.name} has room for {limit.members}: {limit.remedy}, "
        f"or ask for fewer"
        for limit in limits(has_threads=has_threads)
        if members is not None and limit.members < members
    ]


def limits(*, has_threads: bool = True) -> Iterator[Limit]:
    """Every limit there is here, as far as it can be read."""
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY:
        remedy = "raise it (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
        yield _limit("RLIMIT_NOFILE", descriptors, remedy)
    if not has_threads:
        return
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    if processes != resource.RLIM_INFINITY and os.getuid() != 0:  # root is exempt
        yield _limit("RLIMIT_NPROC", processes, "raise it (ulimit -Hu, or LimitNPROC=)")
    _, octets = resource.getrlimit(resource.RLIMIT_AS)
    if octets != resource.RLIM_INFINITY:
        yield _limit("RLIMIT_AS", octets // STACK_SIZE, "raise it (ulimit -Hv, or LimitAS=)")
    for path, per_member, remedy in (
        ("/proc/sys/kernel/threads-max", 1, "raise it (sysctl kernel.threads-max)"),
        ("/proc/sys/kernel/pid_max", 1, "raise it (sysctl kernel.pid_max)"),
        ("/proc/sys/vm/max_map_count", 2, "raise it (sysctl vm.max_map_count)"),
        *((path, 1, "raise it (TasksMax=, or --pids-limit)") for path in _control_groups()),
    ):
        try:
            allowed = int(Path(path).read_text())
        except (OSError, ValueError):  # not Linux, no such group, or "max"
            continue
        yield _limit(path, allowed // per_member, remedy)


def _limit(name: str, allowed: int, remedy: str) -> Limit:
    return Limit(name, max(0, allowed - OWN), remedy)


def _control_groups() -> Iterator[str]:
    """Where the limit on tasks of this process's control group may stand, in either version."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if controllers == "":
            yield f"/sys/fs/cgroup{path.rstrip('/')}/pids.max"
        elif "pids" in controllers.split(","):
            yield f"/sys/fs/cgroup/pids{path.rstrip('/')}/pids.max"
