"""Run a module without what Windows lacks: `python -m tests.bereft MODULE ARGUMENTS`.

It takes the names away before anything else is imported: Unix-domain sockets, poll, process groups,
flags of send, and modules that only POSIX has.
"""

import runpy
import sys
from typing import Final

MISSING: Final = {
    "socket": ("AF_UNIX", "MSG_NOSIGNAL", "MSG_DONTWAIT", "TCP_MAXSEG", "SO_REUSEPORT"),
    "select": ("poll", "epoll", "kqueue"),
    "os": ("killpg", "setsid"),
    "signal": ("pthread_sigmask", "SIG_BLOCK", "SIG_UNBLOCK"),
}
ABSENT: Final = ("fcntl", "termios", "resource", "pty", "tty")


def take_away() -> None:
    """Make these modules unavailable in this process."""
    import psutil  # noqa: F401  # it is made for this system, and needs its modules

    for name in ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]  # which an import takes for missing
    for name, names in MISSING.items():
        module = __import__(name)
        for one in names:
            if hasattr(module, one):
                delattr(module, one)
                if one in getattr(module, "__all__", ()):
                    module.__all__.remove(one)


if __name__ == "__main__":
    take_away()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
