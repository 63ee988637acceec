"""The system's limit on a process's descriptors: raised where possible, reported where too low.

A member costs a descriptor; when none is left, a refused connection is the only sign.
"""

import contextlib
import resource
from typing import Final

OWN: Final = 64
"""Descriptors that are not for members."""


def make_room(members: int | None) -> str | None:
    """Raise this process's limit as far as it may; say if it is too low for so many members."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems say "unlimited" and mean less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = most_members()
    if members is None or most is None or members <= most:
        return None
    return (
        f"--max-members {members}, but RLIMIT_NOFILE has room for {most}: raise it (ulimit -Hn, or "
        "LimitNOFILE= of a systemd unit), or ask for fewer"
    )


def most_members() -> int | None:
    """Tell for how many members there are descriptors; None for no limit."""
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if descriptors == resource.RLIM_INFINITY else max(0, descriptors - OWN)
